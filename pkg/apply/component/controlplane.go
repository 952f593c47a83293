package component

import (
	"slices"

	"github.com/setup-mesh/setup-mesh/pkg/apply/check"
	"github.com/setup-mesh/setup-mesh/pkg/apply/desired"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
)

// controlPlane is what the user's IstioControlPlane renders: istiod and what
// belongs to it or, in a remote cluster, its webhooks and the role that it is
// read by.
func controlPlane() Component {
	return Component{
		title: order.ControlPlane,
		wants: func(w *desired.Wants) {
			c := w.Cluster
			w.Add(order.Subject{Component: order.ControlPlane, Part: order.Namespace}, desired.NamespaceObject(c.Member), nil)
			if !c.Member.Remote() && c.Manifest.StrictMTLS() {
				w.Add(order.Subject{Component: order.ControlPlane, Part: order.Mesh}, desired.StrictMTLS(c.Member.Namespace), nil)
			}
		},
		needs: needsOfControlPlane,
		ends: func(s *plan.Scene, c *plan.Cluster, ch plan.Change) []order.Fact {
			out := replaced(s, c, ch)
			switch ch.Object.Kind {
			case "ServiceAccount", "ClusterRole", "ClusterRoleBinding": // tokens may be of it, and their rights
				out = append(out, reissued(s, c)...)
			}
			return out
		},
		Checks: controlPlaneChecks(),
		Proofs: []Proof{{
			Claim: order.Answers, Check: IDRunning,
			// It is looked at where something of it changes.
			applies: func(_ *plan.Scene, c *plan.Cluster) bool {
				return !c.Remote() && (c.Putting(order.Control, order.Injector, order.Webhooks, order.Gateways, order.Mesh, order.CRDs) || c.Removing(order.Endpoints))
			},
			needs: func(s *plan.Scene, c *plan.Cluster) []order.Fact {
				return append(signer(s, c), applied(c, order.CRDs, order.Control, order.Webhooks, order.Config)...)
			},
		}, {
			Claim: order.Named, Check: check.IDDomainDropped,
			applies: func(s *plan.Scene, c *plan.Cluster) bool {
				return slices.Contains(named(s), order.Fact{Cluster: c.Name, Claim: order.Named})
			},
			needs: func(*plan.Scene, *plan.Cluster) []order.Fact { return nil },
		}},
	}
}

// named are the facts that a trust domain can be dropped: workloads meet those of all
// clusters.
func named(s *plan.Scene) []order.Fact {
	if len(check.DroppedDomains(s.Plan)) == 0 {
		return nil
	}
	var out []order.Fact
	for _, c := range s.Plan.Clusters {
		if !c.Leaving {
			out = append(out, order.Fact{Cluster: c.Name, Claim: order.Named})
		}
	}
	return out
}

func needsOfControlPlane(s *plan.Scene, c *plan.Cluster, ch plan.Change) []order.Fact {
	var out []order.Fact
	switch ch.Part {
	case order.Config:
		// What tells of gateways in another way comes before meshNetworks loses them.
		if ch.Object.Kind == "ConfigMap" && ch.Action == plan.Update {
			for _, peer := range toldByLabel(s, c) {
				out = append(out, knownBy([]*plan.Cluster{c}, peer)...)
			}
			out = append(append(out, forgets(s, c)...), named(s)...)
		}
	case order.Control:
		out = append(signer(s, c), applied(c, order.Config)...)
	case order.Webhooks, order.Injector:
		out = append(append(signer(s, c), applied(c, order.Config)...), calls(s, c, ch.Part)...)
	case order.Gateways, order.Mesh:
		out = injectedOrValidated(s, c, ch)
	}
	return out
}

// signer are the facts that let an istiod of c start: without cacerts it makes a root of
// its own. In a rotation, that of the phase before will do: the next one may wait for
// proxies that this istiod is to serve.
func signer(s *plan.Scene, c *plan.Cluster) []order.Fact {
	if s.Plan.Wanted.Rotation != nil && check.Bundle(c) != nil {
		return nil
	}
	return applied(c, order.Trust)
}

// calls are the facts that let webhooks call what stands behind Service istiod. The
// one that injects says for which cluster it does so in a remote cluster only: it
// has to wherever other primaries may answer.
func calls(s *plan.Scene, c *plan.Cluster, part order.Part) []order.Fact {
	switch {
	case !c.Remote() && part == order.Injector:
		return []order.Fact{order.Gone(c.Name, order.Endpoints, "")}
	case !c.Remote():
		return nil
	case demotes(c): // its own istiod answers until others do
		return []order.Fact{{Cluster: c.Name, Claim: order.Serves}}
	}
	return append(reachable(s, c), applied(c, order.Service)...)
}

// injectedOrValidated are the facts that gateways wait for, whose pods are
// injected, and Istio's resources, which are validated.
func injectedOrValidated(s *plan.Scene, c *plan.Cluster, ch plan.Change) []order.Fact {
	if ch.Part == order.Mesh {
		return append(applied(c, order.CRDs), order.Fact{Cluster: c.Name, Claim: order.Answers})
	}
	return append(applied(c, order.Config, order.Front, order.Injector), order.Fact{Cluster: c.Name, Claim: c.Control()})
}
