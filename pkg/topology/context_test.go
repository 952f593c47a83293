package topology_test

import (
	"testing"

	"github.com/setup-mesh/setup-mesh/pkg/topology"
)

func TestByContext(t *testing.T) {
	m, err := topology.ParseMesh("topology.yaml", []byte("mesh_id: m\ncontexts:\n  kind-east: {network: n, name: east}\n  kind-west: {network: n, name: west}\n"), nil)
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct{ context, name, hint string }{
		"a context of the file": {"kind-west", "west", ""},
		"a name in the mesh":    {"west", "", "topology.yaml has kind-east, kind-west"},
		"nearly one":            {"kind-wset", "", "did you mean kind-west?"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c, ok, hint := m.ByContext(tt.context)
			if c.Name != tt.name || ok != (tt.name != "") || hint != tt.hint {
				t.Errorf("%q, %v, hint %q; want %q, hint %q", c.Name, ok, hint, tt.name, tt.hint)
			}
		})
	}
}

func TestFind(t *testing.T) {
	m, err := topology.ParseMesh("topology.yaml", []byte("mesh_id: m\ncontexts:\n  kind-east: {network: n, name: east}\n  kind-west: {network: n, name: west}\n  east: {network: n, name: third}\n"), nil)
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct{ given, name, hint string }{
		"a name in the mesh":                    {"west", "west", ""},
		"a context":                             {"kind-west", "west", ""},
		"a name that is the context of another": {"east", "east", ""},
		"nearly a name":                         {"wset", "", "did you mean west?"},
		"nearly a context":                      {"kind-wset", "", "did you mean kind-west?"},
		"neither":                               {"frankfurt", "", "topology.yaml has east, west, third"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c, ok, hint := m.Find(tt.given)
			if c.Name != tt.name || ok != (tt.name != "") || hint != tt.hint {
				t.Errorf("%q, %v, hint %q; want %q, hint %q", c.Name, ok, hint, tt.name, tt.hint)
			}
		})
	}
}
