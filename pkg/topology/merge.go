package topology

import (
	"maps"
	"slices"
)

// merge puts over on top of under and returns the result; both are left as they
// are. Mappings are merged key by key. A list whose items all have a field name
// (gateways, environment variables, ports) is merged item by item by these names
// (and kinds, for the patches of k8s.overlays), those of under first; any other
// list and every scalar is replaced, by null too, which for Helm takes a value
// away.
func merge(under, over *tree) *tree {
	if under == nil || over == nil || under.kind != over.kind {
		if over == nil {
			return under.clone()
		}
		return over.clone()
	}
	switch {
	case over.kind == mapping:
		out := under.clone()
		for _, k := range over.keys {
			f := over.fields[k]
			if before, ok := out.fields[k]; ok {
				key := f.key
				if merges(before.value, f.value) { // it still begins in under
					key = before.key
				}
				out.put(k, key, merge(before.value, f.value))
				continue
			}
			out.put(k, f.key, f.value.clone())
		}
		return out
	case merges(under, over):
		return mergeNamed(under, over)
	}
	return over.clone()
}

// merges says that over is merged into under instead of replacing it.
func merges(under, over *tree) bool {
	if under.kind != over.kind || over.kind == scalar {
		return false
	}
	return over.kind == mapping || allNamed(under) && allNamed(over)
}

func mergeNamed(under, over *tree) *tree {
	out := under.clone()
	place := map[string]int{}
	for i, item := range out.items {
		place[identity(item)] = i
	}
	for _, item := range over.items {
		if i, ok := place[identity(item)]; ok {
			out.items[i] = merge(out.items[i], item)
			continue
		}
		out.items = append(out.items, item.clone())
	}
	return out
}

// allNamed says that every item of a list has a field name, each its own.
func allNamed(t *tree) bool {
	seen := map[string]bool{}
	for _, item := range t.items {
		id := identity(item)
		if id == "" || seen[id] {
			return false
		}
		seen[id] = true
	}
	return true
}

// identity is the name of an item, after its kind if it has one, or "".
func identity(item *tree) string {
	name, ok := item.get("name").literal()
	if !ok {
		return ""
	}
	kind, _ := item.get("kind").literal()
	return kind + "/" + name
}

func sortedKeys[V any](m map[string]V) []string {
	return slices.Sorted(maps.Keys(m))
}
