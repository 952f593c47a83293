package apply

import (
	"slices"

	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
)

// needs are the facts that a change of a wanted object waits for, beside those
// that its late content needs.
func (s *scene) needs(c *ClusterPlan, ch Change) []order.Fact {
	here := func(parts ...order.Part) []order.Fact { return applied(c, parts...) }
	var out []order.Fact
	if ch.Mint {
		out = append(out, ch.item.Late.Needs()...)
	}
	switch ch.Part {
	case order.Control:
		out = append(out, here(order.Trust, order.Config)...)
	case order.Webhooks:
		out = append(out, here(order.Trust, order.Config)...)
		if c.Remote() {
			out = append(out, s.reachable(c)...)
			out = append(out, here(order.Service)...)
		}
	case order.Gateways:
		out = append(out, here(order.Config, order.Front)...)
		out = append(out, order.Fact{Cluster: c.Name, Claim: c.control()})
	case order.Mesh:
		out = append(out, here(order.CRDs)...)
		out = append(out, order.Fact{Cluster: c.Name, Claim: order.Answers})
	case order.Service:
		if s.switches(c) && hasSelector(c.Live.object(ch.Object)) {
			out = append(out, s.reachable(c)...)
			out = append(out, order.Fact{Cluster: c.Name, Claim: order.Serves})
		}
	case order.Endpoints:
		if s.switches(c) {
			out = append(out, order.Fact{Cluster: c.Name, Claim: order.Serves})
		}
	case order.Credential:
		out = append(out, s.retired(c, ch)...)
	case order.Copies:
		out = append(out, here(order.Spaces)...)
	}
	// An update may take away what a cluster uses that is handed over: ports of
	// the gateway, the right to lead there.
	if ch.Action == Update && c.Desired != nil && len(c.Desired.Remotes) == 0 && (ch.Component == order.Gateway || ch.Part == order.Control) {
		out = append(out, s.handed(c)...)
	}
	return out
}

// retired are the facts after which a credential need not say that c serves its
// source.
func (s *scene) retired(c *ClusterPlan, ch Change) []order.Fact {
	live := c.Live.object(ch.Object)
	late, ok := ch.item.Late.(*remoteAccess)
	source := s.clusters[ch.Peer]
	if !ok || source == nil || !late.retires(live) || late.stale(s.plan.world, live) != "" {
		return nil
	}
	return s.servedOtherwise(source, c)
}

// control is the fact that something injects the pods of c.
func (c *ClusterPlan) control() order.Claim {
	if c.Remote() {
		return order.Injected
	}
	return order.Answers
}

