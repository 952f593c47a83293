package apply

import (
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/setup-mesh/setup-mesh/pkg/apply/check"
	"github.com/setup-mesh/setup-mesh/pkg/apply/component"
	"github.com/setup-mesh/setup-mesh/pkg/apply/observe"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
	"github.com/setup-mesh/setup-mesh/pkg/apply/status"
	"github.com/setup-mesh/setup-mesh/pkg/apply/world"
)

// Every check has a name of its own and says what it means, and nothing is said
// of a check that there is not.
func TestChecks(t *testing.T) {
	name := regexp.MustCompile(`^[a-z-]+/[a-z-]+$`)
	texts := check.Meanings()
	seen := map[string]bool{}
	for _, c := range component.Checks() {
		if seen[c.ID] || !name.MatchString(c.ID) {
			t.Errorf("%q is not a name of its own, as area/claim", c.ID)
		}
		if c.Means == "" {
			t.Errorf("%s does not say what it means", c.ID)
		}
		seen[c.ID] = true
		delete(texts, c.ID)
	}
	for id := range texts {
		t.Errorf("%s has a text and no check", id)
	}
	for _, one := range component.Components() {
		for _, p := range one.Proofs {
			if !seen[p.Check] {
				t.Errorf("%s is proved by %q, which is not a check", p.Claim, p.Check)
			}
		}
	}
}

// A preflight changes nothing: judged twice, a plan says the same, and a plan
// with findings leaves the one without as it was.
func TestPreflightIsPure(t *testing.T) {
	d := WantedMesh(t, OneNetwork, TestBase)
	w := EmptyWorld(d)
	w.Clusters[0].Endpoint.Server = "https://127.0.0.1:6443"
	p := NewPlan(d, w, plan.Options{})
	before, err := p.Save()
	if err != nil {
		t.Fatal(err)
	}
	seen := check.Inspection{"a": {Nodes: []string{"10.0.0.1"}}}
	first := check.Preflight(p, seen)
	if diff := cmp.Diff(first, check.Preflight(p, seen)); diff != "" {
		t.Errorf("judged twice (-first +second):\n%s", diff)
	}
	if with := check.With(p, first); cmp.Equal(with.Refusals, p.Refusals) {
		t.Error("the addresses of nodes changed nothing of the refusals")
	}
	after, err := p.Save()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(before), string(after)); diff != "" {
		t.Errorf("the plan (-before +after):\n%s", diff)
	}
}

// What is not known stops no plan, and is never healthy.
func TestUnknown(t *testing.T) {
	d := WantedMesh(t, twoClusters, TestBase)
	w := appliedWorld(t, d)
	w.Clusters[0].Reach = world.Reach{Err: observe.ErrNotTried}
	p := NewPlan(d, w, plan.Options{})
	if len(p.Refusals) > 0 || len(p.Warnings) != 1 || !p.Warnings[0].Unknown || p.Warnings[0].ID != "gateway/resolved" {
		t.Errorf("refusals %v, warnings %v", p.Refusals, p.Warnings)
	}
	if s := status.New(p, healthyProbes(p)); s.Healthy() || s.Findings[0].ID != "gateway/resolved" {
		t.Errorf("findings %v", s.Findings)
	}
}
