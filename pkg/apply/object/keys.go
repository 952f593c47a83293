package object

import (
	"maps"
	"slices"
)

// sortedKeys are the keys of m, in order.
func SortedKeys[V any](m map[string]V) []string {
	return slices.Sorted(maps.Keys(m))
}
