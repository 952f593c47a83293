package plan

import "github.com/setup-mesh/setup-mesh/pkg/apply/order"

// ends are the facts that the removal of an object waits for. Leaving is wanting
// nothing: the order of parts is the same.
func (s *Scene) ends(c *Cluster, ch Change) []order.Fact {
	if s.Plan.Ends() {
		return nil // it is not asked who needs the token
	}
	out := s.chain(c, ch)
	if c.Leaving {
		out = append(out, order.Fact{Cluster: c.Name, Claim: order.Departed})
		out = append(out, s.forgotten(c)...)
		out = append(out, s.Handed(c)...)
		return append(out, s.cleaned(c, ch)...)
	}
	return append(out, s.rules.Ends(s, c, ch)...)
}

// chain are the parts of c that go before that of ch. In a cluster that stays,
// what is between clusters goes by itself.
func (s *Scene) chain(c *Cluster, ch Change) []order.Fact {
	var out []order.Fact
	for _, p := range ch.Part.Before() {
		if c.Leaving || !p.Between() && !ch.Part.Between() || p == order.Copies && ch.Part.HoldsOthers() {
			out = append(out, order.Gone(c.Name, p, ""))
		}
	}
	return out
}

// forgotten are the facts that the peers of c, which leaves, no longer read it.
// Those that are not reached keep what they have until they are.
func (s *Scene) forgotten(c *Cluster) []order.Fact {
	var out []order.Fact
	for _, peer := range s.Plan.Clusters {
		if peer != c && !peer.Leaving && peer.Unreached == "" {
			out = append(out, order.Gone(peer.Name, order.Credential, c.Name), order.Gone(peer.Name, order.Grant, c.Name))
		}
	}
	return out
}

// cleaned keeps the primaries of a remote cluster that leaves from writing into
// it once it was cleaned.
func (s *Scene) cleaned(c *Cluster, ch Change) []order.Fact {
	if ch.Part.Runs() {
		return nil
	}
	var out []order.Fact
	for _, name := range s.servedBy[c] {
		switch p := s.Peer(name); {
		case p == nil || p.Unreached != "":
		case p.Leaving:
			out = append(out, order.Gone(p.Name, order.Control, ""))
		default:
			out = append(out, order.Fact{Cluster: p.Name, Claim: order.Discovers})
		}
	}
	return out
}
