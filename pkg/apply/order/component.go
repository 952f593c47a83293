package order

import "slices"

// A Component is a part of a cluster's membership in the user's terms.
type Component string

// The components, in the order in which a plan lists them.
const (
	Certificate    Component = "certificate"
	GatewayAPI     Component = "Gateway API"
	ControlPlane   Component = "IstioControlPlane"
	CNI            Component = "cni"
	Ztunnel        Component = "ztunnel"
	Primaries      Component = "primaries"
	Gateway        Component = "gateway"
	AmbientGateway Component = "ambient gateway"
	RemoteAccess   Component = "remote access"
	SharedServices Component = "shared services"
	Injection      Component = "injection"
	Ambient        Component = "ambient"
	Bookkeeping    Component = "record"
)

// Components lists all components in the order of a plan.
func Components() []Component {
	return []Component{
		Certificate, GatewayAPI, ControlPlane, CNI, Ztunnel, Primaries, Gateway, AmbientGateway, RemoteAccess, SharedServices,
		Injection, Ambient, Bookkeeping,
	}
}

// Rendered are the components that Istio's charts render, as the IstioControlPlane asks.
func Rendered() []Component { return []Component{ControlPlane, CNI, Ztunnel, Gateway} }

// A Labelling is a component of namespaces of users that we label.
type Labelling struct {
	Spaces Part // the namespaces, which go if we made them
	Labels Part // those that stay, and only lose our labels
}

// Labels is how a component labels namespaces of users, or false where it labels none.
func (c Component) Labels() (Labelling, bool) {
	switch c {
	case Injection:
		return Labelling{InjectedSpaces, InjectionLabels}, true
	case Ambient:
		return Labelling{EnrolledSpaces, EnrolmentLabels}, true
	}
	return Labelling{}, false
}

func (c Component) rank() int { return slices.Index(Components(), c) }
