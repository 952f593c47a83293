package component

import (
	"github.com/setup-mesh/setup-mesh/pkg/apply/check"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
)

// cni is the agent on each node that redirects the traffic of pods, which the charts
// render: to ztunnel, or to sidecars on platforms where pods may not do it themselves.
func cni() Component {
	return Component{
		title:  order.CNI,
		needs:  runsAfter(order.NodeAgents, func(c *plan.Cluster) []order.Fact { return applied(c, order.Config) }),
		ends:   unenrolled,
		Checks: nodesChecks(order.CNI, order.NodeAgents, IDCNI, check.IDCNIWorkload, "cni/configuration"),
	}
}

// IDCNI is the check of what brings pods into the mesh on their nodes.
const IDCNI = "cni/running"

// runsAfter are the needs of a component one part of which runs, and refers to the rest.
func runsAfter(part order.Part, facts func(c *plan.Cluster) []order.Fact) func(*plan.Scene, *plan.Cluster, plan.Change) []order.Fact {
	return func(_ *plan.Scene, c *plan.Cluster, ch plan.Change) []order.Fact {
		if ch.Part != part {
			return nil
		}
		return facts(c)
	}
}

// unenrolled are the facts that let what enrolled pods need go from a cluster that stays:
// what replaces it is there, and no pod is enrolled by us, be it that its namespace goes.
// Only the agent on its node takes the redirection out of a pod.
// https://istio.io/latest/docs/ambient/architecture/traffic-redirection/
func unenrolled(s *plan.Scene, c *plan.Cluster, ch plan.Change) []order.Fact {
	return append(replaced(s, c, ch), order.Gone(c.Name, order.EnrolmentLabels, ""), order.Gone(c.Name, order.EnrolledSpaces, ""))
}
