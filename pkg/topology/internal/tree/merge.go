package tree

import (
	"maps"
	"slices"
)

// Merge puts over on top of under and returns the result; both are left as they
// are. Mappings are merged key by key. A list whose items all have a field name
// (gateways, environment variables, ports) is merged item by item by these names
// (and kinds, for the patches of k8s.overlays), those of under first. Ports are one
// where their numbers are, as they are to an API server, whatever their names. Any other
// list and every scalar is replaced, also by null, with which Helm removes a value.
func Merge(under, over *Tree) *Tree {
	if under == nil || over == nil || under.Kind != over.Kind {
		if over == nil {
			return under.Clone()
		}
		return over.Clone()
	}
	switch {
	case over.Kind == Mapping:
		out := under.Clone()
		for _, k := range over.keys {
			f := over.fields[k]
			if before, ok := out.fields[k]; ok {
				key := f.key
				if merges(before.value, f.value) { // it still begins in under
					key = before.key
				}
				out.Put(k, key, Merge(before.value, f.value))
				continue
			}
			out.Put(k, f.key, f.value.Clone())
		}
		return out
	case merges(under, over):
		return mergeNamed(under, over)
	}
	return over.Clone()
}

// merges says that over is merged into under instead of replacing it.
func merges(under, over *Tree) bool {
	if under.Kind != over.Kind || over.Kind == Scalar {
		return false
	}
	return over.Kind == Mapping || AllNamed(under) && AllNamed(over)
}

func mergeNamed(under, over *Tree) *Tree {
	out := under.Clone()
	place, ports := map[string]int{}, map[string]int{}
	for i, item := range out.Items {
		place[identity(item)] = i
		if port := portOf(item); port != "" {
			ports[port] = i
		}
	}
	for _, item := range over.Items {
		i, ok := ports[portOf(item)]
		if !ok {
			i, ok = place[identity(item)]
		}
		if ok {
			out.Items[i] = Merge(out.Items[i], item)
			continue
		}
		out.Items = append(out.Items, item.Clone())
	}
	return out
}

// portOf tells the ports of a Service apart, or is "" for what is not a port.
// https://kubernetes.io/docs/reference/generated/kubernetes-api/v1.36/#servicespec-v1-core
func portOf(item *Tree) string {
	number, ok := item.Get("port").Literal()
	if !ok {
		return ""
	}
	protocol, _ := item.Get("protocol").Literal()
	if protocol == "" {
		protocol = "TCP"
	}
	return number + "/" + protocol
}

// AllNamed says that every item of a list has a field name, each its own.
func AllNamed(t *Tree) bool {
	seen := map[string]bool{}
	for _, item := range t.Items {
		id := identity(item)
		if id == "" || seen[id] {
			return false
		}
		seen[id] = true
	}
	return true
}

// identity is the name of an item, after its kind if it has one, or "".
func identity(item *Tree) string {
	name, ok := item.Get("name").Literal()
	if !ok {
		return ""
	}
	kind, _ := item.Get("kind").Literal()
	return kind + "/" + name
}

func sortedKeys[V any](m map[string]V) []string {
	return slices.Sorted(maps.Keys(m))
}
