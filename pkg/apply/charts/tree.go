package charts

import (
	"encoding/json"
	"maps"
	"strings"
)

// clone copies a tree of decoded YAML or JSON; nil becomes an empty map.
func clone(m map[string]any) (map[string]any, error) {
	data, err := json.Marshal(m)
	if err != nil {
		return nil, err
	}
	var out map[string]any
	if err := json.Unmarshal(data, &out); err != nil {
		return nil, err
	}
	if out == nil {
		out = map[string]any{}
	}
	return out, nil
}

// shallow copies the top level; nil becomes an empty map.
func shallow(m map[string]any) map[string]any {
	out := make(map[string]any, len(m)+1)
	maps.Copy(out, m)
	return out
}

// joined is a path as messages have it.
func joined(path []string) string { return strings.Join(path, ".") }

// lookup returns what is at path, or nil.
func lookup(m map[string]any, path ...string) any {
	var at any = m
	for _, key := range path {
		m, ok := at.(map[string]any)
		if !ok {
			return nil
		}
		at = m[key]
	}
	return at
}

// set puts v at path and makes the maps on the way; what is in the way and no
// map is replaced.
func set(m map[string]any, v any, path ...string) {
	for _, key := range path[:len(path)-1] {
		next, ok := m[key].(map[string]any)
		if !ok {
			next = map[string]any{}
			m[key] = next
		}
		m = next
	}
	m[path[len(path)-1]] = v
}

func setDefault(m map[string]any, v any, path ...string) {
	if lookup(m, path...) == nil {
		set(m, v, path...)
	}
}

// remove deletes what is at path.
func remove(m map[string]any, path ...string) {
	parent, ok := lookup(m, path[:len(path)-1]...).(map[string]any)
	if ok {
		delete(parent, path[len(path)-1])
	}
}
