package topology_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/setup-mesh/setup-mesh/pkg/topology"
	"github.com/setup-mesh/setup-mesh/pkg/topology/internal/golden"
)

func TestAmbient(t *testing.T) {
	tests := map[string]struct {
		in   string
		want topology.Ambient
	}{
		"absent":                    {"", topology.Ambient{}},
		"null":                      {"ambient:", topology.Ambient{}},
		"namespaces":                {"ambient: {namespaces: [shop, pay]}", topology.Ambient{Namespaces: []string{"shop", "pay"}}},
		"no namespace of ours":      {"ambient: {}", topology.Ambient{}},
		"two clusters of a network": {"ambient: {experimental: [shared-networks]}", topology.Ambient{SharedNetworks: true}},
		"sidecars, too":             {"ambient: {experimental: [sidecars]}", topology.Ambient{Sidecars: true}},
		"another root":              {"ambient: {experimental: [root-rotation]}", topology.Ambient{RootRotation: true}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			m, err := topology.ParseMesh("topology.yaml", []byte("mesh_id: m\n"+tt.in+"\n"), nil)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, m.Ambient); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestAmbientMistakes(t *testing.T) {
	const out = "\n    take it out\n"
	tests := map[string]struct{ in, want string }{
		"not a mapping":         {"ambient: [shop]", "topology.yaml:2:10: ambient: must be a mapping with keys such as namespaces\n    write namespaces: and its value on a line below it, indented\n"},
		"Istio's own namespace": {"ambient: {namespaces: [istio-system]}", `topology.yaml:2:24: ambient.namespaces[0]: "istio-system" cannot be enrolled: it belongs to Istio or Kubernetes` + out},
		"one that is injected": {
			"ambient: {namespaces: [shop]}\ninjection: {namespaces: [shop]}",
			`topology.yaml:2:24: ambient.namespaces[0]: "shop" is listed in injection.namespaces, too` + "\n    take it out of one of the two\n",
		},
		"another experiment": {
			"ambient: {experimental: [sidecar]}",
			`topology.yaml:2:26: ambient.experimental[0]: "sidecar" is none of shared-networks, sidecars, root-rotation` + "\n    did you mean sidecars?\n",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := topology.ParseMesh("topology.yaml", []byte("mesh_id: m\n"+tt.in+"\n"), nil)
			if diff := cmp.Diff(tt.want, golden.Messages(t, err)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestHBONEPort: the port of a gateway is that of node proxies unless the file has one.
func TestHBONEPort(t *testing.T) {
	for in, want := range map[string]int{
		"{addresses: [192.0.2.1]}":              15008,
		"{addresses: [192.0.2.1], port: 15443}": 15443,
	} {
		m, err := topology.ParseMesh("topology.yaml", []byte("mesh_id: m\ncontexts: {c: {network: n, gateway: "+in+"}}\n"), nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := m.Clusters[0].Gateway.HBONEPort(); got != want {
			t.Errorf("%s: got %d, want %d", in, got, want)
		}
	}
}
