package apply

import "github.com/setup-mesh/setup-mesh/pkg/apply/order"

// needs are the facts that a change of a wanted object waits for.
func (s *scene) needs(c *ClusterPlan, ch Change) []order.Fact {
	var out []order.Fact
	if ch.Mint {
		out = append(out, ch.item.Late.Needs()...)
	}
	if of := componentOf(ch.Component); of.needs != nil {
		out = append(out, of.needs(s, c, ch)...)
	}
	return out
}

// ends are the facts that the removal of an object waits for. Leaving is wanting
// nothing: the order of parts is the same.
func (s *scene) ends(c *ClusterPlan, ch Change) []order.Fact {
	out := s.chain(c, ch)
	if c.Leaving {
		out = append(out, order.Fact{Cluster: c.Name, Claim: order.Departed})
		out = append(out, s.forgotten(c)...)
		out = append(out, s.handed(c)...)
		return append(out, s.cleaned(c, ch)...)
	}
	if of := componentOf(ch.Component); of.ends != nil {
		out = append(out, of.ends(s, c, ch)...)
	}
	return out
}

// proves are the proofs of a cluster. One that leaves proves nothing: what it
// needed is gone when it is.
func (s *scene) proves(c *ClusterPlan) []proof {
	if c.Leaving || c.Desired == nil {
		return nil
	}
	var out []proof
	for _, of := range role(c.Member) {
		for _, p := range of.proofs {
			if p.applies(s, c) {
				out = append(out, p)
			}
		}
	}
	return out
}

// applied are the facts that these parts of c are there.
func applied(c *ClusterPlan, parts ...order.Part) []order.Fact {
	out := make([]order.Fact, 0, len(parts))
	for _, p := range parts {
		out = append(out, order.Applied(c.Name, p, ""))
	}
	return out
}

// chain are the parts of c that go before that of ch. In a cluster that stays,
// what is between clusters goes by itself.
func (s *scene) chain(c *ClusterPlan, ch Change) []order.Fact {
	var out []order.Fact
	for _, p := range ch.Part.Before() {
		if c.Leaving || !p.Between() && !ch.Part.Between() || p == order.Copies && ch.Part == order.Spaces {
			out = append(out, order.Gone(c.Name, p, ""))
		}
	}
	return out
}

// replaced are the facts that what replaces the things that c holds no longer is
// there, and serves c and all whom c served.
func (s *scene) replaced(c *ClusterPlan, _ Change) []order.Fact {
	out := applied(c, order.Trust, order.CRDs, order.Config, order.Control, order.Webhooks, order.Injector, order.Front, order.Gateways, order.Mesh, order.Service)
	return append(append(out, s.serves(c)...), s.handed(c)...)
}

// serves are the facts that what is to serve c does.
func (s *scene) serves(c *ClusterPlan) []order.Fact {
	out := []order.Fact{{Cluster: c.Name, Claim: c.control()}}
	if s.switches(c) {
		out = append(out, order.Fact{Cluster: c.Name, Claim: order.Serves})
	}
	return out
}

// keepsServing are the facts that let c change what others may reach their control
// plane by: an update takes away what is not wanted any longer, such as ports of
// the gateway and the right to lead elsewhere.
func (s *scene) keepsServing(c *ClusterPlan, ch Change) []order.Fact {
	if ch.Action == Update && len(c.Desired.Remotes) == 0 {
		return s.handed(c)
	}
	return nil
}

// forgotten are the facts that the peers of c, which leaves, read it no more.
// Those that are not reached keep what they have until they are.
func (s *scene) forgotten(c *ClusterPlan) []order.Fact {
	var out []order.Fact
	for _, peer := range s.plan.Clusters {
		if peer != c && !peer.Leaving && peer.Unreached == "" {
			out = append(out, order.Gone(peer.Name, order.Credential, c.Name), order.Gone(peer.Name, order.Grant, c.Name))
		}
	}
	return out
}

// cleaned keeps the primaries of a remote cluster that leaves from writing into
// it once it was cleaned.
func (s *scene) cleaned(c *ClusterPlan, ch Change) []order.Fact {
	switch ch.Part {
	case order.Probe, order.Injector, order.Webhooks, order.Mesh, order.Gateways, order.Control:
		return nil
	}
	var out []order.Fact
	for _, name := range s.servedBy(c) {
		switch p := s.peer(name); {
		case p == nil || p.Unreached != "":
		case p.Leaving:
			out = append(out, order.Gone(p.Name, order.Control, ""))
		default:
			out = append(out, order.Fact{Cluster: p.Name, Claim: order.Discovers})
		}
	}
	return out
}
