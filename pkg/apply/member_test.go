package apply

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
	"github.com/setup-mesh/setup-mesh/pkg/apply/record"
)

// TestWas: a plan knows what a cluster was in the mesh, where that changes.
func TestWas(t *testing.T) {
	const alone = `mesh_id: m
contexts:
  kind-east: {network: n1, name: east}
  kind-west: {network: n2, name: west}
  kind-north: {network: n1, name: north}
`
	otherPrimary := strings.Replace(sharedControlPlane, "[kind-east]", "[kind-north]", 1)
	moved := strings.Replace(alone, "network: n2", "network: n3", 1)
	was := func(m record.Member) *record.Member {
		m.Name, m.Context, m.Namespace, m.UID = "west", "kind-west", "istio-system", "uid-west"
		return &m
	}
	tests := map[string]struct {
		before, after string // topologies; "" before the first apply
		want          *record.Member
	}{
		"nothing changed":                 {sharedControlPlane, sharedControlPlane, nil},
		"a primary becomes remote":        {alone, sharedControlPlane, was(record.Member{Network: "n2", Role: record.RolePrimary})},
		"a remote cluster becomes one":    {sharedControlPlane, alone, was(record.Member{Network: "n2", Role: record.RoleRemote, Primaries: []string{"east"}})},
		"another primary":                 {sharedControlPlane, otherPrimary, was(record.Member{Network: "n2", Role: record.RoleRemote, Primaries: []string{"east"}})},
		"another network":                 {alone, moved, was(record.Member{Network: "n2", Role: record.RolePrimary})},
		"a cluster that is new to it all": {"", sharedControlPlane, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			after := WantedMesh(t, tt.after, TestBase)
			w := EmptyWorld(after)
			if tt.before != "" {
				w = appliedWorld(t, WantedMesh(t, tt.before, TestBase))
				for i, l := range w.Clusters { // are observed as what they are to be
					uid := l.UID
					l.Member = after.Clusters[i].Member
					l.UID = uid
				}
			}
			p := NewPlan(after, w, plan.Options{})
			if diff := cmp.Diff(tt.want, p.Cluster("west").Was); diff != "" {
				t.Errorf("west was (-want +got):\n%s", diff)
			}
			if east := p.Cluster("east").Was; east != nil {
				t.Errorf("east, which is what it was, was %+v", east)
			}
		})
	}
}
