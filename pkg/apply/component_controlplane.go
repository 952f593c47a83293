package apply

import "github.com/setup-mesh/setup-mesh/pkg/apply/order"

// controlPlane is what the user's IstioControlPlane renders: istiod and what
// belongs to it or, in a remote cluster, its webhooks and the role that it is
// read by.
func controlPlane() component {
	return component{
		title: order.ControlPlane,
		wants: func(w *wants) {
			c := w.cluster
			w.add(order.Subject{Component: order.ControlPlane, Part: order.Namespace}, namespaceObject(c.Member), nil)
			if !c.Member.Remote() && c.Manifest.StrictMTLS() {
				w.add(order.Subject{Component: order.ControlPlane, Part: order.Mesh}, strictMTLS(c.Member.Namespace), nil)
			}
		},
		needs: needsOfControlPlane,
		ends: func(s *scene, c *ClusterPlan, ch Change) []order.Fact {
			out := replaced(s, c, ch)
			switch ch.Object.Kind {
			case "ServiceAccount", "ClusterRole", "ClusterRoleBinding": // tokens may be of it, and their rights
				out = append(out, s.reissued(c)...)
			}
			return out
		},
		checks: controlPlaneChecks(),
		proofs: []proof{{
			claim: order.Answers, check: checkRunning,
			// It is looked at where something of it changes.
			applies: func(_ *scene, c *ClusterPlan) bool {
				return !c.Remote() && (c.putting(order.Control, order.Injector, order.Webhooks, order.Gateways, order.Mesh, order.CRDs) || c.removing(order.Endpoints))
			},
			needs: func(_ *scene, c *ClusterPlan) []order.Fact {
				return applied(c, order.Trust, order.CRDs, order.Control, order.Webhooks, order.Config)
			},
		}},
	}
}

func needsOfControlPlane(s *scene, c *ClusterPlan, ch Change) []order.Fact {
	var out []order.Fact
	switch ch.Part {
	case order.Control:
		// An istiod that starts without cacerts makes a root of its own.
		out = applied(c, order.Trust, order.Config)
	case order.Webhooks, order.Injector:
		out = append(applied(c, order.Trust, order.Config), s.calls(c, ch.Part)...)
	case order.Gateways, order.Mesh:
		out = s.injectedOrValidated(c, ch)
	}
	return out
}

// calls are the facts that let webhooks call what stands behind Service istiod. The
// one that injects says for which cluster it does so in a remote cluster only: it
// has to wherever other primaries may answer.
func (s *scene) calls(c *ClusterPlan, part order.Part) []order.Fact {
	switch {
	case !c.Remote() && part == order.Injector:
		return []order.Fact{order.Gone(c.Name, order.Endpoints, "")}
	case !c.Remote():
		return nil
	case s.demotes(c): // its own istiod answers until others do
		return []order.Fact{{Cluster: c.Name, Claim: order.Serves}}
	}
	return append(s.reachable(c), applied(c, order.Service)...)
}

// injectedOrValidated are the facts that gateways wait for, whose pods are
// injected, and Istio's resources, which are validated.
func (s *scene) injectedOrValidated(c *ClusterPlan, ch Change) []order.Fact {
	if ch.Part == order.Mesh {
		return append(applied(c, order.CRDs), order.Fact{Cluster: c.Name, Claim: order.Answers})
	}
	return append(applied(c, order.Config, order.Front, order.Injector), order.Fact{Cluster: c.Name, Claim: c.control()})
}
