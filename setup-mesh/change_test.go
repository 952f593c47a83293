package main

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
	"github.com/setup-mesh/setup-mesh/pkg/apply/record"
	"github.com/setup-mesh/setup-mesh/setup-mesh/internal/args"
	"github.com/setup-mesh/setup-mesh/setup-mesh/internal/view"
)

// waited is what becomes of work that takes d.
func waited(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}

// TestChangeDeadlines: --timeout is for planning and for what follows the
// answer, each from its own beginning, and not for the user.
func TestChangeDeadlines(t *testing.T) {
	tests := map[string]struct {
		plan, answer, carryOut time.Duration
		want                   error
	}{
		"a careful reader":             {plan: 9 * time.Minute, answer: 3 * time.Hour, carryOut: 9 * time.Minute},
		"a plan that takes too long":   {plan: 11 * time.Minute, want: errTimeout},
		"an apply that takes too long": {carryOut: 11 * time.Minute, want: errTimeout},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				err := change{
					timeout:  10 * time.Minute,
					plan:     func(ctx context.Context) (*prepared, error) { return nil, waited(ctx, tt.plan) },
					agree:    func(ctx context.Context, _ *prepared) error { return waited(ctx, tt.answer) },
					carryOut: func(ctx context.Context, _ *prepared) error { return waited(ctx, tt.carryOut) },
				}.run(t.Context())
				if !errors.Is(err, tt.want) {
					t.Errorf("error %v, want %v", err, tt.want)
				}
			})
		})
	}
}

// TestChangeNeedsAgreement: nothing is carried out that was not agreed to.
func TestChangeNeedsAgreement(t *testing.T) {
	no := errors.New("no")
	err := change{
		timeout:  time.Minute,
		plan:     func(context.Context) (*prepared, error) { return nil, nil },
		agree:    func(context.Context, *prepared) error { return no },
		carryOut: func(context.Context, *prepared) error { t.Error("carried out"); return nil },
	}.run(t.Context())
	if !errors.Is(err, no) {
		t.Errorf("error %v", err)
	}
}

// planOf creates an object in each cluster.
func planOf(clusters ...record.Member) *plan.Plan {
	p := &plan.Plan{Mesh: "mymeshname"}
	for _, m := range clusters {
		p.Clusters = append(p.Clusters, &plan.Cluster{Member: m, Changes: []plan.Change{{Subject: order.Subject{Component: order.Gateway}, Action: plan.Create}}})
	}
	return p
}

// TestShow: what is agreed to is shown, whoever the answer is for, and what
// speaks against it comes first.
func TestShow(t *testing.T) {
	east := record.Member{Name: "east-1", Context: "context-east-1", Network: "n"}
	refused := planOf(east)
	refused.Refusals = []plan.Finding{{Message: "the mesh is cursed"}}
	const sum = "Plan: 1 to create"
	tests := map[string]struct {
		plan           *plan.Plan
		format         args.Format
		stdout, stderr []string // what they say, in this order
		want           error
	}{
		"for people":            {plan: planOf(east), format: args.Text, stdout: []string{sum}},
		"for programs":          {plan: planOf(east), format: args.JSON, stderr: []string{sum}},
		"refused, for people":   {plan: refused, format: args.Text, stdout: []string{sum}, stderr: []string{"cursed"}, want: exitCode(exitError)},
		"refused, for programs": {plan: refused, format: args.JSON, stderr: []string{"cursed", sum}, want: exitCode(exitError)},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var out, msg bytes.Buffer
			if err := show(environment{stdout: &out, stderr: &msg}, tt.format, view.PlanStyle{}, &prepared{Plan: tt.plan}); !errors.Is(err, tt.want) {
				t.Errorf("error %v, want %v", err, tt.want)
			}
			for _, s := range []struct {
				name, text string
				want       []string
			}{{"stdout", out.String(), tt.stdout}, {"stderr", msg.String(), tt.stderr}} {
				if len(s.want) == 0 && s.text != "" {
					t.Errorf("%s says %q", s.name, s.text)
				}
				rest := s.text
				for _, words := range s.want {
					_, after, found := strings.Cut(rest, words)
					if !found {
						t.Errorf("%s does not say %q: %q", s.name, words, s.text)
					}
					rest = after
				}
			}
		})
	}
}

// TestUnnamedClusters: a teardown takes Istio out of members too that
// topology.yaml does not name, and --yes alone is not enough for that.
func TestUnnamedClusters(t *testing.T) {
	east := record.Member{Name: "east-1", Context: "context-east-1"}
	west := record.Member{Name: "west-1", Context: "context-west-1"}
	idle := planOf(east, west)
	idle.Clusters[1].Changes = nil
	tests := map[string]struct {
		plan    *plan.Plan
		named   []record.Member
		want    []string
		wantErr string
	}{
		"all are named":                  {plan: planOf(east, west), named: []record.Member{east, west}},
		"one is known from a record":     {planOf(east, west), []record.Member{east}, []string{"west-1"}, "--yes would take Istio out of clusters that topology.yaml does not name: west-1 (context context-west-1)"},
		"nothing is done in that one":    {plan: idle, named: []record.Member{east}},
		"its name is that of another":    {planOf(east), []record.Member{{Name: "east-1", Context: "new"}}, []string{"east-1"}, "--yes would take Istio out of clusters that topology.yaml does not name: east-1 (context context-east-1)"},
		"its context is that of another": {planOf(east), []record.Member{{Name: "new", Context: "context-east-1"}}, []string{"east-1"}, "--yes would take Istio out of clusters that topology.yaml does not name: east-1 (context context-east-1)"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			unnamed := unnamedClusters(tt.plan, tt.named)
			var got []string
			for _, c := range unnamed {
				got = append(got, c.Name)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			text := ""
			if err := checkUnnamed(unnamed); err != nil {
				text = err.Error()
			}
			if text != tt.wantErr {
				t.Errorf("error %q, want %q", text, tt.wantErr)
			}
		})
	}
}
