package apply

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
)

const (
	checkControlAddress = "control-plane/address"
	checkInjection      = "control-plane/injection"
	checkServing        = "control-plane/serving"
)

// injectionChecks are about whether new pods get a proxy.
func injectionChecks() []Check {
	return []Check{
		{ID: checkControlAddress, Severity: Ails, Applies: remote, Judge: judgeControlAddress},
		{ID: checkInjection, Severity: Ails, Asks: []Question{AskInjection}, Applies: injects, Judge: judgeInjection},
	}
}

// injects is a cluster that has an injection webhook, as it should.
func injects(e *Evidence, c *ClusterPlan) bool {
	ref := injectorRef(c.Namespace)
	return joined(e, c) && c.wants(ref) && c.Live.object(ref) != nil
}

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

// judgeInjection is what came of trying to have a pod injected.
func judgeInjection(e *Evidence, c *ClusterPlan) []Finding {
	err := e.probes[c.Name].Injection
	if err == nil {
		return nil
	}
	if errors.Is(err, errNotTried) {
		f := unknown(err, err.Error())
		f.Hint = cmp.Or(f.Hint, "the user of context "+c.Context+" needs to create pods in namespace "+c.Namespace)
		return []Finding{f}
	}
	hint := "setup-mesh apply; then see the log of istiod"
	if c.Remote() {
		hint = "setup-mesh apply; then see whether " + strings.Join(c.Primaries, ", ") + " can be reached from the API server of " + c.Name
	}
	return []Finding{{State: string(object.ClassOf(err)), Message: fmt.Sprintf("new pods are not injected: %v", err), Hint: hint}}
}
