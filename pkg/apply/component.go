package apply

import (
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
	"github.com/setup-mesh/setup-mesh/pkg/apply/record"
)

// A component is a part of a cluster's membership in the user's terms, and all
// that is to know of it: what it wants, what that waits for, when it may go, and
// how it is seen to be there.
type component struct {
	title order.Component
	// wants adds what a cluster should hold beside what Istio's charts render.
	wants func(w *wants)
	// needs are the facts that a change of a wanted object waits for, beside
	// those that its late content needs.
	needs func(s *scene, c *ClusterPlan, ch Change) []order.Fact
	// ends are the facts that the removal of an object waits for in a cluster that
	// stays. In one that leaves, the parts go in their order, and no more is to say.
	ends func(s *scene, c *ClusterPlan, ch Change) []order.Fact
	// proofs are what is to be seen before others may rely on it.
	proofs []proof
	// checks are what a status looks at of it.
	checks []Check
}

// A proof is a [Proof] of the clusters that it applies to.
type proof struct {
	claim   order.Claim
	check   string
	applies func(s *scene, c *ClusterPlan) bool
	needs   func(s *scene, c *ClusterPlan) []order.Fact
	tries   func(s *scene, c *ClusterPlan) []string // nil for none
}

// components lists all components, as plans do.
func components() []component {
	return []component{trust(), controlPlane(), primaries(), gateway(), access(), services()}
}

// role is what a cluster consists of. A cluster that leaves has no role: it wants
// nothing.
func role(m record.Member) []component {
	if m.Remote() {
		return []component{controlPlane(), primaries(), gateway(), access(), services()}
	}
	return []component{trust(), controlPlane(), gateway(), access(), services()}
}

// byRole adds to w what the components of its cluster's role want.
func byRole(w *wants) {
	for _, of := range role(w.cluster.Member) {
		if of.wants != nil {
			of.wants(w)
		}
	}
}

// ordered are the rules of all components.
type ordered map[order.Component]component

func inOrder() Rules {
	out := ordered{}
	for _, c := range components() {
		out[c.title] = c
	}
	return out
}

// Needs implements [Rules].
func (o ordered) Needs(s *scene, c *ClusterPlan, ch Change) []order.Fact {
	var out []order.Fact
	if ch.Mint {
		out = append(out, ch.item.Late.Needs()...)
	}
	if of := o[ch.Component]; of.needs != nil {
		out = append(out, of.needs(s, c, ch)...)
	}
	return out
}

// Ends implements [Rules].
func (o ordered) Ends(s *scene, c *ClusterPlan, ch Change) []order.Fact {
	if of := o[ch.Component]; of.ends != nil {
		return of.ends(s, c, ch)
	}
	return nil
}

// Proofs implements [Rules].
func (ordered) Proofs(s *scene, c *ClusterPlan) []Proof {
	var out []Proof
	for _, of := range role(c.Member) {
		for _, p := range of.proofs {
			if !p.applies(s, c) {
				continue
			}
			one := Proof{Claim: p.claim, Check: p.check, Needs: p.needs(s, c)}
			if p.tries != nil {
				one.Tries = p.tries(s, c)
			}
			out = append(out, one)
		}
	}
	return out
}
