package order

import (
	"maps"
	"slices"
)

func sorted(set map[int]bool) []int {
	var out []int
	for _, i := range slices.Sorted(maps.Keys(set)) {
		if set[i] {
			out = append(out, i)
		}
	}
	return out
}
