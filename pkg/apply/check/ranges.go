package check

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"
)

// Ranges collects CIDRs, each once.
type Ranges map[netip.Prefix]bool

// Add leaves out what is not a CIDR.
func (r *Ranges) Add(cidrs []string) {
	if *r == nil {
		*r = Ranges{}
	}
	for _, s := range cidrs {
		if p, err := netip.ParsePrefix(s); err == nil {
			(*r)[p.Masked()] = true
		}
	}
}

// Sorted are the ranges in their order, each once.
func (r Ranges) Sorted() []netip.Prefix { return slices.SortedFunc(maps.Keys(r), netip.Prefix.Compare) }

// An area is a range of addresses of one of several clusters.
type area struct {
	netip.Prefix
	of int // which cluster
}

// A collision is two ranges with an address in common, of two clusters.
type collision struct{ first, second area }

// collisions finds ranges of different clusters that have addresses in common:
// for each cluster at most one with a range of an earlier cluster. matters says
// whether those of two clusters may not. Of two CIDRs, one contains the other or
// they are apart, and so one walk in their order finds all.
func collisions(all []area, matters func(a, b int) bool) map[int]collision {
	slices.SortFunc(all, func(a, b area) int {
		return cmp.Or(a.Addr().Compare(b.Addr()), cmp.Compare(a.Bits(), b.Bits()), cmp.Compare(a.of, b.of))
	})
	found := map[int]collision{}
	var open []area // each contains the next
	for _, next := range all {
		for len(open) > 0 && !open[len(open)-1].Overlaps(next.Prefix) {
			open = open[:len(open)-1]
		}
		for _, around := range open {
			if around.of == next.of || !matters(around.of, next.of) {
				continue
			}
			first, second := around, next
			if second.of < first.of {
				first, second = second, first
			}
			if _, ok := found[second.of]; !ok {
				found[second.of] = collision{first, second}
			}
			break
		}
		open = append(open, next)
	}
	return found
}
