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
	checkRunning   = "istiod/running"
	checkWebhooks  = "control-plane/webhooks"
	checkInjection = "control-plane/injection"
)

// controlPlaneChecks are about istiod, what it needs, and whether new pods get a
// proxy.
func controlPlaneChecks() []Check {
	return []Check{
		{ID: checkRunning, Severity: Ails, Applies: primary, Judge: func(_ *Evidence, c *ClusterPlan) []Finding {
			return c.running(object.IstiodRef(c.Namespace), "istiod")
		}},
		damageCheck("control-plane/namespace", isPart(order.ControlPlane, order.Namespace)),
		damageCheck(checkWebhooks, isPart(order.ControlPlane, order.Injector, order.Webhooks)),
		damageCheck("control-plane/crds", isPart(order.ControlPlane, order.CRDs)),
		damageCheck("control-plane/service", isObject(object.IstiodServiceRef)),
		damageCheck("control-plane/configuration", isConfiguration),
		damageCheck("control-plane/resources", isPart(order.ControlPlane, order.Mesh)),
		{ID: checkInjection, Severity: Ails, Asks: []Question{AskInjection}, Applies: injects, Judge: judgeInjection},
	}
}

// isConfiguration says whether a change is about what a control plane refers to,
// and no other check is: RBAC, ConfigMaps, service accounts.
func isConfiguration(c *ClusterPlan, ch Change) bool {
	return ch.Part == order.Config && ch.Component == order.ControlPlane && ch.Object != object.IstiodServiceRef(c.Namespace) && !c.isReader(ch)
}

// injects is a cluster that has an injection webhook, as it should.
func injects(e *Evidence, c *ClusterPlan) bool {
	ref := injectorRef(c.Namespace)
	return joined(e, c) && c.wants(ref) && c.Live.object(ref) != nil
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
