package apply

import (
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/setup-mesh/setup-mesh/pkg/apply/compare"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

// losesSelector says whether a Service has a selector that is not wanted any
// more. Kubernetes leaves the endpoints alone that it made for one.
// https://kubernetes.io/docs/concepts/services-networking/service/#services-without-selectors
func losesSelector(it *Item, live *unstructured.Unstructured) bool {
	has := func(o *unstructured.Unstructured) bool {
		selector, _, _ := unstructured.NestedMap(o.Object, "spec", "selector")
		return len(selector) > 0
	}
	return it.Ref.Kind == "Service" && has(live) && !has(it.Object)
}

// rewire plans the endpoints of remote clusters anew whose primary's gateway is to
// have another Service: at which address is known when that is applied.
func (pl *planner) rewire() {
	for _, c := range pl.plan.Clusters {
		for i, ch := range c.Changes {
			if ch.item == nil || ch.item.stage != stageEndpoints || ch.Action != Keep {
				continue
			}
			if primary := pl.plan.cluster(ch.item.Late.Needs()); primary != nil && primary.movesGateway() {
				c.Changes[i].Action, c.Changes[i].mint = Update, true
				c.Changes[i].Reason = "gateway of " + primary.Name + ": address known after apply"
			}
		}
	}
}

// movesGateway says whether the gateway of c may have another address after an
// apply: its Service is made, or more than its labels change.
func (c *ClusterPlan) movesGateway() bool {
	return slices.ContainsFunc(c.Changes, func(ch Change) bool {
		moved := func(f compare.Field) bool { return !strings.HasPrefix(f.Path, "metadata.labels") }
		return ch.Object == object.GatewayServiceRef(c.Namespace) && ch.Pending() && (ch.Action == Create || slices.ContainsFunc(ch.Fields, moved))
	})
}

// orphan blocks the webhooks of a remote cluster, and what they are for, while
// there is no address of any primary for them: they would refuse its pods.
func (pl *planner) orphan(c *ClusterPlan) {
	if !c.orphaned() {
		return
	}
	for i, ch := range c.Changes {
		if ch.Pending() && ch.item != nil && ch.item.stage >= stageControl {
			c.Changes[i].Blocked = notReached(c.Primaries)
		}
	}
}

func notReached(names []string) string {
	if len(names) > 1 {
		return strings.Join(names, ", ") + " are not reached"
	}
	return names[0] + " is not reached"
}

// orphaned says whether c is a remote cluster, and no address of any of its
// primaries is or will be in it.
func (c *ClusterPlan) orphaned() bool {
	reached := func(ch Change) bool {
		return ch.item != nil && ch.item.stage == stageEndpoints && ch.Blocked == ""
	}
	return c.Remote() && !slices.ContainsFunc(c.Changes, reached)
}
