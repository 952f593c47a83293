package component

import (
	"slices"

	"github.com/setup-mesh/setup-mesh/pkg/apply/check"
	"github.com/setup-mesh/setup-mesh/pkg/apply/desired"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
	"github.com/setup-mesh/setup-mesh/pkg/certs"
)

// trust is the certificate of a cluster: the intermediate with which its istiod
// signs. A remote cluster has none, but proxies that trust and are trusted.
//
// A rotation of the root changes it in steps, and none is taken before all proxies of
// all clusters are seen to have taken the one before: what signs is trusted by all
// first, and what is trusted no longer signs for anybody. A CA is called revoked once it
// no longer signs for anybody, too, unless that is not to be waited for.
func trust() Component {
	return Component{
		title: order.Certificate,
		wants: func(w *desired.Wants) {
			c, ns := w.Cluster, w.Cluster.Member.Namespace
			if c.Member.Remote() {
				return
			}
			w.Add(order.Subject{Component: order.Certificate, Part: order.Trust}, object.New("v1", "Secret", ns, object.Cacerts, nil, nil), w.Desired.Intermediate(c.Member))
		},
		needs:  needsOfTrust,
		ends:   replaced,
		Checks: trustChecks(),
		Proofs: []Proof{
			{Claim: order.Trusts, Check: IDNamespaceRoots, applies: anySigns, needs: func(*plan.Scene, *plan.Cluster) []order.Fact { return nil }},
			{Claim: order.Signed, Check: IDNamespaceRoots, applies: anyEnds, needs: func(*plan.Scene, *plan.Cluster) []order.Fact { return nil }},
			{Claim: order.Announced, Check: IDCertificate, applies: announces, needs: func(*plan.Scene, *plan.Cluster) []order.Fact { return nil }},
			{Claim: order.Listed, Check: IDCertificate, applies: looksForLists, needs: needsOfLists},
		},
	}
}

func needsOfTrust(s *plan.Scene, c *plan.Cluster, _ plan.Change) []order.Fact {
	out := needsOfComing(s, c)
	signs, drops, first := signs(s.Plan, c), drops(s.Plan, c), unserved(s.Plan, c)
	for _, other := range s.Plan.Clusters {
		if other.Leaving {
			continue
		}
		if signs && !(first && unserved(s.Plan, other)) {
			out = append(out, order.Fact{Cluster: other.Name, Claim: order.Trusts})
		}
		if drops && !(first && unserved(s.Plan, other)) || revokes(s.Plan, c) {
			out = append(out, order.Fact{Cluster: other.Name, Claim: order.Signed})
		}
	}
	return out
}

// unserved says whether there is no CA for the proxies of c. What runs there, such as
// what an earlier mesh has left, is given other roots only by the istiods that are to
// come: the first of these cannot wait for it.
func unserved(p *plan.Plan, c *plan.Cluster) bool {
	if !c.Remote() {
		return check.Bundle(c) == nil && !c.Removing(order.Endpoints) // or primaries served it until now
	}
	if demotes(c) {
		return false // its own istiod serves it until others do
	}
	for _, other := range p.Clusters {
		if slices.Contains(c.Primaries, other.Name) && check.Bundle(other) != nil {
			return false
		}
	}
	return true
}

// meets are the facts that let what runs in c meet other clusters: it has its certificate.
// In a rotation, what gets on with all others will do: the next may wait for proxies that
// hear of it from those that read c.
func meets(s *plan.Scene, c *plan.Cluster) []order.Fact {
	if c == nil {
		return nil
	}
	if r, b := s.Plan.Wanted.Rotation, check.Bundle(c); r != nil && b != nil && r.Meets(b) {
		return nil
	}
	return applied(c, order.Trust)
}

// signs says whether another root than now is to sign for c, in a rotation.
func signs(p *plan.Plan, c *plan.Cluster) bool {
	if p.Wanted.Rotation == nil || c.Remote() || c.Leaving || c.Unreached != "" {
		return false
	}
	b := check.Bundle(c)
	return b == nil || !b.Under(p.Wanted.Root)
}

// drops says whether c is to lose the trust in a root, in a rotation. One that had no CA of
// its own may have been served by those that trust both.
func drops(p *plan.Plan, c *plan.Cluster) bool {
	if p.Wanted.Rotation == nil || c.Remote() || c.Leaving || c.Unreached != "" {
		return false
	}
	b := check.Bundle(c)
	if b == nil {
		return p.Wanted.Rotation.Phase == certs.OldOnly || p.Wanted.Rotation.Phase == certs.NewOnly
	}
	return b.Drops(p.Wanted.Root)
}

// revokes says whether the proxies of c are to be told that a CA is revoked of which
// workloads may have certificates.
func revokes(p *plan.Plan, c *plan.Cluster) bool {
	if c.Remote() || c.Leaving {
		return false
	}
	b := check.Bundle(c)
	for _, ca := range p.Wanted.Revoked.CAs() {
		if ca.Listed && !ca.Now && b != nil && !b.Revokes(ca) {
			return true
		}
	}
	return false
}

// anySigns and anyEnds are those of some cluster: its workloads meet all others.
func anySigns(s *plan.Scene, _ *plan.Cluster) bool { return anyCluster(s.Plan, signs) }

func anyEnds(s *plan.Scene, _ *plan.Cluster) bool {
	return anyCluster(s.Plan, drops) || anyCluster(s.Plan, revokes)
}

func anyCluster(p *plan.Plan, is func(*plan.Plan, *plan.Cluster) bool) bool {
	for _, c := range p.Clusters {
		if is(p, c) {
			return true
		}
	}
	return false
}
