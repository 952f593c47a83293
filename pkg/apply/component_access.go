package apply

import (
	"slices"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
	"github.com/setup-mesh/setup-mesh/pkg/topology"
)

// access is what lets istiods read other clusters: in the cluster that is read an
// account and a grant for each that reads it, and there a remote secret.
func access() component {
	return component{
		title:  order.RemoteAccess,
		wants:  wantAccess,
		needs:  needsOfAccess,
		ends:   endsOfAccess,
		checks: accessChecks(),
		proofs: []proof{{claim: order.Discovers, check: checkSynced, applies: provesDiscovery, needs: needsOfDiscovery}},
	}
}

func wantAccess(w *wants) {
	c := w.cluster
	if c.Member.Remote() || c.Account != topology.DefaultServiceAccountReader && len(c.ReadBy) > 0 {
		w.reader() // the charts render the default account of primaries only
	}
	for _, name := range c.ReadBy {
		w.add(order.Subject{Component: order.RemoteAccess, Part: order.Grant, Peer: name}, grantObject(c.Member.Namespace, name), nil)
	}
	for _, other := range w.desired.Clusters {
		name := other.Member.Name
		if slices.Contains(c.Reads, name) {
			w.add(order.Subject{Component: order.RemoteAccess, Part: order.Credential, Peer: name}, remoteSecretObject(c.Member.Namespace, name), &remoteAccess{
				from: other.Member, account: other.Account, consumer: c.Member.Name,
				serves: slices.Contains(other.Member.Primaries, c.Member.Name),
			})
		}
	}
}

// reader adds the account as which other clusters read this one, and lets one of
// the topology's do what the charts let theirs do.
func (w *wants) reader() {
	c, about := w.cluster, order.Subject{Component: order.RemoteAccess, Part: order.Account}
	w.add(about, readerAccount(c.Member.Namespace, c.Account), nil)
	role := object.Ref{Group: object.RBACGroup, Kind: "ClusterRole", Name: readerRole(c.Member.Namespace)}
	if c.Account != topology.DefaultServiceAccountReader && slices.ContainsFunc(c.Items, func(it *Item) bool { return it.Ref == role }) {
		w.add(about, readerBinding(c.Member.Namespace, c.Account), nil)
	}
}

func needsOfAccess(s *scene, c *ClusterPlan, ch Change) []order.Fact {
	if ch.Part == order.Credential && ch.Action == Update {
		return s.retired(c, ch)
	}
	return nil
}

// retired are the facts after which a credential need not say that c serves its
// source. A new credential is a new meeting, at which an istiod that does not serve
// the cluster gives up the lead there; one that is stale has lost it.
func (s *scene) retired(c *ClusterPlan, ch Change) []order.Fact {
	live := c.Live.object(ch.Object)
	late, ok := ch.item.Late.(*remoteAccess)
	source := s.clusters[ch.Peer]
	if !ok || source == nil || !late.retires(live) || late.stale(s.plan.world, live) != "" {
		return nil
	}
	return s.servedOtherwise(source)
}

func endsOfAccess(s *scene, c *ClusterPlan, ch Change) []order.Fact {
	switch ch.Part {
	case order.Credential:
		return s.unread(c, ch.Peer)
	case order.Grant:
		return s.revoked(c, ch.Peer)
	}
	return s.reissued(c)
}

// reissued are the facts after which nobody reads c by a token of another account
// than that of now.
func (s *scene) reissued(c *ClusterPlan) []order.Fact {
	var out []order.Fact
	for _, consumer := range c.ReadBy {
		out = append(out, order.Applied(consumer, order.Credential, c.Name))
	}
	if s.changesHands(c) {
		out = append(out, s.servedOtherwise(c)...)
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
	case from == nil: // it may be the former name of any, and of one that c serves
		out = append(append(out, order.Applied(c.Name, order.Credential, "")), s.handed(c)...)
	case from.Leaving:
		out = append(out, order.Fact{Cluster: from.Name, Claim: order.Departed})
	case s.served(c.Name, from.Name):
		out = append(out, s.servedOtherwise(from)...)
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
	by := s.peer(consumer)
	if by == nil { // it may be the former name of any, and of one that serves c
		return append(s.reissued(c), order.Fact{Cluster: c.Name, Claim: c.control()}, order.Gone(c.Name, order.Endpoints, ""))
	}
	var out []order.Fact
	if by.Leaving {
		out = append(out, order.Fact{Cluster: by.Name, Claim: order.Departed})
	}
	if s.served(by.Name, c.Name) {
		out = append(out, s.servedOtherwise(c)...)
	}
	switch {
	case renamed(by, consumer) && reading(by, c):
		out = append(out, order.Applied(by.Name, order.Credential, c.Name))
	case !by.Leaving && by.Unreached == "":
		out = append(out, order.Gone(by.Name, order.Credential, c.Name))
	}
	return out
}

// provesDiscovery: the proof that the mesh is one. What is not reached now is no
// part of it.
func provesDiscovery(s *scene, c *ClusterPlan) bool {
	return !c.Remote() && (len(s.plan.discovers(c)) > 0 || c.removing(order.Credential))
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
