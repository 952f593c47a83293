package applytest

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// What follows reads and writes the content of objects without copying more of it
// than the maps that change.

// shallow copies o so that [set] and [metadata] may change the copy.
func shallow(o Object) Object { return &unstructured.Unstructured{Object: maps.Clone(o.Object)} }

// at returns what is at a path of map keys, or nil.
func at(m map[string]any, path ...string) any {
	for _, key := range path[:len(path)-1] {
		next, ok := m[key].(map[string]any)
		if !ok {
			return nil
		}
		m = next
	}
	return m[path[len(path)-1]]
}

func text(o Object, path ...string) string { return str(o.Object, path...) }

func items(o Object, path ...string) []any {
	l, _ := at(o.Object, path...).([]any)
	return l
}

func fields(o Object, path ...string) map[string]any {
	m, _ := at(o.Object, path...).(map[string]any)
	return m
}

func str(m map[string]any, path ...string) string {
	s, _ := at(m, path...).(string)
	return s
}

// number reads an integer, however it was decoded.
func number(m map[string]any, path ...string) (int64, bool) {
	switch n := at(m, path...).(type) {
	case int64:
		return n, true
	case int:
		return int64(n), true
	case float64:
		return int64(n), true
	}
	return 0, false
}

// set puts value at a path of a [shallow] copy; maps on the way are copied.
func set(o Object, value any, path ...string) {
	m := o.Object
	for _, key := range path[:len(path)-1] {
		next, _ := m[key].(map[string]any)
		if next = maps.Clone(next); next == nil {
			next = map[string]any{}
		}
		m[key] = next
		m = next
	}
	m[path[len(path)-1]] = value
}

// metadata returns the metadata of a [shallow] copy, to be changed.
func metadata(o Object) map[string]any {
	m, _ := o.Object["metadata"].(map[string]any)
	if m = maps.Clone(m); m == nil {
		m = map[string]any{}
	}
	o.Object["metadata"] = m
	return m
}

// maps of the list at a path.
func records(l []any) []map[string]any {
	out := make([]map[string]any, 0, len(l))
	for _, e := range l {
		if m, ok := e.(map[string]any); ok {
			out = append(out, m)
		}
	}
	return out
}

func labelsOf(o Object) map[string]string {
	return texts(fields(o, "metadata", "labels"))
}

func texts(m map[string]any) map[string]string {
	if len(m) == 0 {
		return nil
	}
	out := make(map[string]string, len(m))
	for k, v := range m {
		out[k], _ = v.(string)
	}
	return out
}

func anys[T any](list []T) []any {
	out := make([]any, len(list))
	for i, e := range list {
		out[i] = e
	}
	return out
}

// same says whether two JSON values are equal. Parts that the two share, as
// versions of one object do, cost nothing.
func same(a, b any) bool {
	switch a := a.(type) {
	case map[string]any:
		b, ok := b.(map[string]any)
		if !ok || len(a) != len(b) {
			return false
		}
		if reflect.ValueOf(a).UnsafePointer() == reflect.ValueOf(b).UnsafePointer() {
			return true
		}
		for k, v := range a {
			w, ok := b[k]
			if !ok || !same(v, w) {
				return false
			}
		}
		return true
	case []any:
		b, ok := b.([]any)
		if !ok || len(a) != len(b) {
			return false
		}
		if len(a) > 0 && &a[0] == &b[0] {
			return true
		}
		for i := range a {
			if !same(a[i], b[i]) {
				return false
			}
		}
		return true
	case string, bool, int64, float64, nil:
		return a == b
	}
	return fmt.Sprint(a) == fmt.Sprint(b)
}

// unchanged says whether two objects are equal but for when their fields were
// last managed, which alone is no reason for a server to write.
func unchanged(a, b Object) bool {
	if same(a.Object, b.Object) {
		return true
	}
	x, y := shallow(a), shallow(b)
	for _, o := range []Object{x, y} {
		if entries := items(o, "metadata", "managedFields"); len(entries) > 0 {
			metadata(o)["managedFields"] = untimed(entries)
		}
	}
	return same(x.Object, y.Object)
}

// untimed is a list of managed fields without their times.
func untimed(entries []any) []any {
	next := make([]any, len(entries))
	for i, e := range entries {
		if m, ok := e.(map[string]any); ok && m["time"] != nil {
			m = maps.Clone(m)
			delete(m, "time")
			e = m
		}
		next[i] = e
	}
	return next
}

// copyOf is a deep copy but for the managed fields, which are large, and which
// nobody changes in place.
func copyOf(o Object) Object {
	managed := at(o.Object, "metadata", "managedFields")
	if managed == nil {
		return o.DeepCopy()
	}
	bare := shallow(o)
	delete(metadata(bare), "managedFields")
	bare = bare.DeepCopy()
	bare.Object["metadata"].(map[string]any)["managedFields"] = managed //nolint:forcetypeassert // there it was
	return bare
}

func sortBy[T any](list []T, key func(T) string) {
	slices.SortFunc(list, func(a, b T) int { return strings.Compare(key(a), key(b)) })
}
