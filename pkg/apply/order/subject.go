package order

import (
	"cmp"
	"slices"
)

// A Part is what a group of objects is for: they are applied together, and
// removed together.
type Part string

// The parts. Those about two clusters have a peer.
const (
	Namespace  Part = "namespace"
	Trust      Part = "certificate"
	CRDs       Part = "CRDs"
	Config     Part = "configuration"      // what workloads refer to: RBAC, ConfigMaps, Services
	Control    Part = "control plane"      // istiod, and what scales it
	Injector   Part = "injection webhook"  // which says, or does not, for which cluster it calls
	Webhooks   Part = "webhooks"           // the others: they validate
	Gateways   Part = "gateways"           // whose pods istiod injects
	Mesh       Part = "mesh configuration" // Istio's own resources, which istiod validates
	Service    Part = "control plane service"
	Front      Part = "gateway service" // what the east-west gateway is beside its workload
	Endpoints  Part = "address"         // peer: the primary that has it
	Credential Part = "remote secret"   // peer: the cluster that is read
	Account    Part = "reader account"
	Grant      Part = "grant" // peer: the cluster that reads
	Spaces     Part = "shared namespaces"
	Copies     Part = "shared services"
	// InjectedSpaces are namespaces whose pods are injected. Those that stay when they
	// are not, or were never ours, only lose InjectionLabels.
	InjectedSpaces  Part = "injected namespaces"
	InjectionLabels Part = "injection labels"
	// EnrolledSpaces are namespaces whose pods are in the mesh through the proxies of their
	// nodes, EnrolmentLabels as above.
	EnrolledSpaces  Part = "enrolled namespaces"
	EnrolmentLabels Part = "enrolment labels"
	NodeAgents      Part = "node agents"     // which redirect the traffic of pods
	NodeProxies     Part = "node proxies"    // to which it is redirected
	EastWest        Part = "ambient gateway" // which istiod makes a workload and a Service of
	PeerGateways    Part = "gateway of peer" // peer: the cluster whose gateway topology.yaml has addresses for
	ByProducts      Part = "by-products of istiod"
	Probe           Part = "probe"
	Record          Part = "record"
)

// A Subject is what an object is about. Whoever treats objects of one kind
// differently asks for this, never for parts of their names.
type Subject struct {
	Component Component `json:"component"`
	Part      Part      `json:"part,omitempty"`
	Peer      string    `json:"peer,omitempty"` // the other cluster's name, where it is about two
}

// Compare orders subjects: by component as plans list them, then by part and peer.
func (s Subject) Compare(o Subject) int {
	return cmp.Or(s.Component.rank()-o.Component.rank(), s.Part.rank()-o.Part.rank(), cmp.Compare(s.Peer, o.Peer))
}

// removal is the order in which parts leave a cluster: nothing calls a webhook
// that is gone, nothing runs without what it refers to, and what could be
// written again by what still runs goes after that.
var removal = [][]Part{
	{Probe, InjectionLabels, EnrolmentLabels},
	{Injector, Webhooks},
	{Mesh, EastWest, PeerGateways},
	{NodeProxies},
	{NodeAgents},
	{Gateways, Control},
	{Endpoints, Service, Front, Config, Account, Trust, Credential, Grant, Copies},
	{ByProducts},
	{Spaces, InjectedSpaces, EnrolledSpaces},
	{CRDs},
	{Record},
	{Namespace},
}

func (p Part) rank() int {
	n := 0
	for _, level := range removal {
		for _, q := range level {
			if n++; q == p {
				return n
			}
		}
	}
	return 0
}

// Before are the parts that leave a cluster before p does.
func (p Part) Before() []Part {
	var out []Part
	for _, level := range removal {
		for _, q := range level {
			if q == p {
				return out
			}
		}
		out = append(out, level...)
	}
	return out
}

// Between says whether a part is about what clusters hold of each other, or about
// namespaces of others: it comes and goes by itself, whatever becomes of the cluster's
// own parts.
func (p Part) Between() bool {
	switch p {
	case Endpoints, Credential, Grant, Account, Copies, Probe, PeerGateways, InjectionLabels, EnrolmentLabels:
		return true
	}
	return p.HoldsOthers()
}

// HoldsOthers says whether a part is namespaces of users: copies may be in them.
func (p Part) HoldsOthers() bool { return p == Spaces || p == InjectedSpaces || p == EnrolledSpaces }

// Runs says whether a part runs, or is called by what runs, rather than being what that
// refers to: it leaves a cluster with the control plane at the latest.
func (p Part) Runs() bool { return p.rank() != 0 && !slices.Contains(p.Before(), Control) }

// Own are the parts that a cluster consists of for itself: what it is served by, and what
// that refers to.
func Own() []Part {
	var out []Part
	for _, level := range removal {
		for _, p := range level {
			if !p.Between() && !slices.Contains([]Part{ByProducts, Record, Namespace}, p) {
				out = append(out, p)
			}
		}
	}
	return out
}
