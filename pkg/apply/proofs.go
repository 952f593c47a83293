package apply

import (
	"context"
	"slices"

	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
)

// A proof is how a claim about a cluster is seen to be true.
type proof struct {
	claim   order.Claim
	applies func(s *scene, c *ClusterPlan) bool
	needs   func(s *scene, c *ClusterPlan) []order.Fact
	run     func(ctx context.Context, x *execution, c *ClusterPlan, r *reporter) error
}

// proofs lists all proofs. A cluster that leaves proves nothing: what it
// needed is gone when it is.
func proofs() []proof {
	return []proof{
		{order.Answers, provesIstiod, needsOfIstiod, runIstiod},
		{order.Addressed, provesGateway, needsOfGateway, runGateway},
		{order.Serves, provesServing, needsOfServing, runServing},
		{order.Injected, provesInjection, needsOfInjection, runInjection},
		{order.Discovers, provesDiscovery, needsOfDiscovery, runDiscovery},
	}
}

// A cluster's own control plane is looked at where something of it changes.
func provesIstiod(_ *scene, c *ClusterPlan) bool {
	return !c.Leaving && !c.Remote() && c.Desired != nil &&
		(c.putting(order.Control, order.Webhooks, order.Gateways, order.Mesh, order.CRDs) || c.removing(order.Endpoints))
}

func needsOfIstiod(_ *scene, c *ClusterPlan) []order.Fact {
	return applied(c, order.Trust, order.CRDs, order.Control, order.Webhooks, order.Config)
}

func runIstiod(ctx context.Context, x *execution, c *ClusterPlan, r *reporter) error {
	return waitIstiod(ctx, x.at(c), c, r)
}

// provesGateway: where there is one that changes, or has no address yet.
func provesGateway(_ *scene, c *ClusterPlan) bool {
	return !c.Leaving && c.Desired != nil && c.Desired.Gateway && (c.Gateway == "" || c.putting(order.Gateways) || c.movesGateway())
}

func needsOfGateway(_ *scene, c *ClusterPlan) []order.Fact {
	return applied(c, order.Front, order.Gateways)
}

func runGateway(ctx context.Context, x *execution, c *ClusterPlan, r *reporter) error {
	return waitGateway(ctx, x.at(c), c, r)
}

// provesServing: where injection alone would prove nothing.
func provesServing(s *scene, c *ClusterPlan) bool { return s.switches(c) }

func needsOfServing(s *scene, c *ClusterPlan) []order.Fact {
	names := s.candidates(c)
	if len(names) == 0 {
		return s.reachable(c)
	}
	return s.byPrimaries(c, names)
}

func runServing(ctx context.Context, x *execution, c *ClusterPlan, r *reporter) error {
	return waitServing(ctx, x, c, r)
}

// byPrimaries are the facts that let primaries of c inject its pods.
func (s *scene) byPrimaries(c *ClusterPlan, names []string) []order.Fact {
	var out []order.Fact
	for _, name := range names {
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
	out := append(s.reachable(c), s.byPrimaries(c, s.primaries(c))...)
	out = append(out, applied(c, order.Config, order.Service, order.Webhooks)...)
	if s.switches(c) {
		out = append(out, order.Fact{Cluster: c.Name, Claim: order.Serves})
	}
	return out
}

func runInjection(ctx context.Context, x *execution, c *ClusterPlan, r *reporter) error {
	return waitServed(ctx, x.at(c), c, r)
}

// provesDiscovery: the proof that the mesh is one. What is not reached now is no
// part of it.
func provesDiscovery(s *scene, c *ClusterPlan) bool {
	return !c.Leaving && !c.Remote() && c.Desired != nil && (len(s.discovers(c)) > 0 || c.removing(order.Credential))
}

func needsOfDiscovery(s *scene, c *ClusterPlan) []order.Fact {
	out := []order.Fact{{Cluster: c.Name, Claim: order.Answers}}
	for _, source := range s.discovers(c) {
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
func (s *scene) discovers(c *ClusterPlan) []string {
	var out []string
	for _, source := range c.Reads {
		from := s.clusters[source]
		if from == nil || from.Unreached != "" {
			continue
		}
		out = append(out, source)
	}
	return out
}

func runDiscovery(ctx context.Context, x *execution, c *ClusterPlan, r *reporter) error {
	return waitDiscovery(ctx, x.at(c), newScene(x.plan), c, r)
}

// removing says whether something of these parts of c is to go.
func (c *ClusterPlan) removing(parts ...order.Part) bool {
	return slices.ContainsFunc(c.Changes, func(ch Change) bool { return ch.removes() && slices.Contains(parts, ch.Part) })
}
