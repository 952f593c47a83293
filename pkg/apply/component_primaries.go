package apply

import (
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
)

// primaries is the way of a remote cluster to the control planes that serve it:
// a Service, and an EndpointSlice for each.
func primaries() component {
	return component{
		title: order.Primaries,
		wants: func(w *wants) {
			c, ns := w.cluster, w.cluster.Member.Namespace
			w.add(order.Subject{Component: order.Primaries, Part: order.Service}, istiodServiceObject(ns), nil)
			for _, primary := range c.Member.Primaries {
				w.add(order.Subject{Component: order.Primaries, Part: order.Endpoints, Peer: primary}, endpointsObject(ns, primary), &primaryEndpoints{primary: primary})
			}
		},
		needs: func(s *scene, c *ClusterPlan, ch Change) []order.Fact {
			// The Service that loses its selector cuts the cluster's own istiod off.
			if ch.Part == order.Service && s.switches(c) && hasSelector(c.Live.object(ch.Object)) {
				return append(s.reachable(c), order.Fact{Cluster: c.Name, Claim: order.Serves})
			}
			return nil
		},
		ends: func(s *scene, c *ClusterPlan, ch Change) []order.Fact {
			if ch.Part == order.Probe { // of a proof that was cut off
				return nil
			}
			return s.replaced(c, ch)
		},
		proofs: []proof{{
			claim:   order.Serves,
			applies: func(s *scene, c *ClusterPlan) bool { return s.switches(c) },
			needs:   func(s *scene, c *ClusterPlan) []order.Fact { return s.byPrimaries(c) },
		}, {
			claim: order.Injected,
			// Always, since an apply before may have ended while it waited.
			applies: func(_ *scene, c *ClusterPlan) bool { return c.Remote() },
			needs: func(s *scene, c *ClusterPlan) []order.Fact {
				out := append(s.byPrimaries(c), applied(c, order.Config, order.Service, order.Webhooks)...)
				if s.switches(c) {
					out = append(out, order.Fact{Cluster: c.Name, Claim: order.Serves})
				}
				return out
			},
		}},
	}
}

// switches says whether something else than its primaries of now stands behind
// the control plane of a remote cluster: its own istiod, or a former primary.
// Injection alone would prove nothing then, since the other may have answered.
func (s *scene) switches(c *ClusterPlan) bool {
	if !c.Remote() || c.Leaving {
		return false
	}
	if hasSelector(c.Live.object(object.IstiodServiceRef(c.Namespace))) {
		return true
	}
	for _, ch := range c.Changes {
		if ch.Part == order.Endpoints && ch.removes() {
			return true
		}
	}
	return false
}

// reachable are the facts that let a webhook of a remote cluster call its
// primaries. While there is no address of any, it would refuse pods.
func (s *scene) reachable(c *ClusterPlan) []order.Fact {
	names := s.plan.Servers(c)
	var out []order.Fact
	for _, name := range names {
		out = append(out, order.Applied(c.Name, order.Endpoints, name))
	}
	if len(names) == 0 {
		for _, name := range c.Primaries {
			out = append(out, order.Fact{Cluster: name, Claim: order.Addressed})
		}
	}
	return out
}

// byPrimaries are the facts that let the primaries of c inject its pods.
func (s *scene) byPrimaries(c *ClusterPlan) []order.Fact {
	out := s.reachable(c)
	for _, name := range s.plan.Servers(c) {
		p := s.clusters[name]
		if p == nil || p.Unreached != "" {
			continue
		}
		out = append(out, order.Fact{Cluster: name, Claim: order.Answers}, order.Fact{Cluster: name, Claim: order.Addressed},
			order.Applied(name, order.Mesh, ""), order.Applied(name, order.Credential, c.Name))
	}
	return out
}
