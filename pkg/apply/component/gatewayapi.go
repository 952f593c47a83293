package component

import (
	"github.com/setup-mesh/setup-mesh/pkg/apply/check"
	"github.com/setup-mesh/setup-mesh/pkg/apply/desired"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
)

// gatewayAPI is the CRDs that ambient mode needs, where a cluster has none: all users of
// the Gateway API share them.
func gatewayAPI() Component {
	return Component{
		title: order.GatewayAPI,
		wants: func(w *desired.Wants) {
			if !w.Cluster.Ambient {
				return
			}
			crds, err := desired.GatewayAPICRDs()
			if err != nil {
				w.Err = err
			}
			for _, crd := range crds {
				w.AddWhereNone(order.Subject{Component: order.GatewayAPI, Part: order.CRDs}, crd, desired.KeepsBundle)
			}
		},
		ends:   replaced,
		Checks: []check.Check{check.DamageCheck("gateway-api/crds", check.IsPart(order.GatewayAPI, order.CRDs))},
	}
}
