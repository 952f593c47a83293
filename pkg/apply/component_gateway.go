package apply

import "github.com/setup-mesh/setup-mesh/pkg/apply/order"

// gateway is the east-west gateway of a cluster, which the charts render, and what
// it exposes: services to other networks, istiod to remote clusters.
func gateway() component {
	return component{
		title: order.Gateway,
		wants: func(w *wants) {
			c, ns := w.cluster, w.cluster.Member.Namespace
			about := order.Subject{Component: order.Gateway, Part: order.Mesh}
			if c.Member.Remote() {
				return // istiod reads its own resources in its own cluster only
			}
			if c.Exposed {
				w.add(about, exposeServices(ns), nil)
			}
			if len(c.Remotes) > 0 {
				w.add(about, exposeIstiod(ns), nil)
				w.add(about, routeIstiod(ns), nil)
			}
		},
		needs: func(s *scene, c *ClusterPlan, ch Change) []order.Fact {
			out := s.keepsServing(c, ch)
			if ch.Part == order.Gateways || ch.Part == order.Mesh {
				out = append(out, s.injectedOrValidated(c, ch)...)
			}
			return out
		},
		ends:   replaced,
		checks: exposureChecks(),
		proofs: []proof{{
			claim: order.Addressed, check: checkAddress,
			// Where it changes, or has no address yet.
			applies: func(_ *scene, c *ClusterPlan) bool {
				return c.Desired.Gateway && (c.Gateway.Host == "" || c.putting(order.Gateways) || c.movesGateway())
			},
			needs: func(_ *scene, c *ClusterPlan) []order.Fact { return applied(c, order.Front, order.Gateways) },
		}},
	}
}
