package desired

import (
	"strings"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
)

// Workloads are the kinds that make pods, or go with those that do.
var Workloads = map[string]bool{
	"Deployment": true, "DaemonSet": true, "StatefulSet": true,
	"HorizontalPodAutoscaler": true, "PodDisruptionBudget": true,
}

// GatewaySubject is what an object of an east-west gateway is about.
func GatewaySubject(ref object.Ref) order.Subject {
	switch {
	case Workloads[ref.Kind]:
		return order.Subject{Component: order.Gateway, Part: order.Gateways}
	case object.IsIstioResource(ref):
		return order.Subject{Component: order.Gateway, Part: order.Mesh}
	}
	return order.Subject{Component: order.Gateway, Part: order.Front}
}

// PartOf is which part of a control plane an object is.
func PartOf(ref object.Ref, gateway bool) order.Part {
	switch {
	case ref.Kind == "Namespace":
		return order.Namespace
	case object.IsCRD(ref):
		return order.CRDs
	case object.IsIstioResource(ref):
		return order.Mesh
	case Workloads[ref.Kind] && gateway:
		return order.Gateways
	case Workloads[ref.Kind]:
		return order.Control
	case ref.Kind == "MutatingWebhookConfiguration":
		return order.Injector
	case object.IsWebhook(ref), strings.HasPrefix(ref.Kind, "ValidatingAdmissionPolicy"):
		return order.Webhooks
	}
	return order.Config
}

// SubjectOf tells from its name what an object of ours is about. It is for objects
// that no record tells more of, and for nothing else: a record of an older release
// holds no parts, and one that was lost holds nothing.
func SubjectOf(ref object.Ref, c order.Component) order.Subject {
	if labelling, ok := c.Labels(); ok {
		return order.Subject{Component: c, Part: labelling.Spaces}
	}
	peer := func(prefix string) string { return strings.TrimPrefix(ref.Name, prefix) }
	switch {
	case ref.Kind == "Secret" && ref.Name == object.Cacerts:
		return order.Subject{Component: order.Certificate, Part: order.Trust}
	case ref.Kind == "Secret" && strings.HasPrefix(ref.Name, object.RemoteSecretPrefix):
		return order.Subject{Component: order.RemoteAccess, Part: order.Credential, Peer: peer(object.RemoteSecretPrefix)}
	case ref.Kind == "Secret" && strings.HasPrefix(ref.Name, object.GrantPrefix):
		consumer, _ := grantOf(ref.Name)
		return order.Subject{Component: order.RemoteAccess, Part: order.Grant, Peer: consumer}
	case ref.Group == object.GatewayAPIGroup && ref.Name == object.AmbientGateway:
		return order.Subject{Component: order.AmbientGateway, Part: order.EastWest}
	case ref.Group == object.GatewayAPIGroup:
		return order.Subject{Component: order.AmbientGateway, Part: order.PeerGateways, Peer: peer(object.PeerGatewayPrefix)}
	case object.IsGatewayAPI(ref):
		return order.Subject{Component: order.GatewayAPI, Part: order.CRDs}
	case ref.Kind == "EndpointSlice":
		return order.Subject{Component: order.Primaries, Part: order.Endpoints, Peer: peer(object.IstiodService + "-")}
	case c == order.Primaries:
		return order.Subject{Component: order.Primaries, Part: order.Service}
	case c == order.RemoteAccess:
		return order.Subject{Component: order.RemoteAccess, Part: order.Account}
	case c == order.SharedServices && ref.Kind == "Namespace":
		return order.Subject{Component: c, Part: order.Spaces}
	case c == order.SharedServices:
		return order.Subject{Component: c, Part: order.Copies}
	case c == order.Gateway, ref.Name == object.EastWestGateway:
		return GatewaySubject(ref)
	case strings.HasPrefix(ref.Name, "istio-cni"):
		return nodeSubject(order.CNI, ref)
	case strings.HasPrefix(ref.Name, "ztunnel"):
		return nodeSubject(order.Ztunnel, ref)
	}
	return order.Subject{Component: order.ControlPlane, Part: PartOf(ref, !strings.HasPrefix(ref.Name, "istiod"))}
}
