package check

import (
	"fmt"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
)

// injectionChecks are about namespaces whose pods are to be injected.
func injectionChecks() []Check {
	return []Check{{ID: "injection/claimed", Severity: Refuses, Applies: Stays, Judge: judgeClaimed}}
}

// judgeClaimed refuses to have pods injected of which somebody has said that they
// are not, or by another Istio.
func judgeClaimed(e *Evidence, c *plan.Cluster) []plan.Finding {
	if e.Plan.Options.Adopt {
		return nil
	}
	var out []plan.Finding
	for _, ch := range c.Changes {
		if label := claim(c, ch); label != "" {
			out = append(out, plan.Finding{
				Object:  ch.Object,
				Message: fmt.Sprintf("namespace %s is listed in injection, but somebody has labelled it %s", ch.Object.Name, label),
				Hint:    "take the namespace out of injection.namespaces, or the label off it; apply --adopt overrides the label",
			})
		}
	}
	return out
}

// claim is the label by which somebody else has decided about the pods of a namespace
// that is to be injected, "" for none. What was changed since it was applied is drift,
// which is set back. A revision has no effect beside our label, which would take its
// pods away:
// https://github.com/istio/istio/blob/1.31.0/manifests/charts/istio-control/istio-discovery/templates/mutatingwebhook.yaml
func claim(c *plan.Cluster, ch plan.Change) string {
	live := c.Live.Object(ch.Object)
	if ch.Item == nil || ch.Component != order.Injection || live == nil ||
		object.Ours(live) && c.Live.Record.Of(ch.Object).Component == order.Injection {
		return ""
	}
	want, labels := ch.Item.Object.GetLabels()[object.LabelInjection], live.GetLabels()
	switch injection, revision := labels[object.LabelInjection], labels[object.LabelRevision]; {
	case injection != "" && injection != want:
		return object.LabelInjection + "=" + injection
	case injection == "" && revision != "" && revision != "default":
		return object.LabelRevision + "=" + revision
	}
	return ""
}
