package view

import (
	"fmt"
	"testing"

	"github.com/setup-mesh/setup-mesh/pkg/apply/compare"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
)

const shopName = "shop"

// sharedChange is about a copy of a Service that has its original in from.
func sharedChange(action plan.Action, namespace, name, from string) plan.Change {
	return plan.Change{Subject: order.Subject{Component: order.SharedServices, Part: order.Copies}, Action: action, From: from, Object: object.Ref{Kind: "Service", Namespace: namespace, Name: name}}
}

func sharedNamespace(action plan.Action, name string) plan.Change {
	return plan.Change{Subject: order.Subject{Component: order.SharedServices, Part: order.Spaces}, Action: action, Object: object.Ref{Kind: "Namespace", Name: name}}
}

func TestViewPlanSharedServices(t *testing.T) {
	first := asNew(clusterPlan("east-1", "network-east", everything(plan.Create)...))
	first.Changes = append(first.Changes, sharedNamespace(plan.Create, shopName), sharedChange(plan.Create, shopName, "cart", "west-1"), sharedChange(plan.Create, shopName, "catalog", "west-1"))
	const stays = "kept; only the setup-mesh labels are removed"
	var many []plan.Change
	for i := range 9 {
		many = append(many, sharedChange(plan.Create, "billing", fmt.Sprintf("service-%d", i), "east-1"))
	}
	edited := clusterPlan("east-2", "network-east", append(many,
		sharedChange(plan.Create, shopName, "cart", "west-1"),
		sharedChange(plan.Create, shopName, "stock", "east-1"),
		changed(sharedChange(plan.Update, shopName, "catalog", "west-1"), "", compare.Field{Path: "spec.ports[port=80].targetPort", Old: int64(80), New: int64(8080)}),
		because(sharedChange(plan.Update, shopName, "prices", "west-1"), "let go: now managed by kubectl-client-side-apply"),
		because(sharedChange(plan.Delete, shopName, "old", "west-1"), "no longer in west-1"),
	)...)
	ended := clusterPlan("west-1", "network-west",
		sharedNamespace(plan.Delete, shopName),
		because(sharedChange(plan.Delete, shopName, "cart", "east-1"), "no longer in sharedServices"),
		because(sharedChange(plan.Delete, shopName, "catalog", "east-1"), "no longer in sharedServices"),
		because(sharedNamespace(plan.Update, "billing"), stays),
		sharedNamespace(plan.Delete, "empty"),
		blockedBy(sharedNamespace(plan.Unknown, "unread"), `list NetworkPolicy unread/* in "context-west-1": forbidden`),
	)
	gone := asLeaving(clusterPlan("west-2", "network-west", sharedNamespace(plan.Delete, shopName), sharedChange(plan.Delete, shopName, "cart", "east-1"), because(sharedNamespace(plan.Update, "billing"), stays)))
	p := meshPlan(first, edited, ended, gone)
	golden(t, "plan-shared-services", planText(p, false, false)+"\n"+planText(p, false, true))
}
