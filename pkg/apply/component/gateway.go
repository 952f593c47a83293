package component

import (
	"github.com/setup-mesh/setup-mesh/pkg/apply/desired"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
)

// gateway is the east-west gateway of a cluster, which the charts render, and what
// it exposes: services to other networks, istiod to remote clusters.
func gateway() Component {
	return Component{
		title: order.Gateway,
		wants: func(w *desired.Wants) {
			c, ns := w.Cluster, w.Cluster.Member.Namespace
			about := order.Subject{Component: order.Gateway, Part: order.Mesh}
			if c.Member.Remote() {
				return // istiod reads its own resources in its own cluster only
			}
			if c.Exposed {
				w.Add(about, desired.ExposeServices(ns), nil)
			}
			if len(c.Remotes) > 0 {
				w.Add(about, desired.ExposeIstiod(ns), nil)
				w.Add(about, desired.RouteIstiod(ns), nil)
			}
		},
		needs: func(s *plan.Scene, c *plan.Cluster, ch plan.Change) []order.Fact {
			out := keepsServing(s, c, ch)
			if ch.Part == order.Gateways || ch.Part == order.Mesh {
				out = append(out, injectedOrValidated(s, c, ch)...)
			}
			if ch.Part == order.Front && losesNetwork(c) {
				out = append(append(out, knownBy(readers(s, c), c)...), forgottenBy(s, c)...)
			}
			return out
		},
		ends: func(s *plan.Scene, c *plan.Cluster, ch plan.Change) []order.Fact {
			return append(replaced(s, c, ch), programmed(c)...) // which takes over in an ambient mesh
		},
		Checks: gatewayChecks(),
		Proofs: []Proof{{
			Claim: order.Addressed, Check: IDAddress,
			// Where it changes, or has no address yet.
			applies: func(_ *plan.Scene, c *plan.Cluster) bool {
				return c.Desired.Gateway && (c.Gateway.Host == "" || c.Putting(order.Gateways) || c.MovesGateway())
			},
			needs: func(_ *plan.Scene, c *plan.Cluster) []order.Fact { return applied(c, order.Front, order.Gateways) },
		}},
		PairProofs: []PairProof{
			{Claim: order.Knows, Check: IDKnown, peers: retold, needs: needsOfKnowing},
			{Claim: order.Sends, Check: IDKnown, peers: toldByFile, needs: func(c, peer *plan.Cluster) []order.Fact {
				return append(applied(peer, order.Front), order.Fact{Cluster: c.Name, Claim: order.Knows, Peer: peer.Name})
			}},
		},
	}
}
