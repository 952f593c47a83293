package topology_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/setup-mesh/setup-mesh/pkg/topology"
	"github.com/setup-mesh/setup-mesh/pkg/topology/internal/golden"
)

// TestPrimaryThatIsGone: what is said about a primary that is not a context in the
// file.
func TestPrimaryThatIsGone(t *testing.T) {
	const stays = "    a remote cluster needs a primary that stays: give it another primary, or take it out too\n"
	kubeconfig := []string{"context-east-1", "context-east-2", "context-east-3", "far"}
	tests := map[string]struct {
		primary  string
		contexts []string
		want     string
	}{
		"misspelt":                         {"context-eats-1", kubeconfig, "    did you mean context-east-1? If not, a remote cluster needs a primary that stays: give it another primary, or take it out too\n"},
		"misspelt, and no kubeconfig":      {"context-eats-1", nil, "    did you mean context-east-1? If not, a remote cluster needs a primary that stays: give it another primary, or take it out too\n"},
		"its name in the mesh":             {"east-1", kubeconfig, "    did you mean context-east-1? Primaries are named by their contexts\n"},
		"in the kubeconfig, so it is gone": {"context-east-3", kubeconfig, stays},
		"known nowhere":                    {"elsewhere", kubeconfig, stays},
		"much like the cluster itself":     {"fare", kubeconfig, stays},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			text := "mesh_id: m\ncontexts:\n  context-east-1: {network: n}\n  far: {network: n, primaries: [" + tt.primary + "]}\n"
			_, err := topology.ParseMesh("topology.yaml", []byte(text), tt.contexts)
			want := `topology.yaml:4:33: contexts.far.primaries[0]: "` + tt.primary + `" is not a context in this file` + "\n" + tt.want
			if diff := cmp.Diff(want, golden.Messages(t, err)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
