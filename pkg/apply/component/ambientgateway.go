package component

import (
	"cmp"
	"slices"

	"github.com/setup-mesh/setup-mesh/pkg/apply/check"
	"github.com/setup-mesh/setup-mesh/pkg/apply/desired"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
)

// ambientGateway is the Gateway through which ambient pods of other networks are reached,
// of which istiod makes a workload; and, where topology.yaml says where those of other
// clusters are, a Gateway that says so here.
func ambientGateway() Component {
	return Component{
		title: order.AmbientGateway,
		wants: wantAmbientGateway,
		needs: needsOfAmbientGateway,
		ends:  endsOfAmbientGateway,
		Checks: []check.Check{
			check.DamageCheck(idAmbientGateway, check.IsPart(order.AmbientGateway, order.EastWest)),
			check.PeerCheck(idPeerGateways, order.PeerGateways),
			{ID: IDTunnelRuns, Severity: check.Ails, Applies: hasTunnel, Judge: judgeTunnelRuns},
			{ID: IDProgrammed, Severity: check.Ails, Applies: hasTunnel, Judge: judgeProgrammed},
			{ID: IDTold, Severity: check.Ails, Asks: []check.Question{check.AskTunnels}, Applies: tellsNodes, Judge: judgeTold},
		},
		Proofs: []Proof{{
			Claim: order.Programmed, Check: IDProgrammed,
			// Always: whether it is so now, a plan does not know.
			applies: func(_ *plan.Scene, c *plan.Cluster) bool { return c.Desired.HBONE },
			needs:   needsOfProgrammed,
		}},
	}
}

// IDs of checks.
const (
	IDTunnelRuns = "ambient-gateway/running"
	IDProgrammed = "ambient-gateway/programmed"

	idAmbientGateway = "ambient-gateway/gateway"
	idPeerGateways   = "ambient-gateway/peers"
)

func hasTunnel(e *check.Evidence, c *plan.Cluster) bool {
	return check.Joined(e, c) && c.Desired.HBONE && c.Live.Object(object.AmbientGatewayRef(c.Namespace)) != nil
}

// judgeTunnelRuns looks at the workload that istiod has made of the Gateway. Where topology.yaml
// has the addresses of the gateway, nothing else tells that it does not run.
func judgeTunnelRuns(e *check.Evidence, c *plan.Cluster) []plan.Finding {
	seen, ref := c.Live.TunnelWorkload, object.AmbientWorkloadRef(c.Namespace)
	if seen.Err != nil {
		return []plan.Finding{plan.Unanswered(seen.Err, seen.Err.Error())}
	}
	out := available(c, seen.Object, ref, "ambient gateway")
	if seen.Object == nil {
		out[0].Object, out[0].Hint = ref, cmp.Or(idleIstiods(e, c), "istiod makes it of the Gateway: see its log")
	}
	return out
}

func judgeProgrammed(e *check.Evidence, c *plan.Cluster) []plan.Finding {
	ref := object.AmbientGatewayRef(c.Namespace)
	if err := c.Live.Tunnelled.Err; err != nil {
		return []plan.Finding{plan.Unanswered(err, err.Error())}
	}
	state := c.Live.TunnelState()
	f := plan.Finding{State: "pending", Object: ref, Message: state.Waits, Hint: "kubectl --context " + c.Context + " -n " + c.Namespace + " describe gateways.gateway.networking.k8s.io " + ref.Name}
	switch {
	case state.Waits == "":
		return nil
	case state.Never:
		f.State, f.Hint = "none", state.Remedy(c.Live)
	case len(judgeTunnelRuns(e, c)) > 0:
		f.Hint = check.First(IDTunnelRuns, c.Name)
	}
	return []plan.Finding{f}
}

