package topology

import (
	"cmp"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
)

// A FieldChange is one value that differs between two specs. Old or New is nil
// where the value is absent there, and [Null] where it is null.
type FieldChange struct {
	Path     string // such as spec.values.pilot.traceSampling
	Old, New any
}

// Diff returns the differences between two specs, value by value, sorted by
// path. Lists whose items all have names are compared by name, others by
// position. Numbers are compared as numbers, so that a spec read back from JSON
// equals the one that was written.
func Diff(old, new map[string]any) []FieldChange {
	was, is := map[string]any{}, map[string]any{}
	flatten("spec", old, was)
	flatten("spec", new, is)
	var changes []FieldChange
	for path, o := range was {
		n, there := is[path]
		if !there {
			changes = append(changes, FieldChange{Path: path, Old: o})
		} else if !same(o, n) {
			changes = append(changes, FieldChange{Path: path, Old: o, New: n})
		}
	}
	for path, n := range is {
		if _, there := was[path]; !there {
			changes = append(changes, FieldChange{Path: path, New: n})
		}
	}
	slices.SortFunc(changes, func(a, b FieldChange) int { return cmp.Compare(a.Path, b.Path) })
	return changes
}

// Null is a value that is there and null, which for Helm takes a default away.
type Null struct{}

// String returns "null".
func (Null) String() string { return "null" }

// MarshalJSON returns null.
func (Null) MarshalJSON() ([]byte, error) { return []byte("null"), nil }

// flatten writes every leaf of v into out under its path; empty mappings and
// lists are leaves too.
func flatten(path string, v any, out map[string]any) {
	switch v := v.(type) {
	case nil:
		out[path] = Null{}
	case map[string]any:
		for k, item := range v {
			flatten(join(path, k), item, out)
		}
		if len(v) == 0 && path != "spec" {
			out[path] = v
		}
	case []any:
		names := itemNames(v)
		for i, item := range v {
			if names != nil {
				flatten(path+"[name="+names[i]+"]", item, out)
			} else {
				flatten(fmt.Sprintf("%s[%d]", path, i), item, out)
			}
		}
		if len(v) == 0 {
			out[path] = v
		}
	default:
		out[path] = v
	}
}

// itemNames returns the names of all items, or nil unless each has its own.
func itemNames(list []any) []string {
	names, seen := make([]string, 0, len(list)), map[string]bool{}
	for _, item := range list {
		m, _ := item.(map[string]any)
		name, ok := m["name"].(string)
		if !ok || seen[name] {
			return nil
		}
		seen[name] = true
		names = append(names, name)
	}
	return names
}

func same(a, b any) bool {
	if x, ok := number(a); ok {
		y, ok := number(b)
		return ok && x == y
	}
	return reflect.DeepEqual(a, b)
}

func number(v any) (float64, bool) {
	if n, ok := v.(json.Number); ok {
		f, err := n.Float64()
		return f, err == nil
	}
	r := reflect.ValueOf(v)
	switch {
	case !r.IsValid():
		return 0, false
	case r.CanInt():
		return float64(r.Int()), true
	case r.CanUint():
		return float64(r.Uint()), true
	case r.CanFloat():
		return r.Float(), true
	}
	return 0, false
}
