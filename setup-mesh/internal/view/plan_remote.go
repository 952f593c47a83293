package view

import (
	"slices"

	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
	"github.com/setup-mesh/setup-mesh/pkg/apply/record"
)

// What a plan says of remote clusters, and of primaries as far as they serve
// some.

// roleWords is what a cluster is in the mesh, and was where that changes: "" for
// a primary that was one.
func roleWords(c *plan.Cluster) string {
	now := roleOf(c.Member)
	if c.Was != nil {
		if was := roleOf(*c.Was); was != now {
			return was + " -> " + now
		}
	}
	if c.Role != record.RoleRemote {
		return ""
	}
	return now
}

func roleOf(m record.Member) string {
	if m.Role != record.RoleRemote {
		return m.Role
	}
	return m.Role + " of " + few(m.Primaries)
}

// changesRole says whether a primary becomes a remote cluster, or the other way
// round.
func changesRole(c *plan.Cluster) bool { return c.Was != nil && c.Was.Role != c.Role }

// remotesOf are the names of the clusters that a primary serves.
func (v *planView) remotesOf(primary string) []string {
	var names []string
	for _, c := range v.plan.Clusters {
		if !c.Leaving && slices.Contains(c.Primaries, primary) {
			names = append(names, c.Name)
		}
	}
	return names
}

// primaries words the way of a remote cluster to the control planes that serve
// it: an address for each. The Service before them goes without saying.
func (v *planView) primaries(changes []plan.Change) []planLine {
	var lines []planLine
	add := func(symbol, text string) { lines = append(lines, componentLine(symbol, order.Primaries, text)) }
	for _, ch := range changes {
		primary := ch.Peer
		switch {
		case ch.Part != order.Endpoints:
		case ch.Blocked != "":
			add("x", ch.Blocked)
		case ch.Action == plan.Create:
			add("+", primary+", "+v.addressOf(primary))
		case ch.Action == plan.Delete:
			add("-", primary+"   no longer serves the cluster")
		default:
			add("~", firstReason([]plan.Change{ch}, primary+"   changed outside of setup-mesh"))
		}
	}
	if len(lines) == 0 {
		add(symbolOf(changes), objectsWords(changes))
	}
	return lines
}

// addressOf is where a remote cluster will find a primary.
func (v *planView) addressOf(primary string) string {
	for _, c := range v.plan.Clusters {
		if c.Name == primary && c.Gateway.Host != "" {
			return "address " + c.Gateway.WithoutPort()
		}
	}
	return "address known after apply"
}

// waitingLines say which part of a component waits for a primary.
func waitingLines(comp order.Component, waiting []plan.Change) []planLine {
	if len(waiting) == 0 {
		return nil
	}
	return []planLine{componentLine("x", comp, objectsWords(waiting)+": "+waiting[0].Blocked)}
}
