package apply

import (
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

const (
	checkRunning = "istiod/running"
	checkAddress = "gateway/address"
)

// runningChecks are about what has to run in a cluster, and where it is reached.
func runningChecks() []Check {
	return []Check{
		{ID: checkRunning, Severity: Ails, Applies: primary, Judge: func(_ *Evidence, c *ClusterPlan) []Finding {
			return c.running(object.IstiodRef(c.Namespace), "istiod")
		}},
		{ID: "gateway/running", Severity: Ails, Applies: usesGateway, Judge: func(_ *Evidence, c *ClusterPlan) []Finding {
			return c.running(gatewayRef(c.Namespace), "east-west gateway")
		}},
		{ID: checkAddress, Severity: Ails, Applies: usesGateway, Judge: judgeAddress},
	}
}

func usesGateway(e *Evidence, c *ClusterPlan) bool { return joined(e, c) && c.Desired.Gateway }

func gatewayRef(namespace string) object.Ref {
	return object.Ref{Group: "apps", Kind: "Deployment", Namespace: namespace, Name: object.EastWestGateway}
}

// running finds a Deployment that is not there, or of which no pod is available.
func (c *ClusterPlan) running(ref object.Ref, what string) []Finding {
	d := c.Live.object(ref)
	if d == nil {
		return []Finding{{State: "missing", Object: ref, Message: "there is no " + what, Hint: mend}}
	}
	if available, _, _ := unstructured.NestedInt64(d.Object, "status", "availableReplicas"); available > 0 {
		return nil
	}
	f := Finding{
		State: "not running", Object: ref, Message: what + " has no available replica",
		Hint: fmt.Sprintf("kubectl -n %s describe deployment %s", ref.Namespace, ref.Name),
	}
	if why := replicaFailure(d); why != "" {
		f.Message += ": " + why
	}
	return []Finding{f}
}

// judgeAddress finds a gateway without an address. That its Service is missing is
// said by another check.
func judgeAddress(_ *Evidence, c *ClusterPlan) []Finding {
	ref := object.GatewayServiceRef(c.Namespace)
	ch := c.planned(ref)
	switch {
	case c.Gateway != "", c.Live.Reach.Err != nil, ch != nil && c.missing(*ch):
		return nil
	case c.Live.Reach.Nowhere != "":
		return []Finding{{State: "none", Object: ref, Message: c.Live.Reach.Nowhere, Hint: "set contexts." + c.Context + ".gateway.addresses"}}
	}
	return []Finding{{
		State: "pending", Object: ref,
		Message: fmt.Sprintf("%s has no address", ref),
		Hint:    "kubectl -n " + c.Namespace + " describe service " + object.EastWestGateway,
	}}
}
