package topology_test

import (
	"testing"

	"github.com/setup-mesh/setup-mesh/pkg/topology"
)

// The tests in this file are named after defects of Istio 1.4's setup-mesh.sh.

// TestIstio14ContextNamesBecameMakeTargets: contexts were read by sed and became
// targets of make, which the colons of Amazon's names broke.
func TestIstio14ContextNamesBecameMakeTargets(t *testing.T) {
	const context = "arn:aws:eks:eu-west-1:111122223333:cluster/prod"
	m, err := topology.ParseMesh("topology.yaml", []byte("mesh_id: m\ncontexts:\n    "+context+":\n        network: n\n"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := m.Clusters[0]; got.Context != context || got.Name != "prod" || got.Network != "n" {
		t.Errorf("got %+v", got)
	}
}
