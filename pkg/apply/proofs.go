package apply

import (
	"slices"

	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
)

// A proof is how an apply sees that a claim about a cluster is true. check is the
// ID of the [Check] that status judges by, where it does.
type proof struct {
	claim   order.Claim
	check   string
	applies func(s *scene, c *ClusterPlan) bool
	needs   func(s *scene, c *ClusterPlan) []order.Fact
}

// proofs lists all proofs. A cluster that leaves proves nothing: what it
// needed is gone when it is.
func proofs() []proof {
	return []proof{
		{order.Answers, checkRunning, provesIstiod, needsOfIstiod},
		{order.Addressed, checkAddress, provesGateway, needsOfGateway},
		{order.Serves, checkServing, provesServing, needsOfServing},
		{order.Injected, checkInjection, provesInjection, needsOfInjection},
		{order.Discovers, checkSynced, provesDiscovery, needsOfDiscovery},
	}
}

// proved is the check of a claim, "" if no proof is of it.
func proved(claim order.Claim) string {
	for _, p := range proofs() {
		if p.claim == claim {
			return p.check
		}
	}
	return ""
}

// Proves says whether an apply waits at its end for what c checks.
func (c Check) Proves() bool {
	return slices.ContainsFunc(proofs(), func(p proof) bool { return p.check == c.ID })
}

// A cluster's own control plane is looked at where something of it changes.
func provesIstiod(_ *scene, c *ClusterPlan) bool {
	return !c.Leaving && !c.Remote() && c.Desired != nil &&
		(c.putting(order.Control, order.Webhooks, order.Gateways, order.Mesh, order.CRDs) || c.removing(order.Endpoints))
}

func needsOfIstiod(_ *scene, c *ClusterPlan) []order.Fact {
	return applied(c, order.Trust, order.CRDs, order.Control, order.Webhooks, order.Config)
}

// provesGateway: where there is one that changes, or has no address yet.
func provesGateway(_ *scene, c *ClusterPlan) bool {
	return !c.Leaving && c.Desired != nil && c.Desired.Gateway && (c.Gateway == "" || c.putting(order.Gateways) || c.movesGateway())
}

func needsOfGateway(_ *scene, c *ClusterPlan) []order.Fact {
	return applied(c, order.Front, order.Gateways)
}

// provesServing: where injection alone would prove nothing.
func provesServing(s *scene, c *ClusterPlan) bool { return s.switches(c) }

func needsOfServing(s *scene, c *ClusterPlan) []order.Fact { return s.byPrimaries(c) }

// byPrimaries are the facts that let the primaries of c inject its pods.
func (s *scene) byPrimaries(c *ClusterPlan) []order.Fact {
	out := s.reachable(c)
	for _, name := range s.plan.Servers(c) {
		p := s.clusters[name]
		if p == nil || p.Unreached != "" {
			continue
		}
		out = append(out, order.Fact{Cluster: name, Claim: order.Answers}, order.Fact{Cluster: name, Claim: order.Addressed},
			order.Applied(name, order.Mesh, ""), order.Applied(name, order.Credential, c.Name))
	}
	return out
}

// provesInjection: the proof that a remote cluster is served, always, since an
// apply before may have ended while it waited.
func provesInjection(_ *scene, c *ClusterPlan) bool {
	return c.Remote() && !c.Leaving && c.Desired != nil
}

func needsOfInjection(s *scene, c *ClusterPlan) []order.Fact {
	out := append(s.byPrimaries(c), applied(c, order.Config, order.Service, order.Webhooks)...)
	if s.switches(c) {
		out = append(out, order.Fact{Cluster: c.Name, Claim: order.Serves})
	}
	return out
}

// provesDiscovery: the proof that the mesh is one. What is not reached now is no
// part of it.
func provesDiscovery(s *scene, c *ClusterPlan) bool {
	return !c.Leaving && !c.Remote() && c.Desired != nil && (len(s.plan.discovers(c)) > 0 || c.removing(order.Credential))
}

func needsOfDiscovery(s *scene, c *ClusterPlan) []order.Fact {
	out := []order.Fact{{Cluster: c.Name, Claim: order.Answers}}
	for _, source := range s.plan.discovers(c) {
		out = append(out, order.Applied(c.Name, order.Credential, source))
	}
	for _, ch := range c.Changes {
		if ch.Part == order.Credential && ch.removes() {
			out = append(out, order.Gone(c.Name, order.Credential, ch.Peer))
		}
	}
	return out
}

// discovers are the clusters that the istiods of c are to read, as far as they
// are reached and their credential is or will be there.
func (p *Plan) discovers(c *ClusterPlan) []string {
	var out []string
	for _, source := range c.Reads {
		from := p.cluster(source)
		if from == nil || from.Unreached != "" {
			continue
		}
		out = append(out, source)
	}
	return out
}

// removing says whether something of these parts of c is to go.
func (c *ClusterPlan) removing(parts ...order.Part) bool {
	return slices.ContainsFunc(c.Changes, func(ch Change) bool { return ch.removes() && slices.Contains(parts, ch.Part) })
}
