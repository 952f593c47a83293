package component

import (
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/setup-mesh/setup-mesh/pkg/apply/check"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
)

// ztunnel is the proxy on each node, which the charts render. It is ready once istiod has
// told it of the mesh and signed for it.
func ztunnel() Component {
	return Component{
		title: order.Ztunnel,
		needs: runsAfter(order.NodeProxies, func(c *plan.Cluster) []order.Fact {
			return append(applied(c, order.Config, order.NodeAgents), order.Fact{Cluster: c.Name, Claim: order.Answers})
		}),
		ends:   unenrolled,
		Checks: nodesChecks(order.Ztunnel, order.NodeProxies, IDZtunnel, check.IDZtunnelWorkload, "ztunnel/configuration"),
		Proofs: []Proof{{
			Claim: order.Tunnels, Check: IDZtunnel,
			// Always, since an apply before may have ended while it waited.
			applies: func(_ *plan.Scene, c *plan.Cluster) bool { return c.Desired.Ambient },
			needs: func(_ *plan.Scene, c *plan.Cluster) []order.Fact {
				return append(applied(c, order.NodeAgents, order.NodeProxies), order.Fact{Cluster: c.Name, Claim: order.Answers})
			},
		}},
	}
}

// IDZtunnel is the check of what ambient pods need on their nodes.
const IDZtunnel = "ztunnel/running"

// nodesChecks are those of a component of a DaemonSet, which is a part of it, and of what
// that refers to: whether it runs on every node, whether somebody has changed it, and whether
// the rest is there.
func nodesChecks(component order.Component, part order.Part, running, workload, configuration string) []check.Check {
	judge := func(_ *check.Evidence, c *plan.Cluster) []plan.Finding {
		var out []plan.Finding
		for _, it := range c.DaemonSets() {
			if it.Component != component || it.Part != part {
				continue
			}
			found := onNodes(c, c.Live.Object(it.Ref), string(component), it.Ref.String())
			for i := range found {
				if check.Changed(c, it.Ref) {
					found[i].Hint = check.First(workload, c.Name)
				}
			}
			out = append(out, found...)
		}
		return out
	}
	return []check.Check{
		{ID: running, Severity: check.Ails, Applies: check.Joined, Judge: judge},
		check.ChangeCheck(workload, check.IsPart(component, part)),
		check.DamageCheck(configuration, check.IsPart(component, order.Config)),
	}
}

// onNodes finds a DaemonSet, nil for one that is not there, that does not run on every node.
func onNodes(c *plan.Cluster, d *unstructured.Unstructured, what, ref string) []plan.Finding {
	if d == nil {
		return []plan.Finding{{State: "missing", Message: "there is no " + ref, Hint: check.Mend}}
	}
	wanted, _, _ := unstructured.NestedInt64(d.Object, "status", "desiredNumberScheduled")
	ready, _, _ := unstructured.NestedInt64(d.Object, "status", "numberReady")
	switch {
	case wanted == 0:
		return []plan.Finding{{
			State: "no node", Message: "there is no node for " + ref + ": no pod of the cluster can be in the mesh",
			Hint: fmt.Sprintf("nothing is to be done in a cluster that has no nodes yet; otherwise see whether its node selector and tolerations fit them: kubectl --context %s get nodes", c.Context),
		}}
	case ready < wanted:
		return []plan.Finding{{
			State: "not running", Message: fmt.Sprintf("%s is ready on %d of %d nodes", what, ready, wanted),
			Hint: fmt.Sprintf("kubectl --context %s -n %s describe daemonset %s", c.Context, d.GetNamespace(), d.GetName()),
		}}
	}
	return nil
}
