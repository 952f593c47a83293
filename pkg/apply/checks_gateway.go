package apply

import (
	"fmt"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
)

const (
	checkAddress        = "gateway/address"
	checkGatewayService = "gateway/service"
)

// exposureChecks are about the east-west gateway and what it exposes.
func exposureChecks() []Check {
	return []Check{
		{ID: "gateway/running", Severity: Ails, Applies: usesGateway, Judge: func(_ *Evidence, c *ClusterPlan) []Finding {
			return c.running(gatewayRef(c.Namespace), "east-west gateway")
		}},
		damageCheck(checkGatewayService, isObject(object.GatewayServiceRef)),
		damageCheck("gateway/exposed", isPart(order.Gateway, order.Mesh)),
		{ID: checkAddress, Severity: Ails, Applies: usesGateway, Judge: judgeAddress},
	}
}

func usesGateway(e *Evidence, c *ClusterPlan) bool { return joined(e, c) && c.Desired.Gateway }

func gatewayRef(namespace string) object.Ref {
	return object.Ref{Group: "apps", Kind: "Deployment", Namespace: namespace, Name: object.EastWestGateway}
}

// gatewayChecks are about where the east-west gateway is, as far as a plan needs
// to know.
func gatewayChecks() []Check {
	return []Check{{ID: "gateway/resolved", Severity: Warns, Applies: hasGateway, Judge: judgeResolved}}
}

func hasGateway(e *Evidence, c *ClusterPlan) bool { return stays(e, c) && c.Desired.Gateway }

// judgeResolved says that it is not known where the gateway is reached.
func judgeResolved(_ *Evidence, c *ClusterPlan) []Finding {
	err := c.Live.Reach.Err
	if err == nil {
		return nil
	}
	message := err.Error()
	if len(c.Desired.Remotes) > 0 {
		message += ": remote clusters keep the addresses they have"
	}
	return []Finding{unknown(err, message)}
}

// judgeAddress finds a gateway without an address. That its Service is missing is
// said by another check.
func judgeAddress(_ *Evidence, c *ClusterPlan) []Finding {
	ref := object.GatewayServiceRef(c.Namespace)
	ch := c.planned(ref)
	switch {
	case c.Gateway.Host != "", c.Live.Reach.Err != nil, ch != nil && c.missing(*ch):
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
