package apply

import (
	"cmp"
	"fmt"

	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
)

const (
	checkControlAddress = "control-plane/address"
	checkServing        = "control-plane/serving"
)

// primariesChecks are about the way of a remote cluster to its primaries. That
// each of them serves it is for an apply to see, which makes what it takes.
func primariesChecks() []Check {
	return []Check{
		{ID: checkControlAddress, Severity: Ails, Applies: remote, Judge: judgeControlAddress},
		{ID: checkServing, Severity: Refuses, Applies: nobody},
	}
}

func nobody(*Evidence, *ClusterPlan) bool { return false }

// judgeControlAddress says whether the primaries are where a remote cluster
// believes them to be: a connection that is open outlives the address it was
// made to.
func judgeControlAddress(_ *Evidence, c *ClusterPlan) []Finding {
	var out []Finding
	for _, ch := range c.Changes {
		if ch.Part == order.Endpoints && ch.Action != Keep && !ch.removes() {
			out = append(out, Finding{
				Object: ch.Object, State: "moved",
				Message: fmt.Sprintf("%s: %s", ch.Object, cmp.Or(ch.Reason, "is not as it should be")),
				Hint:    mend,
			})
		}
	}
	return out
}
