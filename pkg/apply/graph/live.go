package graph

import (
	"net"
	"slices"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
	"github.com/setup-mesh/setup-mesh/pkg/apply/status"
)

// see adds what a status found to what topology.yaml says.
func (g *Graph) see(s *status.Status) {
	g.Live, g.Problems = true, slices.Clone(s.Findings)
	found := make([]status.Cluster, len(g.Clusters))
	for _, c := range s.Clusters {
		i := slices.IndexFunc(g.Clusters, func(known Cluster) bool { return known.Name == c.Name && !known.Leaving })
		if i < 0 {
			i = len(g.Clusters)
			g.Clusters = append(g.Clusters, Cluster{Name: c.Name, Context: c.Context, Network: c.Network, Role: c.Role, Primaries: slices.Clone(c.Primaries), Leaving: true})
			found = append(found, status.Cluster{})
		}
		found[i] = c
	}
	g.Arrows = append(g.Arrows, g.unwanted(found)...)
	for i := range g.Arrows {
		g.seeArrow(&g.Arrows[i], found)
	}
	for i := range g.Clusters {
		g.seeCluster(&g.Clusters[i], found[i])
	}
}

// unwanted are clusters that others discover and should not.
func (g *Graph) unwanted(found []status.Cluster) []Arrow {
	var out []Arrow
	for i, c := range found {
		for _, source := range object.SortedKeys(c.Discovers) {
			j := slices.IndexFunc(g.Clusters, func(c Cluster) bool { return c.Name == source })
			known := func(a Arrow) bool { return a.Kind == Discovers && a.From == i && a.To == j }
			if j >= 0 && !slices.ContainsFunc(g.Arrows, known) {
				out = append(out, Arrow{Kind: Discovers, From: i, To: j})
			}
		}
	}
	return out
}

// seeArrow is what was found of a pair of clusters.
func (g *Graph) seeArrow(a *Arrow, found []status.Cluster) {
	asked, peer := found[a.From], g.Clusters[a.To].Name
	word := asked.Discovers[peer]
	if a.Kind == Serves {
		asked, peer = found[a.To], ""
		word = asked.Served
	}
	switch {
	case word == status.Ok:
		a.State = OK
	case word != "":
		f := g.find(asked.Name, peer, word)
		a.State, a.Reason, a.Message, a.Fix = stateOf(f), status.Words(word), f.Message, f.Hint
	case asked.Unreached != "":
		a.State, a.Reason = Unknown, asked.Name+" is not reached"
	default:
		a.State, a.Reason = Unknown, "not known"
	}
}

// find is what was found of a cluster and a peer that a table words like this, the
// zero Finding if the table is all there is.
func (g *Graph) find(cluster, peer, word string) plan.Finding {
	i := slices.IndexFunc(g.Problems, func(f plan.Finding) bool { return f.Cluster == cluster && f.Peer == peer && f.State == word })
	if i < 0 {
		return plan.Finding{}
	}
	return g.Problems[i]
}

// seeCluster is what was found of a cluster: what is wrong between it and another is
// said by their arrow, if they have one.
func (g *Graph) seeCluster(c *Cluster, found status.Cluster) {
	c.Istio, c.Drift, c.Trust = found.Istio, found.Drift, found.Trust.Words()
	g.seeGateways(c, found)
	c.State = OK
	for i, f := range g.Problems {
		if f.Cluster != c.Name {
			continue
		}
		c.Problems = append(c.Problems, i)
		if f.Peer == "" || !g.linked(c.Name, f.Peer) {
			c.suffers(f, f.State != "" && slices.Contains([]string{found.Gateway, found.AmbientGateway, found.Served}, f.State))
		}
	}
	switch {
	case found.Name == "":
		c.State, c.Reason = Unknown, "not known"
	case found.Unreached != "":
		c.State, c.Reason = Unknown, "not reached"
	}
}

// suffers makes c as bad as f has it. The first finding gives the reason, unless the
// gateway or a line says it already.
func (c *Cluster) suffers(f plan.Finding, said bool) {
	state := stateOf(f)
	if c.State == Broken && state == Unknown {
		return
	}
	if c.State != state {
		c.State, c.Reason = state, ""
	}
	switch {
	case said || c.Reason != "":
	case f.State == "" || f.State == "unknown":
		c.Reason = f.Message
	default:
		c.Reason = f.ID + ": " + status.Words(f.State)
	}
}

// linked says whether there is an arrow from one cluster to the other.
func (g *Graph) linked(from, to string) bool {
	return slices.ContainsFunc(g.Arrows, func(a Arrow) bool { return g.Clusters[a.From].Name == from && g.Clusters[a.To].Name == to })
}

// seeGateways is how the gateways of c are reached now, those that it needs and those that
// it has.
func (g *Graph) seeGateways(c *Cluster, found status.Cluster) {
	if len(c.Gateways) == 0 && found.Gateway != "" {
		c.Gateways = []Gateway{{}}
	}
	for i := range c.Gateways {
		gateway, at := &c.Gateways[i], found.Gateway
		if gateway.Ambient && len(c.Gateways) > 1 {
			at = found.AmbientGateway
		}
		_, _, notAddress := net.SplitHostPort(at)
		switch {
		case at == "":
			gateway.State = Unknown
		case notAddress == nil:
			gateway.State, gateway.Address = OK, at
		default:
			gateway.State, gateway.Address, gateway.Reason = stateOf(g.find(c.Name, "", at)), "", status.Words(at)
		}
	}
}

// stateOf is what a finding makes of what it is about.
func stateOf(f plan.Finding) State {
	if f.Unknown {
		return Unknown
	}
	return Broken
}
