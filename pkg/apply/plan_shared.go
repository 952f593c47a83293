package apply

import (
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// unshare plans the end of a recorded copy, or of the namespace that came with
// copies. What somebody has taken over is theirs, as it is.
func (pl *planner) unshare(c *ClusterPlan, o Recorded, reason string) {
	live := c.live.object(o.Ref)
	ch := Change{Component: SharedServices, Object: o.Ref, Action: Delete, Reason: reason, From: live.GetAnnotations()[annotationSharedFrom], UID: string(live.GetUID())}
	switch {
	case !ours(live):
		return
	case o.Kind == "Namespace" && c.live.Remains.Err != nil:
		ch.Action, ch.Blocked, ch.Hint = Unknown, c.live.Remains.Err.Error(), hintOf(c.live.Remains.Err)
	case o.Kind == "Namespace":
		pl.leaveNamespace(c, o.Ref, SharedServices)
		return
	case takenOver(live):
		ch.Action, ch.Reason, ch.letGo = Update, "let go: it is managed by "+strings.Join(managers(live), ", ")+" now", true
	case !isCopy(live):
		ch.Action, ch.Reason, ch.letGo = Update, "let go: it is not marked as a copy any more", true
	}
	c.Changes = append(c.Changes, ch)
}

// whyUnshared is why a copy is not wanted any more.
func (pl *planner) whyUnshared(c *ClusterPlan, o Recorded, live *unstructured.Unstructured) string {
	namespace := o.Namespace
	if namespace == "" {
		namespace = o.Name
	}
	switch {
	case !slices.Contains(pl.plan.desired.SharedServices, namespace):
		return "not in sharedServices any more"
	case !c.desired.Joined:
		return "takes no part in discovery"
	}
	from := live.GetAnnotations()[annotationSharedFrom]
	if slices.ContainsFunc(pl.plan.desired.Clusters, func(d *DesiredCluster) bool { return d.Joined && d.Member.Name == from }) {
		return "not in " + from + " any more"
	}
	return from + " takes no part in discovery any more"
}