// reachable are the facts that let a webhook of a remote cluster call its
// primaries. While there is no address of any, it would refuse pods.
func (s *scene) reachable(c *ClusterPlan) []order.Fact {
	names := s.primaries(c)
	var out []order.Fact
	for _, name := range names {
		out = append(out, order.Applied(c.Name, order.Endpoints, name))
	}
	if len(names) == 0 {
		for _, name := range c.Primaries {
			out = append(out, order.Fact{Cluster: name, Claim: order.Addressed})
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

// ends are the facts that the removal of an object waits for. Leaving is wanting
// nothing: the rules are the same.
func (s *scene) ends(c *ClusterPlan, ch Change) []order.Fact {
	out := s.chain(c, ch)
	if c.Leaving {
		out = append(out, order.Fact{Cluster: c.Name, Claim: order.Departed})
		out = append(out, s.forgotten(c)...)
		out = append(out, s.handed(c)...)
		out = append(out, s.cleaned(c, ch)...)
		return out
	}
	switch ch.Part {
	case order.Copies, order.Spaces:
		return out
	case order.Credential:
		return append(out, s.unread(c, ch.Peer)...)
	case order.Grant:
		return append(out, s.revoked(c, ch.Peer)...)
	case order.Account:
		return append(out, s.replaced(c)...)
	}
	switch ch.Object.Kind {
	case "ServiceAccount", "ClusterRole", "ClusterRoleBinding": // tokens may be of it, and their rights
		out = append(out, s.replaced(c)...)
	}
	out = append(out, s.settled(c)...)
	return append(out, s.handed(c)...)
}

// replaced are the facts after which nobody reads c by a token of another account
// than that of now.
func (s *scene) replaced(c *ClusterPlan) []order.Fact {
	var out []order.Fact
	for _, consumer := range c.ReadBy {
		out = append(out, order.Applied(consumer, order.Credential, c.Name))
	}
	for _, p := range s.formerly(c) {
		out = append(out, s.servedOtherwise(c, p)...)
	}
	return out
}

// chain are the parts of c that go before that of ch. In a cluster that stays,
// what is between clusters goes by itself.
func (s *scene) chain(c *ClusterPlan, ch Change) []order.Fact {
	var out []order.Fact
	for _, p := range ch.Part.Before() {
		if c.Leaving || !between(p) && !between(ch.Part) || p == order.Copies && ch.Part == order.Spaces {
			out = append(out, order.Gone(c.Name, p, ""))
		}
	}
	return out
}

func between(p order.Part) bool {
	switch p {
	case order.Credential, order.Grant, order.Account, order.Copies, order.Spaces:
		return true
	}
	return false
}

// settled are the facts that what replaces the things that c holds no longer is
// there, and serves.
func (s *scene) settled(c *ClusterPlan) []order.Fact {
	out := applied(c, order.Trust, order.CRDs, order.Config, order.Control, order.Webhooks, order.Front, order.Gateways, order.Mesh, order.Service)
	out = append(out, order.Fact{Cluster: c.Name, Claim: c.control()})
	if s.switches(c) {
		out = append(out, order.Fact{Cluster: c.Name, Claim: order.Serves})
	}
	return out
}

// unread are the facts after which c need not read the cluster source.
func (s *scene) unread(c *ClusterPlan, source string) []order.Fact {
	var out []order.Fact
	if c.Remote() { // its own istiod reads until others serve it
		out = append(out, order.Fact{Cluster: c.Name, Claim: order.Injected})
	}
	from := s.peer(source)
	switch {
	case from == nil: // it may be the former name of any
		out = append(out, order.Applied(c.Name, order.Credential, ""))
	case from.Leaving:
		out = append(out, order.Fact{Cluster: from.Name, Claim: order.Departed})
	case s.served(c.Name, from.Name):
		out = append(out, s.servedOtherwise(from, c)...)
	}
	if renamed(from, source) && reading(c, from) {
		out = append(out, order.Applied(c.Name, order.Credential, from.Name))
	}
	return out
}

// renamed says whether a cluster that stays had that name, and has another one.
func renamed(c *ClusterPlan, name string) bool { return c != nil && !c.Leaving && c.Name != name }

// reading says whether the istiods of consumer are to read source.
func reading(consumer, source *ClusterPlan) bool {
	return consumer.Desired != nil && slices.Contains(consumer.Desired.Reads, source.Name)
}

// revoked are the facts after which the istiods of consumer need not read c.
func (s *scene) revoked(c *ClusterPlan, consumer string) []order.Fact {
	var out []order.Fact
	by := s.peer(consumer)
	if by == nil { // as above
		return s.replaced(c)
	}
	if by.Leaving {
		out = append(out, order.Fact{Cluster: by.Name, Claim: order.Departed})
	}
	if s.served(by.Name, c.Name) {
		out = append(out, s.servedOtherwise(c, by)...)
	}
	switch {
	case renamed(by, consumer) && reading(by, c):
		out = append(out, order.Applied(by.Name, order.Credential, c.Name))
	case !by.Leaving && by.Unreached == "":
		out = append(out, order.Gone(by.Name, order.Credential, c.Name))
	}
	return out
}

// served says whether primary served remote, and is not to do so after an apply.
func (s *scene) served(primary, remote string) bool {
	for _, name := range s.handsOver[primary] {
		if name == remote {
			return true
		}
	}
	return false
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
	var out []order.Fact
	switch ch.Part {
	case order.Probe, order.Webhooks, order.Mesh, order.Gateways, order.Control:
		return nil
	}
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
