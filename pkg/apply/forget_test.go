package apply

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
	"github.com/setup-mesh/setup-mesh/pkg/apply/record"
	"github.com/setup-mesh/setup-mesh/pkg/apply/world"
)

// TestPlanForget has a member that is in no topology and cannot be reached: it
// stays in the plan until the user says that it is gone for good.
func TestPlanForget(t *testing.T) {
	gone := record.Member{Name: "gone", Context: "kind-gone", UID: "uid-gone", Network: "n", Namespace: "istio-system", Role: record.RolePrimary}
	tests := map[string]struct {
		forget       []string
		want         []string // clusters of the plan
		wantRemedies []string // of the last of them
		wantWarnings []plan.Finding
	}{
		"it is said how": {
			want:         []string{"a", "b", "c", "gone"},
			wantRemedies: []string{"put the context back", "if it is gone for good: --forget gone"},
		},
		"forgotten": {
			forget: []string{"gone"},
			want:   []string{"a", "b", "c"},
			wantWarnings: []plan.Finding{{ID: "cluster/forgotten", Cluster: "gone",
				Message: "removed from the records; everything installed there stays, and its CA is trusted until it expires"}},
		},
		"a member of the topology cannot be": {
			forget:       []string{"a"},
			want:         []string{"a", "b", "c", "gone"},
			wantRemedies: []string{"put the context back", "if it is gone for good: --forget gone"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			d := WantedMesh(t, OneNetwork, TestBase)
			w := appliedWorld(t, d)
			w.Clusters = append(w.Clusters, &world.Live{Member: gone, Leaving: true, Unreached: &object.Error{Message: "no such context", Hint: "put the context back"}})
			p := NewPlan(d, w, plan.Options{Forget: tt.forget})
			var got []string
			for _, c := range p.Clusters {
				got = append(got, c.Name)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("clusters (-want +got):\n%s", diff)
			}
			if last := p.Clusters[len(p.Clusters)-1]; last.Leaving {
				if diff := cmp.Diff(tt.wantRemedies, last.Remedies()); diff != "" {
					t.Errorf("remedies (-want +got):\n%s", diff)
				}
			}
			if diff := cmp.Diff(tt.wantWarnings, p.Warnings); diff != "" {
				t.Errorf("warnings (-want +got):\n%s", diff)
			}
			if p.Incomplete() != (len(tt.forget) == 0 || tt.forget[0] != "gone") {
				t.Errorf("incomplete: %v", p.Incomplete())
			}
		})
	}
}
