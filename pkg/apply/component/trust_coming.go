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

// comes says whether c is to get a CA that waits until all proxies have a list of it.
func comes(p *plan.Plan, c *plan.Cluster) bool {
	i := intermediate(c)
	return i != nil && i.Waits(p.World)
}

// announces says whether the CA of c signs until another one comes.
func announces(s *plan.Scene, c *plan.Cluster) bool {
	b := check.Bundle(c)
	if b == nil || !comes(s.Plan, c) || anyCluster(s.Plan, missing) {
		return false
	}
	ca, revoked := s.Plan.Wanted.Revoked.Names(b.Cert())
	return b.Under(s.Plan.Wanted.Root) && !(revoked && ca.Listed)
}

// looksForLists says whether a CA waits for the proxies of c. Those of a cluster that
// nobody serves yet are given their first lists with all others. Where a cluster is not
// reached, no lists are given out, and the CA waits for that cluster.
func looksForLists(s *plan.Scene, c *plan.Cluster) bool {
	if c.Leaving || !anyCluster(s.Plan, comes) {
		return false
	}
	return c.Unreached != "" || !unserved(s.Plan, c) && !anyCluster(s.Plan, missing)
}

// missing says whether c is to be in the mesh, and is not reached.
func missing(_ *plan.Plan, c *plan.Cluster) bool { return c.Unreached != "" && !c.Leaving }

// needsOfComing are the facts that a CA waits for that is to come to c.
func needsOfComing(s *plan.Scene, c *plan.Cluster) []order.Fact {
	var out []order.Fact
	if !comes(s.Plan, c) {
		return nil
	}
	for _, other := range s.Plan.Clusters {
		if looksForLists(s, other) {
			out = append(out, order.Fact{Cluster: other.Name, Claim: order.Listed})
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
