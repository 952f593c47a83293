package check

import (
	"fmt"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
)

// injectionChecks are about namespaces whose pods are to be injected.
func injectionChecks() []Check {
	return []Check{claimed("injection/claimed", order.Injection)}
}

// claimed refuses to label namespaces of which somebody has said that their pods are to be
// in no mesh, or in another one, or in another way. Components of labels are called as
// topology.yaml calls them.
func claimed(id string, component order.Component) Check {
	return Check{ID: id, Severity: Refuses, Applies: Stays, Judge: func(e *Evidence, c *plan.Cluster) []plan.Finding {
		if e.Plan.Options.Adopt {
			return nil
		}
		var out []plan.Finding
		for _, ch := range c.Changes {
			if label := claim(c, ch); label != "" && ch.Component == component {
				out = append(out, plan.Finding{
					Object:  ch.Object,
					Message: fmt.Sprintf("namespace %s is listed in %s, but somebody has labelled it %s", ch.Object.Name, component, label),
					Hint:    fmt.Sprintf("take the namespace out of %s.namespaces, or the label off it; apply --adopt overrides the label", component),
				})
			}
		}
		return out
	}}
}

// claim is the label by which somebody else has decided about the pods of a namespace
// that is to be labelled, "" for none. What was changed since it was applied is drift,
// which is set back. A revision has no effect beside our label, which would take its
// pods away:
// https://github.com/istio/istio/blob/1.31.0/manifests/charts/istio-control/istio-discovery/templates/mutatingwebhook.yaml
func claim(c *plan.Cluster, ch plan.Change) string {
	live := c.Live.Object(ch.Object)
	_, labelled := ch.Component.Labels()
	if ch.Item == nil || !labelled || live == nil || object.Ours(live) && c.Live.Record.Of(ch.Object).Component == ch.Component {
		return ""
	}
	if ch.Component == order.Ambient {
		return otherwiseEnrolled(live)
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
