package desired

import (
	"strings"

	"github.com/setup-mesh/setup-mesh/pkg/apply/charts"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
)

// nodeSubject is what an object is about that belongs to what runs on each node.
func nodeSubject(c order.Component, ref object.Ref) order.Subject {
	part := PartOf(ref, false)
	switch {
	case part == order.Control && c == order.Ztunnel:
		part = order.NodeProxies
	case part == order.Control:
		part = order.NodeAgents
	}
	return order.Subject{Component: c, Part: part}
}

// renderedSubject is what an object of Istio's charts is about.
func renderedSubject(o charts.Object) order.Subject {
	ref := object.RefOf(o.Unstructured)
	if o.Component == "ingressgateway:"+object.EastWestGateway {
		return GatewaySubject(ref)
	}
	switch o.Component {
	case "cni":
		return nodeSubject(order.CNI, ref)
	case "ztunnel":
		return nodeSubject(order.Ztunnel, ref)
	}
	return order.Subject{Component: order.ControlPlane, Part: PartOf(ref, strings.Contains(o.Component, "gateway:"))}
}
