package graph

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
)

// TestWorst: a cluster is as bad as the worst that was found, whatever comes first.
func TestWorst(t *testing.T) {
	found := []plan.Finding{
		{ID: "trust/certificate", State: "missing", Message: "there is no Secret"},
		{ID: "control-plane/images", State: "unknown", Unknown: true, Message: "could not list pods"},
	}
	m := mesh(t, three)
	for i := range found {
		found[i].Cluster = m.Clusters[0].Name
	}
	for range 2 {
		s := healthy(m)
		s.Findings = slices.Clone(found)
		c := New(m, nil, s).Clusters[0]
		if diff := cmp.Diff([]any{Broken, "trust/certificate: missing", []int{0, 1}}, []any{c.State, c.Reason, c.Problems}); diff != "" {
			t.Errorf("%s first (-want +got):\n%s", found[0].ID, diff)
		}
		slices.Reverse(found)
	}
}
