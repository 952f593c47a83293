package order

import "slices"

// A Component is a part of a cluster's membership in the user's terms.
type Component string

// The components, in the order in which a plan lists them.
const (
	Certificate    Component = "certificate"
	ControlPlane   Component = "IstioControlPlane"
	Primaries      Component = "primaries"
	Gateway        Component = "gateway"
	RemoteAccess   Component = "remote access"
	SharedServices Component = "shared services"
	Injection      Component = "injection"
	Bookkeeping    Component = "record"
)

// Components lists all components in the order of a plan.
func Components() []Component {
	return []Component{Certificate, ControlPlane, Primaries, Gateway, RemoteAccess, SharedServices, Injection, Bookkeeping}
}

func (c Component) rank() int { return slices.Index(Components(), c) }
