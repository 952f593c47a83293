package apply

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
	"github.com/setup-mesh/setup-mesh/pkg/apply/record"
)

func TestReport(t *testing.T) {
	changes := []Change{
		{Component: order.ControlPlane, Object: configMap("created"), Action: Create},
		{Component: order.ControlPlane, Object: configMap("updated"), Action: Update},
		{Component: order.Gateway, Object: configMap("deleted"), Action: Delete},
		{Component: order.ControlPlane, Object: configMap("kept"), Action: Keep},
		{Component: order.ControlPlane, Object: configMap("not made"), Action: Create},
		{Component: order.RemoteAccess, Object: configMap("blocked"), Action: Create, Blocked: "west is not reached"},
		{Component: order.Bookkeeping, Object: configMap("setup-mesh"), Action: Update},
	}
	start := time.Now()
	ran := func(name string, err error) *step {
		return &step{cluster: "east", name: name, err: err, start: start.Add(time.Second), end: start.Add(3 * time.Second)}
	}
	steps := []*step{
		ran("configuration", nil),
		ran("istiod", &object.Error{Op: "wait", Message: "too long", Hint: "look"}),
		{cluster: "east", name: "gateways", err: errSkipped},
	}
	x := &execution{
		plan: &Plan{Mesh: "m", Clusters: []*ClusterPlan{
			{Member: record.Member{Name: "east", Context: "kind-east"}, Changes: changes},
			{Member: record.Member{Name: "west", Context: "kind-west"}, Unreached: "i/o timeout"},
		}},
		made: map[changeKey]bool{},
	}
	for _, name := range []string{"created", "updated", "deleted", "setup-mesh"} {
		x.finished("east", configMap(name))
	}
	got := x.report(steps, context.Canceled, start)
	want := &Report{
		Format: ReportFormat, Mesh: "m", Interrupted: context.Canceled,
		Clusters: []*ClusterReport{
			{Cluster: "east", Context: "kind-east", Created: 1, Updated: 1, Deleted: 1, Missing: 2, Failures: []Failure{
				{Step: "remote access", Message: "ConfigMap istio-system/blocked: west is not reached"},
				{Step: "istiod", Message: "wait: too long", Hint: "look"},
			}},
			{Cluster: "west", Context: "kind-west", Unreached: "i/o timeout"},
		},
		Steps: []StepReport{
			{Cluster: "east", Step: "configuration", Start: time.Second, End: 3 * time.Second, Outcome: Done},
			{Cluster: "east", Step: "istiod", Start: time.Second, End: 3 * time.Second, Outcome: Failed},
			{Cluster: "east", Step: "gateways", Outcome: Skipped},
		},
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(Report{}, "Duration"), cmpopts.EquateErrors()); diff != "" {
		t.Errorf("report (-want +got):\n%s", diff)
	}
	if got.Complete() || got.NoneDone() {
		t.Errorf("complete %v, none done %v", got.Complete(), got.NoneDone())
	}
}

func TestReportComplete(t *testing.T) {
	tests := map[string]struct {
		report   Report
		complete bool
		none     bool
	}{
		"all done":     {Report{Clusters: []*ClusterReport{{Created: 1}, {}}}, true, false},
		"not reached":  {Report{Clusters: []*ClusterReport{{Created: 1}, {Unreached: "x"}}}, false, false},
		"missing":      {Report{Clusters: []*ClusterReport{{Missing: 1}}}, false, true},
		"a failure":    {Report{Clusters: []*ClusterReport{{Deleted: 1, Failures: []Failure{{}}}}}, false, false},
		"interrupted":  {Report{Clusters: []*ClusterReport{{Updated: 1}}, Interrupted: errors.New("x")}, false, false},
		"nothing done": {Report{}, true, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := tt.report.Complete(); got != tt.complete {
				t.Errorf("Complete = %v", got)
			}
			if got := tt.report.NoneDone(); got != tt.none {
				t.Errorf("NoneDone = %v", got)
			}
		})
	}
}
