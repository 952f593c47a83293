package check

import (
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
)

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
