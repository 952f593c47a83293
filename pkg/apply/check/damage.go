package check

import (
	"fmt"
	"slices"
	"strings"

	"github.com/setup-mesh/setup-mesh/pkg/apply/compare"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
)

// Damage is what somebody has deleted or changed since the last apply, where
// traffic or injection depends on it. What only topology.yaml wants otherwise
// since then is not damage.

// DamageCheck is the check of the objects of an area.
func DamageCheck(id string, about func(*plan.Cluster, plan.Change) bool) Check {
	return Check{ID: id, Severity: Ails, Applies: Joined, Judge: func(_ *Evidence, c *plan.Cluster) []plan.Finding {
		var changes []plan.Change
		for _, ch := range c.Changes {
			if about(c, ch) {
				changes = append(changes, ch)
			}
		}
		return damage(c, changes)
	}}
}

// ChangeCheck warns of objects that somebody changed: what comes of that, and that
// they are missing, is said by other checks.
func ChangeCheck(id string, about func(*plan.Cluster, plan.Change) bool) Check {
	c := DamageCheck(id, func(c *plan.Cluster, ch plan.Change) bool { return about(c, ch) && !Missing(c, ch) })
	c.Severity = Warns
	return c
}

// PeerCheck is the check of an object for each other cluster.
func PeerCheck(id string, part order.Part) Check {
	return Check{ID: id, Severity: Ails, Applies: Joined, Judge: func(_ *Evidence, c *plan.Cluster) []plan.Finding { return damageByPeer(c, part) }}
}

// IsPart says whether changes are of a part of a component.
func IsPart(component order.Component, parts ...order.Part) func(*plan.Cluster, plan.Change) bool {
	return func(_ *plan.Cluster, ch plan.Change) bool {
		return ch.Component == component && slices.Contains(parts, ch.Part)
	}
}

// IsObject says whether a change is of the object that ref names in a namespace.
func IsObject(ref func(namespace string) object.Ref) func(*plan.Cluster, plan.Change) bool {
	return func(c *plan.Cluster, ch plan.Change) bool { return ch.Object == ref(c.Namespace) }
}

// damage words what of these objects of c is missing or changed.
func damage(c *plan.Cluster, changes []plan.Change) []plan.Finding {
	var lost, edited []object.Ref
	var by []string
	var out []plan.Finding
	for _, ch := range changes {
		switch {
		case ch.Action == plan.Unknown:
			out = append(out, plan.Finding{Unknown: true, State: "unknown", Object: ch.Object, Message: fmt.Sprintf("could not read %s: %s", ch.Object, ch.Blocked), Hint: ch.Hint})
		case Missing(c, ch):
			lost = append(lost, ch.Object)
		case changed(c, ch):
			edited = append(edited, ch.Object)
			by = append(by, ch.Managers...)
		}
	}
	if len(lost) > 0 {
		out = append(out, plan.Finding{State: "missing", Object: lost[0], Message: counted(lost, "is missing", "are missing"), Hint: Mend})
	}
	if len(edited) > 0 {
		slices.Sort(by)
		by = slices.Compact(by)
		message := counted(edited, "was changed", "were changed")
		if len(by) > 0 {
			message += " by " + strings.Join(by, ", ")
		}
		out = append(out, plan.Finding{State: "changed", Object: edited[0], Manager: strings.Join(by, ", "), Message: message, Hint: Mend})
	}
	return out
}

// Mend is the remedy for what an apply sets back.
const Mend = "setup-mesh apply"

func counted(refs []object.Ref, one, several string) string {
	if len(refs) == 1 {
		return fmt.Sprintf("%s %s", refs[0], one)
	}
	return andMore(refs) + " " + several
}

// damageByPeer has a finding for each other cluster.
func damageByPeer(c *plan.Cluster, part order.Part) []plan.Finding {
	var out []plan.Finding
	for i, ch := range c.Changes {
		if ch.Part != part || ch.Peer == "" {
			continue
		}
		for _, f := range damage(c, c.Changes[i:i+1]) {
			f.Peer = ch.Peer
			out = append(out, f)
		}
	}
	return out
}

// Missing says whether an object was applied, or about to be, and is not there.
func Missing(c *plan.Cluster, ch plan.Change) bool {
	return ch.Action == plan.Create && (c.Live.Lost || c.Live.Record.Of(ch.Object).Kind != "")
}

// changed says whether somebody has changed an object that is wanted as it was
// applied, in more than what people and tools note on it.
func changed(c *plan.Cluster, ch plan.Change) bool {
	applied := c.Live.Lost || c.Live.Record.Hash(ch.Object) == ch.Wanted
	return ch.Action == plan.Update && applied && slices.ContainsFunc(ch.Fields, func(f compare.Field) bool {
		return meaningful(ch.Object, f.Path)
	})
}

// meaningful says whether Kubernetes or Istio acts by a field. Istio finds
// remote secrets, and the network of a namespace or of a Gateway, by their labels.
func meaningful(ref object.Ref, path string) bool {
	gateway := ref.Group == object.GatewayAPIGroup
	if strings.HasPrefix(path, "metadata.labels") && !strings.Contains(path, object.LabelMesh) {
		return ref.Kind == "Secret" || ref.Kind == "Namespace" || ref.Kind == "Service" || gateway
	}
	return !strings.HasPrefix(path, "metadata.") || ref.Kind == "Namespace" && strings.Contains(path, object.AnnotationControlPlanes) ||
		gateway && strings.Contains(path, object.AnnotationAccount)
}

// Changed says whether somebody has changed an object of c that is wanted as it was applied,
// in more than notes on it.
func Changed(c *plan.Cluster, ref object.Ref) bool {
	ch := c.Planned(ref)
	return ch != nil && changed(c, *ch)
}

// Damaged says whether somebody has deleted or changed such an object.
func Damaged(c *plan.Cluster, ref object.Ref) bool {
	ch := c.Planned(ref)
	return ch != nil && (Missing(c, *ch) || changed(c, *ch))
}

// First is the remedy of what comes of something else, of which a check tells.
func First(check string, clusters ...string) string {
	return "do first what " + check + " says of " + strings.Join(clusters, ", ")
}
