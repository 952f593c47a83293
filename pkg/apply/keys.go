package apply

import (
	"maps"
	"slices"
)

// sortedKeys are the keys of m, in order.
func sortedKeys[V any](m map[string]V) []string {
	return slices.Sorted(maps.Keys(m))
}
