package object

import (
	"maps"
	"reflect"
	"slices"
)

// Share is live with the parts of want in the place of the equal ones: what many
// objects or clusters hold alike is then in memory once. Both are decoded JSON, and
// may have parts in common with others that are shared at the same time: neither is
// changed here, and neither may be afterwards.
func Share(want, live map[string]any) map[string]any {
	out := make(map[string]any, len(live))
	for k, v := range live {
		if w, ok := want[k]; ok {
			v, _ = shared(w, v)
		}
		out[k] = v
	}
	return out
}

// shared is want if live is equal to it, or else live, with parts of want in it.
func shared(want, live any) (v any, equal bool) {
	switch l := live.(type) {
	case map[string]any:
		if w, ok := want.(map[string]any); ok {
			return sharedMap(w, l)
		}
	case []any:
		if w, ok := want.([]any); ok {
			return sharedList(w, l)
		}
	default:
		switch want.(type) {
		case string, bool, int64, float64, nil:
			if want == live {
				return want, true
			}
		}
	}
	return live, false
}

func sharedMap(want, live map[string]any) (v any, equal bool) {
	if reflect.ValueOf(want).UnsafePointer() == reflect.ValueOf(live).UnsafePointer() {
		return want, true
	}
	equal = len(want) == len(live)
	type part struct {
		key   string
		value any
	}
	var parts []part // of want, or with parts of it
	for k, one := range live {
		w, ok := want[k]
		if !ok {
			equal = false
			continue
		}
		next, same := shared(w, one)
		equal = equal && same
		if isContainer(next) {
			parts = append(parts, part{k, next})
		}
	}
	switch {
	case equal:
		return want, true
	case len(parts) == 0:
		return live, false
	}
	out := maps.Clone(live)
	for _, p := range parts {
		out[p.key] = p.value
	}
	return out, false
}

func sharedList(want, live []any) (v any, equal bool) {
	n := min(len(want), len(live))
	var out []any // once they differ
	differ := func(at int) {
		if out == nil {
			out = slices.Clone(live)
			copy(out, want[:at])
		}
	}
	for i := range n {
		next, same := shared(want[i], live[i])
		if !same {
			differ(i)
		}
		if out != nil {
			out[i] = next
		}
	}
	if len(want) != len(live) {
		differ(n)
	}
	if out == nil {
		return want, true
	}
	return out, false
}

// isContainer tells what takes room of its own from what its container holds.
func isContainer(v any) bool {
	switch v.(type) {
	case map[string]any, []any:
		return true
	}
	return false
}
