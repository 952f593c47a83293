package component

import (
	"slices"

	"github.com/setup-mesh/setup-mesh/pkg/apply/desired"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
	"github.com/setup-mesh/setup-mesh/pkg/topology"
)

// access is what lets istiods read other clusters: in the cluster that is read an
// account and a grant for each that reads it, and there a remote secret.
func access() Component {
	return Component{
		title:  order.RemoteAccess,
		wants:  wantAccess,
		needs:  needsOfAccess,
		ends:   endsOfAccess,
		Checks: accessChecks(),
		Proofs: []Proof{{Claim: order.Discovers, Check: IDSynced, applies: provesDiscovery, needs: needsOfDiscovery}},
		PairProofs: []PairProof{
			{Claim: order.Accepted, Check: IDAccepted, peers: rebound, needs: func(c, source *plan.Cluster) []order.Fact {
				return []order.Fact{order.Applied(c.Name, order.Credential, source.Name)}
			}},
			{Claim: order.Refused, peers: cutOff, needs: func(c, consumer *plan.Cluster) []order.Fact {
				return []order.Fact{order.Gone(c.Name, order.Grant, consumer.Name)}
			}},
		},
	}
}

func wantAccess(w *desired.Wants) {
	c := w.Cluster
	if c.Member.Remote() || c.Account != topology.DefaultServiceAccountReader && len(c.ReadBy) > 0 {
		reader(w) // the charts render the default account of primaries only
	}
	for _, name := range c.ReadBy {
		w.Add(order.Subject{Component: order.RemoteAccess, Part: order.Grant, Peer: name}, desired.GrantObject(c.Member.Namespace, name), nil)
	}
	for _, other := range w.Desired.Clusters {
		name := other.Member.Name
		if slices.Contains(c.Reads, name) {
			w.Add(order.Subject{Component: order.RemoteAccess, Part: order.Credential, Peer: name}, desired.RemoteSecretObject(c.Member.Namespace, name), &desired.RemoteAccess{
				From: other.Member, Account: other.Account, Consumer: c.Member.Name,
				Serves: slices.Contains(other.Member.Primaries, c.Member.Name),
			})
		}
	}
}

// reader adds the account as which other clusters read this one, and lets one of
// the topology's do what the charts let theirs do.
func reader(w *desired.Wants) {
	c, about := w.Cluster, order.Subject{Component: order.RemoteAccess, Part: order.Account}
	w.Add(about, desired.ReaderAccount(c.Member.Namespace, c.Account), nil)
	role := object.Ref{Group: object.RBACGroup, Kind: "ClusterRole", Name: desired.ReaderRole(c.Member.Namespace)}
	if c.Account != topology.DefaultServiceAccountReader && slices.ContainsFunc(c.Items, func(it *desired.Item) bool { return it.Ref == role }) {
		w.Add(about, desired.ReaderBinding(c.Member.Namespace, c.Account), nil)
	}
}

func needsOfAccess(s *plan.Scene, c *plan.Cluster, ch plan.Change) []order.Fact {
	if ch.Part != order.Credential {
		return nil
	}
	var out []order.Fact
	if ch.Mint {
		out = append(append(meets(s, c), meets(s, s.Clusters[ch.Peer])...), reached(s, c, ch.Peer)...)
	}
	if ch.Action == plan.Update {
		out = append(out, retired(s, c, ch)...)
	}
	return out
}

// retired are the facts after which a credential need not say that c serves its
// source. A new credential is a new meeting, at which an istiod that does not serve
// the cluster gives up the lead there; one that is stale has lost it.
func retired(s *plan.Scene, c *plan.Cluster, ch plan.Change) []order.Fact {
	live := c.Live.Object(ch.Object)
	late, ok := ch.Item.Late.(*desired.RemoteAccess)
	source := s.Clusters[ch.Peer]
	if !ok || source == nil || !late.Retires(s.Plan.World, live) || late.Stale(s.Plan.World, live) != "" {
		return nil
	}
	return s.ServedOtherwise(source)
}

func endsOfAccess(s *plan.Scene, c *plan.Cluster, ch plan.Change) []order.Fact {
	switch ch.Part {
	case order.Credential:
		return unread(s, c, ch.Peer)
	case order.Grant:
		return revoked(s, c, ch.Peer)
	}
	return reissued(s, c)
}

// reissued are the facts after which nobody reads c by a token of another account
// than the one that is there now.
func reissued(s *plan.Scene, c *plan.Cluster) []order.Fact {
	var out []order.Fact
	for _, consumer := range c.ReadBy {
		out = append(out, order.Applied(consumer, order.Credential, c.Name))
	}
	if s.ChangesHands(c) {
		out = append(out, s.ServedOtherwise(c)...)
	}
	return out
}

