package component

import (
	"github.com/setup-mesh/setup-mesh/pkg/apply/check"
	"github.com/setup-mesh/setup-mesh/pkg/apply/desired"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
)

// ambient is namespaces whose pods are in the mesh through the proxies of their nodes. They
// are labelled once these run on every node: no pod is restarted for it. Where istiods read
// other clusters already, as in a mesh that had sidecars, a pod finds the gateways there
// from its first moment in the mesh: what it called until then, it still reaches.
func ambient() Component {
	return Component{
		title: order.Ambient,
		wants: func(w *desired.Wants) {
			if !w.Cluster.Ambient {
				return
			}
			for _, name := range w.Desired.EnrolledNamespaces {
				w.Add(order.Subject{Component: order.Ambient, Part: order.EnrolledSpaces}, desired.EnrolledNamespace(name), nil)
			}
		},
		needs: func(s *plan.Scene, c *plan.Cluster, _ plan.Change) []order.Fact {
			out := []order.Fact{{Cluster: c.Name, Claim: order.Tunnels}}
			for _, source := range s.Plan.Discovers(c) {
				if c.Credential(source) != nil {
					out = append(out, reached(s, c, source)...)
				}
			}
			return out
		},
		Checks: []check.Check{check.DamageCheck("ambient/namespaces", check.IsPart(order.Ambient, order.EnrolledSpaces))},
	}
}
