package apply

import (
	"fmt"
	"slices"
	"strings"

	"github.com/setup-mesh/setup-mesh/pkg/apply/compare"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
)

// Damage is what somebody has deleted or changed since the last apply, where
// traffic or injection depends on it. What only topology.yaml wants otherwise
// since then is not damage.

// damageCheck is the check of the objects of an area.
func damageCheck(id string, about func(*ClusterPlan, Change) bool) Check {
	return Check{ID: id, Severity: Ails, Applies: joined, Judge: func(_ *Evidence, c *ClusterPlan) []Finding { return c.damage(about) }}
}

// peerCheck is the check of an object for each other cluster.
func peerCheck(id string, part order.Part) Check {
	return Check{ID: id, Severity: Ails, Applies: joined, Judge: func(_ *Evidence, c *ClusterPlan) []Finding { return c.damageByPeer(part) }}
}

// isPart says whether changes are of a part of a component.
func isPart(component order.Component, parts ...order.Part) func(*ClusterPlan, Change) bool {
	return func(_ *ClusterPlan, ch Change) bool {
		return ch.Component == component && slices.Contains(parts, ch.Part)
	}
}

// isObject says whether a change is of the object that ref names in a namespace.
func isObject(ref func(namespace string) object.Ref) func(*ClusterPlan, Change) bool {
	return func(c *ClusterPlan, ch Change) bool { return ch.Object == ref(c.Namespace) }
}

// damage words what of these objects is missing or changed.
func (c *ClusterPlan) damage(about func(*ClusterPlan, Change) bool) []Finding {
	var lost, edited []object.Ref
	var by []string
	var out []Finding
	for _, ch := range c.Changes {
		switch {
		case !about(c, ch):
		case ch.Action == Unknown:
			out = append(out, Finding{Unknown: true, State: "unknown", Object: ch.Object, Message: fmt.Sprintf("could not read %s: %s", ch.Object, ch.Blocked), Hint: ch.Hint})
		case c.missing(ch):
			lost = append(lost, ch.Object)
		case c.changed(ch):
			edited = append(edited, ch.Object)
			by = append(by, ch.Managers...)
		}
	}
	if len(lost) > 0 {
		out = append(out, Finding{State: "missing", Object: lost[0], Message: counted(lost, "is missing", "are missing"), Hint: mend})
	}
	if len(edited) > 0 {
		slices.Sort(by)
		by = slices.Compact(by)
		message := counted(edited, "was changed", "were changed")
		if len(by) > 0 {
			message += " by " + strings.Join(by, ", ")
		}
		out = append(out, Finding{State: "changed", Object: edited[0], Manager: strings.Join(by, ", "), Message: message, Hint: mend})
	}
	return out
}

const mend = "setup-mesh apply"

func counted(refs []object.Ref, one, several string) string {
	if len(refs) == 1 {
		return fmt.Sprintf("%s %s", refs[0], one)
	}
	return andMore(refs) + " " + several
}

// damageByPeer has a finding for each other cluster.
func (c *ClusterPlan) damageByPeer(part order.Part) []Finding {
	var out []Finding
	for _, ch := range c.Changes {
		if ch.Part != part || ch.Peer == "" {
			continue
		}
		for _, f := range c.damage(func(_ *ClusterPlan, other Change) bool { return other.Object == ch.Object }) {
			f.Peer = ch.Peer
			out = append(out, f)
		}
	}
	return out
}

// missing says whether an object was applied, or about to be, and is not there.
func (c *ClusterPlan) missing(ch Change) bool {
	return ch.Action == Create && (c.Live.lost || c.Live.Record.Of(ch.Object).Kind != "")
}

// changed says whether somebody has changed an object that is wanted as it was
// applied, in more than what people and tools note on it.
func (c *ClusterPlan) changed(ch Change) bool {
	applied := c.Live.lost || c.Live.Record.Hash(ch.Object) == ch.Wanted
	return ch.Action == Update && applied && slices.ContainsFunc(ch.Fields, func(f compare.Field) bool {
		return meaningful(ch.Object, f.Path)
	})
}

// meaningful says whether Kubernetes or Istio acts by a field. Istio finds
// remote secrets, and the network of a namespace, by their labels.
func meaningful(ref object.Ref, path string) bool {
	if strings.HasPrefix(path, "metadata.labels") && !strings.Contains(path, object.LabelMesh) {
		return ref.Kind == "Secret" || ref.Kind == "Namespace" || ref.Kind == "Service"
	}
	return !strings.HasPrefix(path, "metadata.") || ref.Kind == "Namespace" && strings.Contains(path, object.AnnotationControlPlanes)
}
