// Package compare says how two states of an object, or of a manifest, differ.
// It asks nobody.
package compare

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// A Field is one difference between two states of an object or a manifest.
// Nil is absent.
type Field struct {
	Path string `json:"path"`
	Old  any    `json:"old"`
	New  any    `json:"new"`
	// Source is where the new value of a manifest comes from: where it was written, as
	// file:line:column, or [FromProfile] or [FromRelease]. That of an object has none.
	Source string `json:"source,omitempty"`
}

// Sources of values that no file says.
const (
	FromProfile = "profile"    // the files say nothing of it: what the profile says holds
	FromRelease = "setup-mesh" // setup-mesh sets it, for the topology or for its release
)

// listKeys are the fields that tell the elements of a list of objects apart,
// tried in this order: they are the merge keys of the built-in types.
// https://kubernetes.io/docs/reference/using-api/server-side-apply/#merge-strategy
var listKeys = []string{"name", "key", "type", "port", "number", "containerPort", "mountPath", "ip", "uid"}

// Holds says whether live has everything that want says. It is the quick,
// one-sided comparison: true is certain up to notation, false means "ask the
// API server" (which also knows defaults and canonical forms).
func Holds(want, live any) bool {
	switch w := want.(type) {
	case map[string]any:
		l, ok := live.(map[string]any)
		if !ok {
			return false
		}
		if reflect.ValueOf(w).UnsafePointer() == reflect.ValueOf(l).UnsafePointer() {
			return true // see [Share]
		}
		for k, v := range w {
			lv, ok := l[k]
			if !ok || !Holds(v, lv) && !sameQuantity(k, v, lv) {
				return false
			}
		}
		return true
	case []any:
		l, ok := live.([]any)
		if !ok {
			return false
		}
		return listHolds(w, l)
	default:
		return sameScalar(want, live)
	}
}

// listHolds wants as many elements in live as in want: whether one more is
// somebody else's business depends on the list, and only the API server knows.
func listHolds(want, live []any) bool {
	if len(want) != len(live) {
		return false
	}
	key := listKey(want)
	if key == "" {
		for i := range want {
			if !Holds(want[i], live[i]) {
				return false
			}
		}
		return true
	}
	for _, w := range want {
		id := w.(map[string]any)[key]
		if !slices.ContainsFunc(live, func(l any) bool {
			m, ok := l.(map[string]any)
			return ok && sameScalar(id, m[key]) && Holds(w, l)
		}) {
			return false
		}
	}
	return true
}

// listKey is the field that every element of a list has, and no two alike; ""
// if the list is not one of such objects.
func listKey(list []any) string {
next:
	for _, key := range listKeys {
		seen := map[any]bool{}
		for _, e := range list {
			m, ok := e.(map[string]any)
			if !ok {
				return ""
			}
			id, ok := m[key]
			if !ok || !isScalar(id) || seen[id] {
				continue next
			}
			seen[id] = true
		}
		if len(list) > 0 {
			return key
		}
	}
	return ""
}

func isScalar(v any) bool {
	switch v.(type) {
	case map[string]any, []any:
		return false
	}
	return true
}

// sameScalar compares values as they are written: 80 and "80" are one.
func sameScalar(a, b any) bool {
	switch a.(type) {
	case string, bool, int64, float64:
		if a == b { // nearly always
			return true
		}
	}
	return reflect.DeepEqual(a, b) || fmt.Sprint(a) == fmt.Sprint(b)
}

// quantities are the keys under which 2048Mi and 2Gi are one value, which the
// API server writes in its own way:
// https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
var quantities = map[string]bool{"cpu": true, "memory": true, "ephemeral-storage": true, "storage": true}

func sameQuantity(key string, a, b any) bool {
	if !quantities[key] || !isScalar(a) || !isScalar(b) {
		return false
	}
	qa, err := resource.ParseQuantity(fmt.Sprint(a))
	if err != nil {
		return false
	}
	qb, err := resource.ParseQuantity(fmt.Sprint(b))
	return err == nil && qa.Cmp(qb) == 0
}

// Fields lists how an object would change from live to dry, leaf by leaf and
// sorted. What the API server itself keeps (status, versions, owners of
// fields) is no change.
func Fields(live, dry *unstructured.Unstructured) []Field {
	var out []Field
	DiffValue(&out, "", meaningful(live), meaningful(dry))
	SortFields(out)
	return out
}

// SortFields sorts f, in place, by path.
func SortFields(f []Field) {
	slices.SortFunc(f, func(a, b Field) int { return strings.Compare(a.Path, b.Path) })
}

// PlainJSON is v as it comes out of JSON, so that values that were stored and
// values that were not compare equal. What cannot be encoded stays as it is.
func PlainJSON(v any) any {
	b, err := json.Marshal(v)
	if err != nil {
		return v
	}
	var out any
	if err := json.Unmarshal(b, &out); err != nil {
		return v
	}
	return out
}

// templateGeneration counts the templates of a DaemonSet. The API server keeps it.
// https://github.com/kubernetes/kubernetes/blob/v1.36.3/pkg/apis/apps/v1/conversion.go
const templateGeneration = "deprecated.daemonset.template.generation"

func meaningful(o *unstructured.Unstructured) map[string]any {
	out := make(map[string]any, len(o.Object))
	for k, v := range o.Object {
		out[k] = v
	}
	delete(out, "status")
	meta := map[string]any{}
	for _, k := range []string{"labels", "annotations", "ownerReferences", "finalizers"} {
		if v, ok, _ := unstructured.NestedFieldNoCopy(o.Object, "metadata", k); ok {
			meta[k] = v
		}
	}
	if notes, ok := meta["annotations"].(map[string]any); ok && notes[templateGeneration] != nil {
		notes = maps.Clone(notes)
		delete(notes, templateGeneration)
		meta["annotations"] = notes
	}
	out["metadata"] = meta
	return out
}

// DiffValue appends to out how the decoded JSON values old and new at path differ,
// leaf by leaf. The elements of lists with a merge key are matched by it. Fields
// share the values with old and new.
func DiffValue(out *[]Field, path string, old, new any) {
	switch o := old.(type) {
	case map[string]any:
		if n, ok := new.(map[string]any); ok {
			diffMaps(out, path, o, n)
			return
		}
	case []any:
		if n, ok := new.([]any); ok {
			if key := listKey(o); key != "" && listKey(n) == key {
				diffMaps(out, path, byKey(key, o), byKey(key, n))
				return
			}
		}
	}
	if !reflect.DeepEqual(old, new) {
		*out = append(*out, Field{Path: path, Old: old, New: new})
	}
}

func diffMaps(out *[]Field, path string, old, new map[string]any) {
	for k, o := range old {
		n, ok := new[k]
		if !ok {
			*out = append(*out, Field{Path: join(path, k), Old: o})
			continue
		}
		DiffValue(out, join(path, k), o, n)
	}
	for k, n := range new {
		if _, ok := old[k]; !ok {
			*out = append(*out, Field{Path: join(path, k), New: n})
		}
	}
}

// byKey turns a list of objects into a map; its keys print as [name=x].
func byKey(key string, list []any) map[string]any {
	m := make(map[string]any, len(list))
	for _, e := range list {
		m[fmt.Sprintf("[%s=%v]", key, e.(map[string]any)[key])] = e
	}
	return m
}

func join(path, key string) string {
	switch {
	case path == "" || strings.HasPrefix(key, "["):
		return path + key
	case strings.ContainsAny(key, "./"):
		return fmt.Sprintf("%s[%s]", path, key)
	}
	return path + "." + key
}
