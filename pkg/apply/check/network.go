package check

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
	"github.com/setup-mesh/setup-mesh/pkg/apply/record"
)

// A network is the clusters of one network whose pods reach each other directly.
type network struct {
	clusters []neighbor
	index    map[*plan.Cluster]int
	// How many are new to the network, change in an apply, and both.
	fresh, pending, both int
	// What neighbors that an apply brings together have in common, by the later
	// of the two.
	pods, services map[int]collision
}

// A neighbor is a cluster of a network.
type neighbor struct {
	*plan.Cluster
	fresh, pending bool
}

// newNetworks sorts the clusters that are, or will be, endpoints for others by
// their network, and compares what is known of their addresses.
func newNetworks(p *plan.Plan, i Inspection) map[string]*network {
	out := map[string]*network{}
	for _, c := range p.Clusters {
		if !connects(p, c) {
			continue
		}
		n := out[c.Network]
		if n == nil {
			n = &network{index: map[*plan.Cluster]int{}}
			out[c.Network] = n
		}
		one := neighbor{c, newToNetwork(c), c.Pending()}
		n.index[c] = len(n.clusters)
		n.clusters = append(n.clusters, one)
		n.fresh += count(one.fresh)
		n.pending += count(one.pending)
		n.both += count(one.fresh && one.pending)
	}
	for _, n := range out {
		n.pods = n.collisions(i, func(seen *Inspected) []netip.Prefix { return seen.Pods })
		n.services = n.collisions(i, func(seen *Inspected) []netip.Prefix { return seen.Services })
	}
	return out
}

func count(is bool) int {
	if is {
		return 1
	}
	return 0
}

// connects says whether the pods of c are, or will be, endpoints for others.
func connects(p *plan.Plan, c *plan.Cluster) bool {
	return c.Unreached == "" && !c.Leaving && c.Desired != nil && len(c.Desired.Reads)+len(c.Desired.ReadBy) > 0 && (c.Live.Record == nil || c.Live.Record.Mesh == p.Mesh)
}

// newToNetwork says whether c was not on its network when its mesh was last
// applied.
func newToNetwork(c *plan.Cluster) bool {
	return c.Live.Record == nil || !slices.ContainsFunc(c.Live.Record.Members, func(m record.Member) bool {
		return m.UID == c.UID && m.Network == c.Network
	})
}

// joinedBy says whether an apply brings two clusters together: at least one is
// new to the network.
func joinedBy(a, b neighbor) bool { return (a.fresh || b.fresh) && (a.pending || b.pending) }

// meets says whether an apply brings c together with any other cluster.
func (n *network) meets(c *plan.Cluster) bool {
	i, there := n.index[c]
	if !there {
		return false
	}
	switch one := n.clusters[i]; {
	case one.fresh && one.pending:
		return len(n.clusters) > 1
	case one.fresh:
		return n.pending > count(one.pending)
	case one.pending:
		return n.fresh > count(one.fresh)
	}
	return n.both > 0
}

// collisions are those of the ranges that neighbors told, where an apply brings
// these together.
func (n *network) collisions(i Inspection, ranges func(*Inspected) []netip.Prefix) map[int]collision {
	var all []area
	for at, c := range n.clusters {
		if seen := i[c.Name]; seen != nil {
			for _, p := range ranges(seen) {
				all = append(all, area{p, at})
			}
		}
	}
	return collisions(all, func(a, b int) bool { return joinedBy(n.clusters[a], n.clusters[b]) })
}

// networkChecks are about neighbors that have addresses in common: what is meant
// for one would go to the other.
// https://istio.io/latest/docs/ops/deployment/deployment-models/#network-models
func networkChecks() []Check {
	asks := []Question{AskRanges}
	return []Check{
		{ID: "network/pod-ranges", Severity: Refuses, Asks: asks, Applies: meetsNeighbors, Judge: judgePodRanges},
		{ID: "network/service-ranges", Severity: Warns, Asks: asks, Applies: meetsNeighbors, Judge: judgeServiceRanges},
	}
}

func meetsNeighbors(e *Evidence, c *plan.Cluster) bool {
	n := e.networks[c.Network]
	return !c.Forgotten && n != nil && n.meets(c)
}

func judgePodRanges(e *Evidence, c *plan.Cluster) []plan.Finding {
	if e.Plan.Options.AllowOverlap {
		return nil
	}
	var out []plan.Finding
	if seen := e.inspection[c.Name]; seen != nil && seen.PodsErr != nil {
		out = append(out, plan.Unanswered(seen.PodsErr, fmt.Sprintf("could not check whether its pod IPs overlap with those of the other clusters on its network: %v", seen.PodsErr)))
	}
	n := e.networks[c.Network]
	return append(out, n.finding(c, n.pods, "pods",
		"give one of them another range or another network; if pod IPs are unique although the nodes' podCIDRs overlap (Calico, Cilium, VPC CNI), say so with --allow-overlap")...)
}

func judgeServiceRanges(e *Evidence, c *plan.Cluster) []plan.Finding {
	n := e.networks[c.Network]
	return n.finding(c, n.services, "Services",
		"this only affects clients without a proxy that call a cluster IP of the other cluster")
}

// finding is that c and a cluster before it have addresses in common, if so.
func (n *network) finding(c *plan.Cluster, found map[int]collision, whose, hint string) []plan.Finding {
	one, there := found[n.index[c]]
	if !there {
		return nil
	}
	with := n.clusters[one.first.of].Name
	return []plan.Finding{{
		Peer: with, Hint: hint,
		Message: fmt.Sprintf("%s shares network %s with %s, and the IP ranges of their %s overlap: %s and %s",
			c.Name, c.Network, with, whose, one.second.Prefix, one.first.Prefix),
	}}
}
