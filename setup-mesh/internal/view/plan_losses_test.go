package view

import (
	"testing"

	"github.com/setup-mesh/setup-mesh/pkg/apply"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
)

// TestViewPlanLosses: what a deletion takes with it is not hidden in a number of
// objects.
func TestViewPlanLosses(t *testing.T) {
	crd := func(action apply.Action, name string) apply.Change {
		return apply.Change{Subject: order.Subject{Component: order.ControlPlane, Part: order.CRDs}, Action: action, Object: object.Ref{Group: "apiextensions.k8s.io", Kind: "CustomResourceDefinition", Name: name}}
	}
	smaller := clusterPlan("east-1", "network-east",
		planned(order.ControlPlane, apply.Delete, "Service", "istio-ingressgateway"),
		planned(order.ControlPlane, apply.Delete, "Service", "istiod"),
		blockedBy(planned(order.Gateway, apply.Delete, "Service", "istio-eastwestgateway"), "west-1 is not reached"),
		crd(apply.Delete, "wasmplugins.extensions.istio.io"),
		crd(apply.Update, "gateways.networking.istio.io"))
	p := meshPlan(smaller,
		asLeaving(clusterPlan("west-1", "network-west", append(everything(apply.Delete), namespace(apply.Delete), crd(apply.Delete, "a"), crd(apply.Delete, "b"),
			sharedNamespace(apply.Delete, shopName), sharedChange(apply.Delete, shopName, "cart", "east-1"))...)))
	golden(t, "plan-losses", planText(p, false, false))
}