// unread are the facts after which c need not read the cluster source.
func unread(s *plan.Scene, c *plan.Cluster, source string) []order.Fact {
	var out []order.Fact
	if c.Remote() { // its own istiod reads until others serve it
		out = append(out, order.Fact{Cluster: c.Name, Claim: order.Injected})
	}
	from := s.Peer(source)
	switch {
	case from == nil: // it may be the former name of any, and of one that c serves
		out = append(append(out, order.Applied(c.Name, order.Credential, "")), s.Handed(c)...)
	case from.Leaving:
		out = append(out, order.Fact{Cluster: from.Name, Claim: order.Departed})
	case s.Served(c.Name, from.Name):
		out = append(out, s.ServedOtherwise(from)...)
	}
	if renamed(from, source) && reading(c, from) {
		out = append(out, order.Applied(c.Name, order.Credential, from.Name))
	}
	return out
}

// renamed says whether a cluster that stays had that name, and has another one.
func renamed(c *plan.Cluster, name string) bool { return c != nil && !c.Leaving && c.Name != name }

// reading says whether the istiods of consumer are to read source.
func reading(consumer, source *plan.Cluster) bool {
	return consumer.Desired != nil && slices.Contains(consumer.Desired.Reads, source.Name)
}

// revoked are the facts after which the istiods of consumer need not read c.
func revoked(s *plan.Scene, c *plan.Cluster, consumer string) []order.Fact {
	by := s.Peer(consumer)
	if by == nil { // it may be the former name of any, and of one that serves c
		return append(reissued(s, c), order.Fact{Cluster: c.Name, Claim: c.Control()}, order.Gone(c.Name, order.Endpoints, ""))
	}
	if by.Name == consumer && reading(by, c) { // its token is bound to another grant, or will be
		return []order.Fact{
			order.Applied(by.Name, order.Credential, c.Name),
			{Cluster: by.Name, Claim: order.Accepted, Peer: c.Name}, {Cluster: by.Name, Claim: order.Discovers},
		}
	}
	var out []order.Fact
	if by.Leaving {
		out = append(out, order.Fact{Cluster: by.Name, Claim: order.Departed})
	}
	if s.Served(by.Name, c.Name) {
		out = append(out, s.ServedOtherwise(c)...)
	}
	switch {
	case renamed(by, consumer) && reading(by, c):
		out = append(out, order.Applied(by.Name, order.Credential, c.Name))
	case !by.Leaving && by.Unreached == "":
		out = append(out, order.Gone(by.Name, order.Credential, c.Name))
	}
	return out
}

// rebound are the clusters in which a grant goes since the token of c for them is bound
// to another one.
func rebound(s *plan.Scene, c *plan.Cluster) []*plan.Cluster {
	var out []*plan.Cluster
	for _, source := range s.Plan.Discovers(c) {
		if from := s.Clusters[source]; !s.Plan.Ends() && losesGrant(from, c.Name, "") {
			out = append(out, from)
		}
	}
	return out
}

// cutOff are the clusters whose token for c is known, and ends with a grant that a plan
// about tokens deletes.
func cutOff(s *plan.Scene, c *plan.Cluster) []*plan.Cluster {
	if s.Plan.Options.Access == nil {
		return nil
	}
	var out []*plan.Cluster
	for _, by := range s.Plan.Clusters {
		if by.Unreached != "" {
			continue
		}
		secret := by.Credential(c.Name)
		if secret != nil && losesGrant(c, by.Name, secret.GetAnnotations()[desired.AnnotationGrant]) {
			out = append(out, by)
		}
	}
	return out
}

// losesGrant says whether a grant of consumer is deleted in c: one with a UID, or any
// if that is "".
func losesGrant(c *plan.Cluster, consumer, uid string) bool {
	return slices.ContainsFunc(c.Changes, func(ch plan.Change) bool {
		return ch.Part == order.Grant && ch.Peer == consumer && ch.Action == plan.Delete && !ch.Aside && (uid == "" || ch.UID == uid)
	})
}

// provesDiscovery: the proof that the mesh is one. What is not reached now is no
// part of it.
func provesDiscovery(s *plan.Scene, c *plan.Cluster) bool {
	if s.Plan.Options.Access != nil {
		return s.Plan.Renews() && c.Putting(order.Credential)
	}
	return !c.Remote() && (len(s.Plan.Discovers(c)) > 0 || c.Removing(order.Credential))
}

func needsOfDiscovery(s *plan.Scene, c *plan.Cluster) []order.Fact {
	out := []order.Fact{{Cluster: c.Name, Claim: order.Answers}}
	for _, source := range s.Plan.Discovers(c) {
		out = append(out, order.Applied(c.Name, order.Credential, source))
	}
	for _, ch := range c.Changes {
		if ch.Part == order.Credential && ch.Removes() {
			out = append(out, order.Gone(c.Name, order.Credential, ch.Peer))
		}
	}
	return out
}
