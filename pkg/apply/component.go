package apply

import (
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

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

// A proof is how a claim about a cluster comes to be true: a step of an apply
// looks until it is.
type proof struct {
	claim   order.Claim
	check   string // ID of the [Check] by which status judges the same
	applies func(s *scene, c *ClusterPlan) bool
	needs   func(s *scene, c *ClusterPlan) []order.Fact
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

// componentOf finds the component that an object is of.
func componentOf(title order.Component) component {
	all := components()
	return all[slices.IndexFunc(all, func(c component) bool { return c.title == title })]
}

// checkOf is the ID of the check that a claim is about, "" for none.
func checkOf(claim order.Claim) string {
	for _, c := range components() {
		for _, p := range c.proofs {
			if p.claim == claim {
				return p.check
			}
		}
	}
	return ""
}

// wants collects the objects of a cluster that no chart renders.
type wants struct {
	desired *Desired
	cluster *DesiredCluster
	err     error // the first
}

func (w *wants) add(about order.Subject, o *unstructured.Unstructured, late Late) {
	it, err := newItem(about, w.desired.MeshID, o, late)
	if err != nil && w.err == nil {
		w.err = err
	}
	if err == nil {
		w.cluster.Items = append(w.cluster.Items, it)
	}
}
