package execute

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"k8s.io/apimachinery/pkg/types"

	"github.com/setup-mesh/setup-mesh/pkg/apply/check"
	"github.com/setup-mesh/setup-mesh/pkg/apply/component"
	"github.com/setup-mesh/setup-mesh/pkg/apply/desired"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
	"github.com/setup-mesh/setup-mesh/pkg/apply/record"
)

func TestReport(t *testing.T) {
	configMap := func(name string) object.Ref {
		return object.Ref{Kind: "ConfigMap", Namespace: "istio-system", Name: name}
	}
	changes := []plan.Change{
		{Subject: order.Subject{Component: order.ControlPlane}, Object: configMap("created"), Action: plan.Create},
		{Subject: order.Subject{Component: order.ControlPlane}, Object: configMap("updated"), Action: plan.Update},
		{Subject: order.Subject{Component: order.Gateway}, Object: configMap("deleted"), Action: plan.Delete},
		{Subject: order.Subject{Component: order.ControlPlane}, Object: configMap("kept"), Action: plan.Keep},
		{Subject: order.Subject{Component: order.ControlPlane}, Object: configMap("not made"), Action: plan.Create},
		{Subject: order.Subject{Component: order.RemoteAccess, Part: order.Credential, Peer: "west"}, Object: configMap("blocked"), Action: plan.Create, Blocked: "west is not reached"},
		{Subject: order.Subject{Component: order.Bookkeeping}, Object: configMap("setup-mesh"), Action: plan.Update},
	}
	start := time.Now()
	config := plan.Step{Cluster: "east", Kind: plan.Put, Part: order.Config}
	istiod := plan.Step{Cluster: "east", Kind: plan.Prove, Claim: order.Answers, Check: component.IDRunning}
	gateways := plan.Step{Cluster: "east", Kind: plan.Put, Part: order.Gateways}
	ran := func(s plan.Step, err error) *running {
		return &running{Step: s, err: err, start: start.Add(time.Second), end: start.Add(3 * time.Second)}
	}
	steps := []*running{
		ran(config, nil),
		ran(istiod, &object.Error{Op: "wait", Message: "too long", Hint: "look"}),
		{Step: gateways, err: errSkipped},
	}
	x := &execution{
		plan: &plan.Plan{Mesh: "m", Clusters: []*plan.Cluster{
			{Member: record.Member{Name: "east", Context: "kind-east"}, Changes: changes},
			{Member: record.Member{Name: "west", Context: "kind-west"}, Unreached: "i/o timeout"},
		}},
		made: map[changeKey]types.UID{},
	}
	for _, name := range []string{"created", "updated", "deleted", "setup-mesh"} {
		x.finished("east", configMap(name), "")
	}
	got := x.report(steps, context.Canceled, start)
	want := &Report{
		Format: Format, Mesh: "m", Interrupted: context.Canceled,
		Clusters: []*ClusterReport{
			{Cluster: "east", Context: "kind-east", Created: 1, Updated: 1, Deleted: 1, Missing: 2, Failures: []Failure{
				{Step: plan.About{Part: order.Credential, Peer: "west", Object: configMap("blocked")}, Message: "ConfigMap istio-system/blocked: west is not reached", Blocked: true},
				{ID: component.IDRunning, Step: plan.About{Kind: plan.Prove, Claim: order.Answers}, Message: "wait: too long", Hint: "look"},
			}},
			{Cluster: "west", Context: "kind-west", Unreached: "i/o timeout"},
		},
		Steps: []StepReport{
			{Cluster: "east", About: config.About(), Start: time.Second, End: 3 * time.Second, Outcome: Done},
			{Cluster: "east", About: istiod.About(), Start: time.Second, End: 3 * time.Second, Outcome: Failed},
			{Cluster: "east", About: gateways.About(), Outcome: Skipped},
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

// An apply says how long the tokens are valid that it was granted.
func TestReportOfShortTokens(t *testing.T) {
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	p := &plan.Plan{Clusters: []*plan.Cluster{{Member: record.Member{Name: "east"}}, {Member: record.Member{Name: "west"}}}}
	x := &execution{plan: p, made: map[changeKey]types.UID{}, tokens: map[string]desired.Validity{}}
	x.granted("west", desired.Validity{Issued: now, Expires: now.Add(48 * time.Hour)})
	x.granted("west", desired.Validity{Issued: now, Expires: now.Add(24 * time.Hour)})
	x.granted("east", desired.Validity{Issued: now, Expires: now.Add(desired.TokenLifetime)})
	notes := x.report(nil, nil, now).Notes
	if len(notes) != 1 || notes[0].ID != check.IDLifetime || notes[0].Cluster != "west" || notes[0].Hint == "" {
		t.Errorf("notes %v", notes)
	}
}
