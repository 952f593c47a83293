package graph

import (
	"cmp"
	"net"
	"slices"
	"strconv"

	"github.com/setup-mesh/setup-mesh/pkg/apply/record"
	"github.com/setup-mesh/setup-mesh/pkg/apply/status"
	"github.com/setup-mesh/setup-mesh/pkg/topology"
)

// New draws what m says and, unless s is nil, what was found in the clusters. It keeps
// neither.
func New(m *topology.Mesh, s *status.Status) *Graph {
	g := &Graph{Mesh: m.ID}
	for _, c := range m.Clusters {
		g.Clusters = append(g.Clusters, planned(m, c))
	}
	for i, from := range m.Clusters {
		for j, to := range m.Clusters {
			if m.Reads(from, to) {
				g.Arrows = append(g.Arrows, Arrow{Kind: Discovers, From: i, To: j, State: Planned})
			}
			if slices.Contains(to.Primaries, from.Name) {
				g.Arrows = append(g.Arrows, Arrow{Kind: Serves, From: i, To: j, State: Planned})
			}
		}
	}
	if s != nil {
		g.see(s)
	}
	slices.SortStableFunc(g.Arrows, func(a, b Arrow) int {
		return cmp.Or(a.From-b.From, a.To-b.To, cmp.Compare(a.Kind, b.Kind))
	})
	g.clean()
	g.group()
	return g
}

// planned is a cluster as topology.yaml has it.
func planned(m *topology.Mesh, c topology.Cluster) Cluster {
	out := Cluster{Name: c.Name, Context: c.Context, Network: c.Network, Role: record.MemberOf(c).Role, Primaries: slices.Clone(c.Primaries), State: Planned}
	if m.HasGateway(c) {
		out.Gateway.State = Planned
	}
	if len(c.Gateway.Addresses) > 0 && out.Gateway.State != "" {
		out.Gateway.Address = net.JoinHostPort(c.Gateway.Addresses[0], strconv.Itoa(c.Gateway.Port))
	}
	return out
}

// group puts the clusters into their networks, in the order in which these first
// appear.
func (g *Graph) group() {
	for i, c := range g.Clusters {
		at := slices.IndexFunc(g.Networks, func(n Network) bool { return n.Name == c.Network })
		if at < 0 {
			at = len(g.Networks)
			g.Networks = append(g.Networks, Network{Name: c.Network})
		}
		g.Networks[at].Clusters = append(g.Networks[at].Clusters, i)
	}
}
