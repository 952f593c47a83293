package component

import (
	"github.com/setup-mesh/setup-mesh/pkg/apply/check"
	"github.com/setup-mesh/setup-mesh/pkg/apply/desired"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
)

// With revocation lists in force, a cluster gets a CA with another key once the proxies of
// all clusters have its list. A cluster whose own CA signs meanwhile is announced the one
// that comes. Where its old CA is to be revoked at once, nobody waits.

// intermediate is what is to become of cacerts in c, nil for nothing.
func intermediate(c *plan.Cluster) *desired.Intermediate {
	ch := c.Planned(object.SecretRef(c.Namespace, object.Cacerts))
	if ch == nil || ch.Item == nil || !ch.Mint || ch.Aside || c.Leaving {
		return nil
	}
	i, _ := ch.Item.Late.(*desired.Intermediate)
	return i
}

// comes says whether c gets a CA that waits until all proxies have a list of it.
func comes(p *plan.Plan, c *plan.Cluster) bool {
	i := intermediate(c)
	if i == nil || !i.Rekeys(p.World) {
		return false
	}
	for _, ca := range p.Wanted.Revoked.CAs() {
		if ca.Now && ca.Cluster == c.Name {
			if b := check.Bundle(c); b != nil && ca.Is(b.Cert()) {
				return false
			}
		}
	}
	return true
}

// announces says whether the CA of c signs until another one comes.
func announces(s *plan.Scene, c *plan.Cluster) bool {
	b := check.Bundle(c)
	if b == nil || !comes(s.Plan, c) {
		return false
	}
	ca, revoked := s.Plan.Wanted.Revoked.Names(b.Cert())
	return b.Under(s.Plan.Wanted.Root) && !(revoked && ca.Listed)
}

// looksForLists says whether a CA waits for the proxies of c. Those of a cluster that
// nobody serves yet are given their first lists with all others.
func looksForLists(s *plan.Scene, c *plan.Cluster) bool {
	return anyCluster(s.Plan, comes) && !c.Leaving && (c.Unreached != "" || !unserved(s.Plan, c))
}

// needsOfComing are the facts that cacerts of c waits for where a CA is to come.
func needsOfComing(s *plan.Scene, c *plan.Cluster) []order.Fact {
	var out []order.Fact
	if comes(s.Plan, c) {
		for _, other := range s.Plan.Clusters {
			if looksForLists(s, other) {
				out = append(out, order.Fact{Cluster: other.Name, Claim: order.Listed})
			}
		}
		return out
	}
	live := c.Live.Object(object.SecretRef(c.Namespace, object.Cacerts))
	if i := intermediate(c); i != nil && live != nil && anyCluster(s.Plan, comes) && i.Announces(s.Plan.World, live) {
		return unreached(s.Plan) // a list that nobody would use yet
	}
	return nil
}

// unreached are facts that keep lists of CAs from being given out that cannot come now.
func unreached(p *plan.Plan) []order.Fact {
	var out []order.Fact
	for _, c := range p.Clusters {
		if c.Unreached != "" && !c.Leaving {
			out = append(out, order.Fact{Cluster: c.Name, Claim: order.Listed})
		}
	}
	return out
}

// needsOfLists are the facts without which proxies cannot have the lists: all clusters
// that have a CA give them to theirs.
func needsOfLists(s *plan.Scene, _ *plan.Cluster) []order.Fact {
	var out []order.Fact
	for _, p := range s.Plan.Clusters {
		switch {
		case p.Leaving || p.Remote():
		case announces(s, p):
			out = append(out, order.Fact{Cluster: p.Name, Claim: order.Announced})
		case !comes(s.Plan, p):
			out = append(out, order.Applied(p.Name, order.Trust, ""))
		}
	}
	return out
}
