package view

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/setup-mesh/setup-mesh/pkg/apply/compare"
	"github.com/setup-mesh/setup-mesh/pkg/apply/execute"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
	"github.com/setup-mesh/setup-mesh/pkg/apply/record"
)

func injectedNamespace(action plan.Action, name string) plan.Change {
	return plan.Change{Subject: order.Subject{Component: order.Injection, Part: order.InjectedSpaces}, Action: action, Object: object.NamespaceRef(name)}
}

func TestViewPlanInjection(t *testing.T) {
	label := func(from, to any) compare.Field {
		return compare.Field{Path: "metadata.labels.istio-injection", Old: from, New: to}
	}
	const stays = "kept; setup-mesh no longer labels it for injection"
	first := asNew(clusterPlan("east-1", "network-east", everything(plan.Create)...))
	first.Changes = append(first.Changes, injectedNamespace(plan.Create, "sample"), injectedNamespace(plan.Create, "shop"))
	edited := clusterPlan("east-2", "network-east",
		injectedNamespace(plan.Create, "sample"),
		changed(injectedNamespace(plan.Update, "shop"), "", label(nil, "enabled")),
		changed(injectedNamespace(plan.Update, "pay"), "", label(nil, "enabled")),
		changed(injectedNamespace(plan.Update, "web"), "kubectl-label", label("disabled", "enabled")),
	)
	ended := clusterPlan("west-1", "network-west",
		injectedNamespace(plan.Delete, "sample"),
		because(injectedNamespace(plan.Update, "shop"), stays), because(injectedNamespace(plan.Update, "pay"), stays),
		blockedBy(injectedNamespace(plan.Unknown, "unread"), `list NetworkPolicy unread/* in "context-west-1": forbidden`),
	)
	waits := clusterPlan("west-2", "network-west", blockedBy(injectedNamespace(plan.Create, "sample"), "east-1 is not reached"))
	p := meshPlan(first, edited, ended, waits)
	golden(t, "plan-injection", planText(p, false, false)+"\n"+planText(p, false, true))
}

// That the pods of a primary are injected does not say that it discovers the others.
func TestInjectionIsNoDiscovery(t *testing.T) {
	primary, remote := clusterPlan("east-1", "network-east"), clusterPlan("west-1", "network-west")
	primary.Reads, remote.Role = []string{"east-2"}, record.RoleRemote
	r := &execute.Report{}
	ended(r, "east-1", claim(order.Injected), execute.Done)
	ended(r, "west-1", claim(order.Injected), execute.Done)
	primaries, remotes := (&reportView{plan: meshPlan(primary, remote), report: r}).proofs()
	if diff := cmp.Diff([]proof{{all: []string{"east-1"}}, {all: []string{"west-1"}, proved: []string{"west-1"}}}, []proof{primaries, remotes}, cmp.AllowUnexported(proof{})); diff != "" {
		t.Errorf("proofs (-want +got):\n%s", diff)
	}
}
