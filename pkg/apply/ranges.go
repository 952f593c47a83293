package apply

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/record"
)

// ranges collects CIDRs, each once.
type ranges map[netip.Prefix]bool

// add leaves out what is no CIDR.
func (r *ranges) add(cidrs []string) {
	if *r == nil {
		*r = ranges{}
	}
	for _, s := range cidrs {
		if p, err := netip.ParsePrefix(s); err == nil {
			(*r)[p.Masked()] = true
		}
	}
}

func (r ranges) sorted() []netip.Prefix { return slices.SortedFunc(maps.Keys(r), netip.Prefix.Compare) }

// overlap finds the first two ranges with an address in common. a and b are
// sorted.
func overlap(a, b []netip.Prefix) (x, y netip.Prefix, found bool) {
	for len(a) > 0 && len(b) > 0 {
		switch {
		case a[0].Overlaps(b[0]):
			return a[0], b[0], true
		case a[0].Addr().Less(b[0].Addr()):
			// It ends before b begins.
			a = a[1:]
		default:
			b = b[1:]
		}
	}
	return x, y, false
}

// neighbors are two clusters of one network, whose pods reach each other
// directly.
type neighbors struct{ a, b *ClusterPlan }

// newNeighbors are the neighbors that an apply brings together: at least one of
// the two is new to the network, and both are joined.
func (p *Plan) newNeighbors() []neighbors {
	var out []neighbors
	for i, b := range p.Clusters {
		for _, a := range p.Clusters[:i] {
			if a.Network == b.Network && p.connects(a) && p.connects(b) && (a.newToNetwork() || b.newToNetwork()) && (a.Pending() || b.Pending()) {
				out = append(out, neighbors{a, b})
			}
		}
	}
	return out
}

// connects says whether the pods of c are, or will be, endpoints for others.
func (p *Plan) connects(c *ClusterPlan) bool {
	return c.Unreached == "" && !c.Leaving && c.Desired != nil && len(c.Desired.Reads)+len(c.Desired.ReadBy) > 0 && (c.Live.Record == nil || c.Live.Record.Mesh == p.Mesh)
}

// newToNetwork says whether c was not on its network when its mesh was last
// applied.
func (c *ClusterPlan) newToNetwork() bool {
	return c.Live.Record == nil || !slices.ContainsFunc(c.Live.Record.Members, func(m record.Member) bool {
		return m.UID == c.UID && m.Network == c.Network
	})
}

// overlaps refuses neighbors whose pods may have the same addresses: what is
// meant for one would go to the other.
// https://istio.io/latest/docs/ops/deployment/deployment-models/#network-models
func (p *Plan) overlaps(i Inspection) {
	told := map[string]bool{}
	unchecked := func(c *ClusterPlan, seen *Inspected) {
		if seen.PodsErr != nil && !told[c.Name] {
			told[c.Name] = true
			p.warn(c.Name, object.HintOf(seen.PodsErr), "whether its pods and those of its neighbors have addresses in common was not checked: %v", seen.PodsErr)
		}
	}
	for _, n := range p.newNeighbors() {
		a, b := i[n.a.Name], i[n.b.Name]
		if a == nil || b == nil {
			continue
		}
		shared := fmt.Sprintf("%s shares network %s with %s", n.b.Name, n.b.Network, n.a.Name)
		if !p.options.AllowOverlap {
			unchecked(n.a, a)
			unchecked(n.b, b)
			if x, y, found := overlap(a.Pods, b.Pods); found {
				p.refuse(n.b.Name, "give one of them another range or another network; where pods do not get their addresses from their nodes' podCIDRs, as with the IPAM of Calico, Cilium or Amazon VPC, --allow-overlap says so",
					"%s, and their pods have addresses in common: %s and %s", shared, y, x)
			}
		}
		if x, y, found := overlap(a.Services, b.Services); found {
			p.warn(n.b.Name, "proxies send to pods, not to cluster IPs: it matters to what calls cluster IPs of the other cluster without one",
				"%s, and their Services have addresses in common: %s and %s", shared, y, x)
		}
	}
}
