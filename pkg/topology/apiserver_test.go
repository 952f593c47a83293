package topology_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/setup-mesh/setup-mesh/pkg/topology"
	"github.com/setup-mesh/setup-mesh/pkg/topology/internal/golden"
)

func TestCAFileProblem(t *testing.T) {
	m, err := topology.ParseMesh("topology.yaml", []byte("mesh_id: m\ncontexts:\n  kind-a: {network: n, apiServer: {caFile: certs/api.pem}}\n"), nil)
	if err != nil {
		t.Fatal(err)
	}
	got := golden.Text(topology.Problems{m.Clusters[0].CAFileProblem("certs/api.pem is not there", "put it there")})
	want := "topology.yaml:3:44: contexts.kind-a.apiServer.caFile: certs/api.pem is not there\n    put it there\n"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
