package component

import (
	"cmp"
	"fmt"

	"github.com/setup-mesh/setup-mesh/pkg/apply/check"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
)

// IDs of checks.
const (
	IDControlAddress = "control-plane/address"
	IDServing        = "control-plane/serving"
)

// primariesChecks are about the way of a remote cluster to its primaries. That
// each of them serves it is for an apply to see, which makes what it takes.
func primariesChecks() []check.Check {
	return []check.Check{
		{ID: IDControlAddress, Severity: check.Ails, Applies: check.Remote, Judge: judgeControlAddress},
		{ID: IDServing, Severity: check.Refuses, Applies: nobody},
	}
}

func nobody(*check.Evidence, *plan.Cluster) bool { return false }

// judgeControlAddress says whether the primaries are where a remote cluster
// believes them to be: a connection that is open outlives the address it was
// made to.
func judgeControlAddress(_ *check.Evidence, c *plan.Cluster) []plan.Finding {
	var out []plan.Finding
	for _, ch := range c.Changes {
		if ch.Part == order.Endpoints && ch.Action != plan.Keep && !ch.Removes() {
			out = append(out, plan.Finding{
				Object: ch.Object, State: "moved",
				Message: fmt.Sprintf("%s: %s", ch.Object, cmp.Or(ch.Reason, "is not as it should be")),
				Hint:    check.Mend,
			})
		}
	}
	return out
}
