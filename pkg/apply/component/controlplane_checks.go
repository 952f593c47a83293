package component

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/setup-mesh/setup-mesh/pkg/apply/check"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/observe"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
)

// IDs of checks.
const (
	IDRunning   = "istiod/running"
	IDWebhooks  = "control-plane/webhooks"
	IDInjection = "control-plane/injection"
)

// controlPlaneChecks are about istiod, what it needs, and whether new pods get a
// proxy.
func controlPlaneChecks() []check.Check {
	// What others come of is first: who reads on has read it.
	first := check.Check{ID: IDRunning, Severity: check.Ails, Applies: check.Primary, Judge: func(_ *check.Evidence, c *plan.Cluster) []plan.Finding {
		return running(c, object.IstiodRef(c.Namespace), "istiod")
	}}
	return append(slices.Concat([]check.Check{first}, istiodChecks(), proxyChecks()), []check.Check{
		check.DamageCheck("control-plane/namespace", check.IsPart(order.ControlPlane, order.Namespace)),
		check.DamageCheck(IDWebhooks, check.IsPart(order.ControlPlane, order.Injector, order.Webhooks)),
		check.DamageCheck("control-plane/crds", check.IsPart(order.ControlPlane, order.CRDs)),
		check.DamageCheck("control-plane/service", check.IsObject(object.IstiodServiceRef)),
		check.DamageCheck("control-plane/configuration", isConfiguration),
		check.DamageCheck("control-plane/resources", check.IsPart(order.ControlPlane, order.Mesh)),
		{ID: IDInjection, Severity: check.Ails, Asks: []check.Question{check.AskInjection}, Applies: injects, Judge: judgeInjection},
	}...)
}

// isConfiguration says whether a change is about what a control plane refers to,
// and no other check is: RBAC, ConfigMaps, service accounts.
func isConfiguration(c *plan.Cluster, ch plan.Change) bool {
	return ch.Part == order.Config && ch.Component == order.ControlPlane && ch.Object != object.IstiodServiceRef(c.Namespace) && !isReader(c, ch)
}

// injects is a cluster that has an injection webhook, as it should.
func injects(e *check.Evidence, c *plan.Cluster) bool {
	ref := object.InjectorRef(c.Namespace)
	return check.Joined(e, c) && c.Wants(ref) && c.Live.Object(ref) != nil
}

// judgeInjection is what came of trying to have a pod injected.
func judgeInjection(e *check.Evidence, c *plan.Cluster) []plan.Finding {
	err := e.Probes[c.Name].Injection
	if err == nil {
		return nil
	}
	if errors.Is(err, observe.ErrNotTried) {
		f := plan.Unanswered(err, err.Error())
		f.Hint = cmp.Or(f.Hint, "the user of context "+c.Context+" needs to create pods in namespace "+c.Namespace)
		return []plan.Finding{f}
	}
	message, hint := fmt.Sprintf("new pods are not injected: %v", err), "setup-mesh apply; then see the log of istiod"
	idle := idleIstiods(e, c)
	if c.Remote() {
		hint = "setup-mesh apply; then see whether " + strings.Join(c.Primaries, ", ") + " can be reached from the API server of " + c.Name
	}
	if idle != "" {
		hint = idle
	}
	if label, value := turnedOff(c); label != "" && errors.Is(err, observe.ErrNotInjected) {
		message += fmt.Sprintf(", which is labelled %s=%s", label, value)
		hint = fmt.Sprintf("kubectl --context %s label namespace %s %s-", c.Context, c.Namespace, label)
	}
	return []plan.Finding{{State: string(object.ClassOf(err)), Message: message, Hint: hint}}
}

// turnedOff is the label of Istio's namespace by which no webhook of ours is called for its
// pods, "" for none. An apply leaves it, since somebody else has set it.
// https://github.com/istio/istio/blob/1.31.0/manifests/charts/istio-control/istio-discovery/templates/mutatingwebhook.yaml
func turnedOff(c *plan.Cluster) (label, value string) {
	ns := c.Live.Object(object.NamespaceRef(c.Namespace))
	if ns == nil {
		return "", ""
	}
	switch injection, revision := ns.GetLabels()[object.LabelInjection], ns.GetLabels()[object.LabelRevision]; {
	case injection != "" && injection != "enabled":
		return object.LabelInjection, injection
	case injection == "" && revision != "" && revision != "default":
		return object.LabelRevision, revision
	}
	return "", ""
}