func wantAmbientGateway(w *desired.Wants) {
	c := w.Cluster
	if c.HBONE {
		w.Add(order.Subject{Component: order.AmbientGateway, Part: order.EastWest}, desired.AmbientGateway(c.Member, c.Address), nil)
	}
	for _, other := range w.Desired.Clusters {
		if toldOf(c, other) {
			about := order.Subject{Component: order.AmbientGateway, Part: order.PeerGateways, Peer: other.Member.Name}
			w.Add(about, desired.PeerGateway(c.Member.Namespace, other.Member, other.Address), nil)
		}
	}
}

// toldOf says whether node proxies of c are told by a Gateway in c where that of another
// cluster is.
func toldOf(c, other *desired.Cluster) bool {
	return c.Ambient && other.HBONE && len(other.Address.Addresses) > 0 && other.Member.Network != c.Member.Network && slices.Contains(c.Reads, other.Member.Name)
}

// needsOfAmbientGateway: a gateway gets the label by which others find it once it is
// programmed, and one that topology.yaml says where it is loses it once all know of it
// otherwise. Istiods that read the cluster hand on the address of a Gateway with that label,
// whatever it is: while a load balancer is pending, the Gateway says its ClusterIP.
// https://github.com/istio/istio/blob/1.31.0/pilot/pkg/config/kube/gateway/conversion.go (reportGatewayStatus)
func needsOfAmbientGateway(s *plan.Scene, c *plan.Cluster, ch plan.Change) []order.Fact {
	out := made(c)
	switch {
	case ch.Part != order.EastWest:
		return out
	case c.Introduces() != nil:
		return append(out, order.Fact{Cluster: c.Name, Claim: order.Programmed})
	}
	for _, by := range s.Plan.Clusters {
		if by.Desired != nil && toldOf(by.Desired, c.Desired) {
			out = append(out, order.Applied(by.Name, order.PeerGateways, c.Name))
		}
	}
	return out
}

// needsOfProgrammed: the proof itself makes a Gateway that nobody is to find yet.
func needsOfProgrammed(_ *plan.Scene, c *plan.Cluster) []order.Fact {
	if c.Introduces() != nil {
		return made(c)
	}
	return applied(c, order.EastWest)
}

// made are the facts after which a Gateway may be made in c, and istiod makes its workload.
func made(c *plan.Cluster) []order.Fact {
	return append(applied(c, order.CRDs), order.Fact{Cluster: c.Name, Claim: order.Answers})
}

// endsOfAmbientGateway: where another cluster's gateway is, is forgotten once it says so
// itself, or once nobody asks. A gateway goes after the one that replaces it is reached.
func endsOfAmbientGateway(s *plan.Scene, c *plan.Cluster, ch plan.Change) []order.Fact {
	if ch.Part == order.PeerGateways {
		from := s.Peer(ch.Peer)
		switch {
		case from == nil:
			return nil
		case !from.Leaving && reading(c, from):
			return programmed(from)
		}
		return []order.Fact{order.Gone(c.Name, order.Credential, ch.Peer)}
	}
	out := replaced(s, c, ch)
	if c.Desired.Gateway {
		out = append(out, order.Fact{Cluster: c.Name, Claim: order.Addressed})
	}
	for _, other := range s.Plan.Clusters {
		if other != c && other.Network == c.Network { // which may have it now
			out = append(out, programmed(other)...)
		}
	}
	return out
}

// programmed are the facts that other networks reach the ambient pods of c, and find its
// gateway if they read c. It may be of a mesh that has none.
func programmed(c *plan.Cluster) []order.Fact {
	if c.Desired == nil || !c.Desired.HBONE {
		return nil
	}
	return append(applied(c, order.EastWest), order.Fact{Cluster: c.Name, Claim: order.Programmed})
}

// reached are the facts after which node proxies of c find the gateway of the cluster
// source, if istiods of c read that.
func reached(s *plan.Scene, c *plan.Cluster, source string) []order.Fact {
	from := s.Clusters[source]
	if from == nil || from.Desired == nil {
		return nil
	}
	out := programmed(from)
	if toldOf(c.Desired, from.Desired) {
		out = append(out, order.Applied(c.Name, order.PeerGateways, source))
	}
	return out
}
