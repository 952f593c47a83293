package plan

import (
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/setup-mesh/setup-mesh/pkg/apply/desired"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
	"github.com/setup-mesh/setup-mesh/pkg/apply/record"
)

// lent says whether a recorded object is, or is in, a namespace that users have things
// in: theirs to take over.
func lent(o record.Recorded) bool {
	_, labelled := o.Component.Labels()
	return o.Component == order.SharedServices || labelled
}

// unshare plans the end of a recorded copy, or of the namespace that came with
// copies or is labelled. What somebody has taken over is theirs, as it is.
func (pl *planner) unshare(c *Cluster, o record.Recorded, reason string) {
	live := c.Live.Object(o.Ref)
	ch := Change{Subject: o.Subject, Object: o.Ref, Action: Delete, Reason: reason, From: live.GetAnnotations()[object.AnnotationSharedFrom], UID: string(live.GetUID())}
	switch {
	case !object.Ours(live):
		return
	case o.Kind == "Namespace" && object.IsOurNamespace(live) && c.Live.Remains.Err != nil:
		ch.Action, ch.Blocked, ch.Hint = Unknown, c.Live.Remains.Err.Error(), object.HintOf(c.Live.Remains.Err)
	case o.Kind == "Namespace":
		pl.leaveNamespace(c, o.Ref, o.Subject)
		return
	case object.TakenOver(live):
		ch.Action, ch.Reason, ch.LetGo = Update, "let go: now managed by "+strings.Join(object.Managers(live), ", "), true
	case !object.IsCopy(live):
		ch.Action, ch.Reason, ch.LetGo = Update, "let go: it is no longer marked as a copy", true
	}
	c.Changes = append(c.Changes, ch)
}

// whyUnshared is why a copy, or a namespace, is no longer wanted.
func (pl *planner) whyUnshared(c *Cluster, o record.Recorded, live *unstructured.Unstructured) string {
	namespace := o.Namespace
	if namespace == "" {
		namespace = o.Name
	}
	_, labelled := o.Component.Labels()
	switch {
	case labelled: // components of labels are called as topology.yaml calls them
		return "no longer in " + string(o.Component) + ".namespaces"
	case !slices.Contains(pl.plan.Wanted.SharedServices, namespace):
		return "no longer in sharedServices"
	case !c.Desired.Joined:
		return "excluded by disableRegistryJoin"
	}
	from := live.GetAnnotations()[object.AnnotationSharedFrom]
	if slices.ContainsFunc(pl.plan.Wanted.Clusters, func(d *desired.Cluster) bool { return d.Joined && d.Member.Name == from }) {
		return "no longer in " + from
	}
	return from + " is now excluded by disableRegistryJoin"
}
