package bundle

import (
	"slices"
	"strings"
)

// pick returns what is at these paths of m, as [kind] has them, at the same paths. What
// it returns shares nothing with m that is a mapping or a list.
func pick(m map[string]any, paths []string) map[string]any {
	out := map[string]any{}
	for _, path := range paths {
		for _, one := range expand(path) {
			copyAt(out, m, strings.Split(one, "."))
		}
	}
	return out
}

// expand writes out {a,b} at the end of a path.
func expand(path string) []string {
	before, list, ok := strings.Cut(path, "{")
	if !ok {
		return []string{path}
	}
	var out []string
	for key := range strings.SplitSeq(strings.TrimSuffix(list, "}"), ",") {
		out = append(out, before+key)
	}
	return out
}

// copyAt copies what is at a path from one mapping into another.
func copyAt(to, from map[string]any, path []string) {
	key, each := strings.CutSuffix(path[0], "[]")
	v, ok := from[key]
	if !ok {
		return
	}
	rest := path[1:]
	switch {
	case len(rest) == 0:
		to[key] = deepCopy(v)
	case each:
		copyItems(to, key, v, rest)
	default:
		if m, ok := v.(map[string]any); ok {
			copyAt(child(to, key), m, rest)
		}
	}
}

func copyItems(to map[string]any, key string, v any, rest []string) {
	list, ok := v.([]any)
	if !ok {
		return
	}
	items, _ := to[key].([]any)
	for i, item := range list {
		if i == len(items) {
			items = append(items, map[string]any{})
		}
		if m, ok := item.(map[string]any); ok {
			copyAt(items[i].(map[string]any), m, rest)
		}
	}
	to[key] = items
}

// child is the mapping at a key, which is made if there is none.
func child(m map[string]any, key string) map[string]any {
	c, ok := m[key].(map[string]any)
	if !ok {
		c = map[string]any{}
		m[key] = c
	}
	return c
}

func deepCopy(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for k, item := range v {
			out[k] = deepCopy(item)
		}
		return out
	case []any:
		out := slices.Clone(v)
		for i := range out {
			out[i] = deepCopy(out[i])
		}
		return out
	}
	return v
}
