package view

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/setup-mesh/setup-mesh/pkg/apply/execute"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
	"github.com/setup-mesh/setup-mesh/pkg/apply/record"
)

// switchBlocked is the plan that makes a primary a remote cluster, gives another
// one other primaries, and takes a third out of the mesh, while the primary that
// is to serve all is not reached.
func switchBlocked() (*plan.Plan, *execute.Report) {
	const down = "east-1 is not reached"
	control := about(order.Subject{Component: order.ControlPlane, Part: order.Control}, plan.Delete, "Deployment", "istiod")
	p := meshPlan(
		asUnreached(clusterPlan("east-1", "network-east"), timeout, ""),
		was(remoteOf(clusterPlan("west-1", "network-west", blockedBy(control, down)), "east-1"), "network-west", record.RolePrimary),
		was(remoteOf(clusterPlan("west-2", "network-west", blockedBy(endpoints(plan.Create, "east-1"), down), blockedBy(endpoints(plan.Delete, "west-1"), down)), "east-1"), "network-west", record.RoleRemote, "west-1"),
		asLeaving(clusterPlan("west-3", "network-west", blockedBy(control, down))),
	)
	return p, reportOf(p)
}

// A report of a switch that could not be made says who serves pods meanwhile.
func TestReportOfABlockedSwitch(t *testing.T) {
	p, r := switchBlocked()
	var b bytes.Buffer
	Report(&b, &b, p, r)
	golden(t, "report-switch-blocked", b.String())
}

func TestStateOfACluster(t *testing.T) {
	update := planned(order.ControlPlane, plan.Update, "Deployment", "istiod")
	primary := func() *plan.Cluster { return clusterPlan("c", "n", update) }
	remote := func() *plan.Cluster { return remoteOf(clusterPlan("c", "n", update), "p") }
	type end struct {
		step plan.About
		how  execute.EventKind
	}
	tests := map[string]struct {
		cluster       *plan.Cluster
		done, missing int
		ends          []end
		want          string
	}{
		"all is done":                     {cluster: primary(), done: 1, ends: []end{{part(plan.Put, order.Control), execute.Done}}},
		"nothing is done":                 {cluster: primary(), missing: 1, want: "left as it was"},
		"nothing is done in a new one":    {cluster: asNew(primary()), missing: 1, want: "nothing is installed yet"},
		"half is done":                    {cluster: primary(), done: 1, missing: 1, want: "changed in part"},
		"an update never began":           {primary(), 1, 1, []end{{part(plan.Put, order.Control), execute.Skipped}}, "old istiod still serves"},
		"an update ended halfway":         {primary(), 1, 1, []end{{part(plan.Put, order.Control), execute.Failed}}, "changed in part"},
		"an installation never began":     {asNew(primary()), 1, 1, []end{{part(plan.Put, order.Control), execute.Skipped}}, "its istiod is not installed yet"},
		"istiod does not answer":          {primary(), 1, 1, []end{{part(plan.Put, order.Control), execute.Done}, {claim(order.Answers), execute.Failed}}, "its istiod does not answer"},
		"istiod does not discover":        {primary(), 1, 1, []end{{claim(order.Discovers), execute.Failed}}, "does not discover all others"},
		"a new webhook is missing":        {asNew(remote()), 1, 1, []end{{part(plan.Put, order.Injector), execute.Skipped}, {claim(order.Injected), execute.Skipped}}, "new pods are not injected yet"},
		"a webhook is not updated":        {remote(), 1, 1, []end{{part(plan.Put, order.Injector), execute.Skipped}}, "pods are injected as before"},
		"injection was not looked at":     {remote(), 1, 1, []end{{claim(order.Injected), execute.Skipped}}, "injection is not proven"},
		"injection failed":                {remote(), 1, 1, []end{{claim(order.Injected), execute.Failed}}, "new pods are not injected"},
		"istiod of one that leaves stays": {asLeaving(primary()), 1, 1, []end{{part(plan.Remove, order.Control), execute.Skipped}}, "old istiod still serves"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			cr := &execute.ClusterReport{Cluster: "c", Updated: tt.done, Missing: tt.missing}
			r := &execute.Report{Clusters: []*execute.ClusterReport{cr}}
			for _, e := range tt.ends {
				ended(r, "c", e.step, e.how)
			}
			v := reportView{plan: meshPlan(tt.cluster), report: r}
			if diff := cmp.Diff(tt.want, v.state(tt.cluster, cr)); diff != "" {
				t.Errorf("state (-want +got):\n%s", diff)
			}
		})
	}
}
