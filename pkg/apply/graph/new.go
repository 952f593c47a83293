package graph

import (
	"cmp"
	"fmt"
	"net"
	"slices"
	"strconv"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/record"
	"github.com/setup-mesh/setup-mesh/pkg/apply/status"
	"github.com/setup-mesh/setup-mesh/pkg/topology"
	"github.com/setup-mesh/setup-mesh/pkg/topology/manifest"
)

// New draws what m says, and b of the mode of the mesh, which may be nil; and, unless s is
// nil, what was found in the clusters. It keeps none of them.
func New(m *topology.Mesh, b *manifest.Base, s *status.Status) *Graph {
	g := &Graph{Mesh: m.ID}
	for _, c := range m.Clusters {
		g.Clusters = append(g.Clusters, planned(m, b, c))
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
func planned(m *topology.Mesh, b *manifest.Base, c topology.Cluster) Cluster {
	out := Cluster{Name: c.Name, Context: c.Context, Network: c.Network, Role: record.MemberOf(c).Role, Primaries: slices.Clone(c.Primaries), State: Planned}
	given := func(port int) string {
		if len(c.Gateway.Addresses) == 0 {
			return ""
		}
		return net.JoinHostPort(c.Gateway.Addresses[0], strconv.Itoa(port))
	}
	mode := manifest.ModeOf(m, b, c)
	if mode.EastWest {
		out.Gateways = append(out.Gateways, Gateway{State: Planned, Address: given(c.Gateway.Port)})
	}
	if mode.HBONE {
		at := given(c.Gateway.HBONEPort())
		out.Gateways = append(out.Gateways, Gateway{Ambient: true, State: Planned, ByPeers: at != "", Address: cmp.Or(at, fmt.Sprintf("port %d", object.HBONEPort))})
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
