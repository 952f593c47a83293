package desired

import (
	"strings"

	"github.com/setup-mesh/setup-mesh/pkg/apply/charts"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
)

// renderedSubject is what an object of Istio's charts is about.
func renderedSubject(o charts.Object) order.Subject {
	ref := object.RefOf(o.Unstructured)
	if o.Component == "ingressgateway:"+object.EastWestGateway {
		return GatewaySubject(ref)
	}
	return order.Subject{Component: order.ControlPlane, Part: PartOf(ref, strings.Contains(o.Component, "gateway:"))}
}
