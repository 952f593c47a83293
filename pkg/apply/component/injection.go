package component

import (
	"github.com/setup-mesh/setup-mesh/pkg/apply/check"
	"github.com/setup-mesh/setup-mesh/pkg/apply/desired"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
)

// injection is namespaces whose pods are injected. They are labelled once a pod is
// seen to be injected: before that, pods there would start without a proxy, or be
// refused.
func injection() Component {
	return Component{
		title: order.Injection,
		wants: func(w *desired.Wants) {
			for _, name := range w.Desired.InjectedNamespaces {
				w.Add(order.Subject{Component: order.Injection, Part: order.InjectedSpaces}, desired.InjectedNamespace(name), nil)
			}
		},
		needs: func(_ *plan.Scene, c *plan.Cluster, _ plan.Change) []order.Fact {
			return []order.Fact{{Cluster: c.Name, Claim: order.Injected}}
		},
		Checks: []check.Check{check.DamageCheck("injection/namespaces", check.IsPart(order.Injection, order.InjectedSpaces))},
		Proofs: []Proof{{
			Claim: order.Injected, Check: IDInjection,
			// A remote cluster proves it anyway.
			applies: func(_ *plan.Scene, c *plan.Cluster) bool { return !c.Remote() && c.Putting(order.InjectedSpaces) },
			needs: func(_ *plan.Scene, c *plan.Cluster) []order.Fact {
				return append(applied(c, order.Config, order.Injector), order.Fact{Cluster: c.Name, Claim: order.Answers})
			},
		}},
	}
}
