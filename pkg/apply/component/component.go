// Package component knows the parts of a cluster's membership in a mesh. Each is one
// file that says what it wants, what it waits for, when it may go, how it is seen to
// be there, and which checks are about it. A role is a list of components.
package component

import (
	"slices"

	"github.com/setup-mesh/setup-mesh/pkg/apply/check"
	"github.com/setup-mesh/setup-mesh/pkg/apply/desired"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
	"github.com/setup-mesh/setup-mesh/pkg/apply/record"
)

// A Component is a part of a cluster's membership in the user's terms, and all
// there is to know about it: what it wants, what that waits for, when it may go,
// how it is seen to be there, and what a status checks.
type Component struct {
	title order.Component
	// remotes says that it is a part of remote clusters only; any other is of all.
	remotes bool
	// wants adds what a cluster should hold beside what Istio's charts render.
	wants func(w *desired.Wants)
	// needs are the facts that a change of a wanted object waits for, beside
	// those that its late content needs.
	needs func(s *plan.Scene, c *plan.Cluster, ch plan.Change) []order.Fact
	// ends are the facts that the removal of an object waits for in a cluster that
	// stays. In one that leaves, the parts go in their order, and this is not asked.
	ends func(s *plan.Scene, c *plan.Cluster, ch plan.Change) []order.Fact
	// Proofs are what has to be seen before others may rely on it.
	Proofs     []Proof
	PairProofs []PairProof
	// Checks are those of it that a status looks at.
	Checks []check.Check
}

// A Proof is a [plan.Proof] of the clusters that it applies to.
type Proof struct {
	Claim   order.Claim
	Check   string
	applies func(s *plan.Scene, c *plan.Cluster) bool
	needs   func(s *plan.Scene, c *plan.Cluster) []order.Fact
	tries   func(s *plan.Scene, c *plan.Cluster) []string // nil for none
}

// A PairProof is a [plan.Proof] of a cluster for each of the peers that it applies to.
type PairProof struct {
	Claim order.Claim
	Check string
	peers func(s *plan.Scene, c *plan.Cluster) []*plan.Cluster
	needs func(c, peer *plan.Cluster) []order.Fact
}

// Components lists all components, in the order in which they add what they want.
func Components() []Component {
	return []Component{
		trust(), gatewayAPI(), controlPlane(), cni(), ztunnel(), primaries(), gateway(), ambientGateway(), access(), services(),
		injection(), ambient(),
	}
}

// role is what a cluster consists of. A cluster that leaves has no role: it wants
// nothing.
func role(m record.Member) []Component {
	return slices.DeleteFunc(Components(), func(c Component) bool { return c.remotes && !m.Remote() })
}

// Wants adds to w what the components of its cluster's role want.
func Wants(w *desired.Wants) {
	for _, of := range role(w.Cluster.Member) {
		if of.wants != nil {
			of.wants(w)
		}
	}
}

// ordered are the rules of all components.
type ordered map[order.Component]Component

// Rules are those of all components.
func Rules() plan.Rules {
	out := ordered{}
	for _, c := range Components() {
		out[c.title] = c
	}
	return out
}

// Needs implements [plan.Rules].
func (o ordered) Needs(s *plan.Scene, c *plan.Cluster, ch plan.Change) []order.Fact {
	var out []order.Fact
	if ch.Mint {
		out = append(out, ch.Item.Late.Needs()...)
	}
	if of := o[ch.Component]; of.needs != nil {
		out = append(out, of.needs(s, c, ch)...)
	}
	return out
}

// Ends implements [plan.Rules].
func (o ordered) Ends(s *plan.Scene, c *plan.Cluster, ch plan.Change) []order.Fact {
	if of := o[ch.Component]; of.ends != nil {
		return of.ends(s, c, ch)
	}
	return nil
}

// Proofs implements [plan.Rules].
func (ordered) Proofs(s *plan.Scene, c *plan.Cluster) []plan.Proof {
	var out []plan.Proof
	for _, of := range role(c.Member) {
		if s.Plan.Options.Access != nil && of.title != order.RemoteAccess {
			continue // nothing else changes
		}
		for _, p := range of.Proofs {
			if !p.applies(s, c) {
				continue
			}
			one := plan.Proof{Claim: p.Claim, Check: p.Check, Needs: p.needs(s, c)}
			if p.tries != nil {
				one.Tries = p.tries(s, c)
			}
			out = append(out, one)
		}
		for _, p := range of.PairProofs {
			for _, peer := range p.peers(s, c) {
				out = append(out, plan.Proof{Claim: p.Claim, Check: p.Check, Peer: peer.Name, Needs: p.needs(c, peer)})
			}
		}
	}
	return out
}
