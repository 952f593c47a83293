package check

import (
	"fmt"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
)

// IDs of checks.
const (
	IDAddress        = "gateway/address"
	IDGatewayService = "gateway/service"
)

// ExposureChecks are about the east-west gateway and what it exposes.
func ExposureChecks() []Check {
	return []Check{
		{ID: "gateway/running", Severity: Ails, Applies: usesGateway, Judge: func(_ *Evidence, c *plan.Cluster) []plan.Finding {
			return Running(c, GatewayRef(c.Namespace), "east-west gateway")
		}},
		DamageCheck(IDGatewayService, IsObject(object.GatewayServiceRef)),
		DamageCheck("gateway/exposed", IsPart(order.Gateway, order.Mesh)),
		{ID: IDAddress, Severity: Ails, Applies: usesGateway, Judge: judgeAddress},
	}
}

func usesGateway(e *Evidence, c *plan.Cluster) bool { return Joined(e, c) && c.Desired.Gateway }

// GatewayRef is the Deployment of the east-west gateway.
func GatewayRef(namespace string) object.Ref {
	return object.Ref{Group: "apps", Kind: "Deployment", Namespace: namespace, Name: object.EastWestGateway}
}

// gatewayChecks are about where the east-west gateway is, as far as a plan needs
// to know.
func gatewayChecks() []Check {
	return []Check{{ID: "gateway/resolved", Severity: Warns, Applies: hasGateway, Judge: judgeResolved}}
}

func hasGateway(e *Evidence, c *plan.Cluster) bool { return Stays(e, c) && c.Desired.Gateway }

// judgeResolved says that it is not known where the gateway is reached.
func judgeResolved(_ *Evidence, c *plan.Cluster) []plan.Finding {
	err := c.Live.Reach.Err
	if err == nil {
		return nil
	}
	message := err.Error()
	if len(c.Desired.Remotes) > 0 {
		message += ": remote clusters keep the addresses they have"
	}
	return []plan.Finding{plan.Unanswered(err, message)}
}

// judgeAddress finds a gateway without an address. That its Service is missing is
// said by another check.
func judgeAddress(_ *Evidence, c *plan.Cluster) []plan.Finding {
	ref := object.GatewayServiceRef(c.Namespace)
	ch := c.Planned(ref)
	switch {
	case c.Gateway.Host != "", c.Live.Reach.Err != nil, ch != nil && Missing(c, *ch):
		return nil
	case c.Live.Reach.Nowhere != "":
		return []plan.Finding{{State: "none", Object: ref, Message: c.Live.Reach.Nowhere, Hint: "set contexts." + c.Context + ".gateway.addresses"}}
	}
	return []plan.Finding{{
		State: "pending", Object: ref,
		Message: fmt.Sprintf("%s has no address", ref),
		Hint:    "kubectl -n " + c.Namespace + " describe service " + object.EastWestGateway,
	}}
}
