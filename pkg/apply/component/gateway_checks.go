package component

import (
	"fmt"

	"github.com/setup-mesh/setup-mesh/pkg/apply/check"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
)

// IDs of checks.
const (
	IDAddress        = "gateway/address"
	IDGatewayService = "gateway/service"
)

// gatewayChecks are about the east-west gateway and what it exposes.
func gatewayChecks() []check.Check {
	return append(networkChecks(), []check.Check{
		check.ChangeCheck(check.IDGatewayWorkload, check.IsPart(order.Gateway, order.Gateways)),
		{ID: "gateway/running", Severity: check.Ails, Applies: usesGateway, Judge: func(_ *check.Evidence, c *plan.Cluster) []plan.Finding {
			return running(c, object.GatewayRef(c.Namespace), "east-west gateway")
		}},
		check.DamageCheck(IDGatewayService, check.IsObject(object.GatewayServiceRef)),
		check.DamageCheck("gateway/exposed", check.IsPart(order.Gateway, order.Mesh)),
		{ID: IDAddress, Severity: check.Ails, Asks: []check.Question{check.AskEvents}, Applies: usesGateway, Judge: judgeAddress},
	}...)
}

func usesGateway(e *check.Evidence, c *plan.Cluster) bool {
	return check.Joined(e, c) && c.Desired.Gateway
}

// judgeAddress finds a gateway without an address. That its Service is missing is
// said by another check.
func judgeAddress(e *check.Evidence, c *plan.Cluster) []plan.Finding {
	ref := object.GatewayServiceRef(c.Namespace)
	ch := c.Planned(ref)
	switch {
	case c.Gateway.Host != "", c.Live.Reach.Err != nil, ch != nil && check.Missing(c, *ch):
		return nil
	case c.Live.Reach.Nowhere != "":
		return []plan.Finding{{State: "none", Object: ref, Message: c.Live.Reach.Nowhere, Hint: "set contexts." + c.Context + ".gateway.addresses"}}
	}
	message := fmt.Sprintf("%s has no address", ref)
	if event := e.Probes[c.Name].Event; event != "" {
		message += fmt.Sprintf("; last event: %q", event)
	}
	return []plan.Finding{{
		State: "pending", Object: ref, Message: message,
		Hint: "kubectl --context " + c.Context + " -n " + c.Namespace + " describe service " + object.EastWestGateway,
	}}
}
