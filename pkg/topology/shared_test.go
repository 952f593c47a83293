package topology_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/setup-mesh/setup-mesh/pkg/topology"
	"github.com/setup-mesh/setup-mesh/pkg/topology/internal/golden"
)

// TestSharedServicesAreNotIstiosOwn: the namespace that Istio is in decides, and the
// default one while there is no cluster.
func TestSharedServicesAreNotIstiosOwn(t *testing.T) {
	tests := map[string]struct{ in, want string }{
		"no cluster yet": {
			"sharedServices: [istio-system]",
			`topology.yaml:2:18: sharedServices[0]: "istio-system" cannot be shared: it belongs to Istio or Kubernetes` + "\n    take it out\n",
		},
		"another namespace": {
			"sharedServices: [mesh]\ncontexts: {a: {network: n, namespace: mesh}}",
			`topology.yaml:2:18: sharedServices[0]: "mesh" cannot be shared: it belongs to Istio or Kubernetes` + "\n    take it out\n",
		},
		"every mistake of a list at once": {
			"sharedServices: [kube-public, kube-node-lease, a, a]",
			`topology.yaml:2:18: sharedServices[0]: "kube-public" cannot be shared: it belongs to Istio or Kubernetes` + "\n    take it out\n" +
				`topology.yaml:2:31: sharedServices[1]: "kube-node-lease" cannot be shared: it belongs to Istio or Kubernetes` + "\n    take it out\n" +
				`topology.yaml:2:51: sharedServices[3]: "a" is listed twice` + "\n    take it out\n",
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
	m, err := topology.ParseMesh("topology.yaml", []byte("mesh_id: m\nsharedServices: [istio-system]\ncontexts: {a: {network: n, namespace: mesh}}\n"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"istio-system"}, m.SharedServices); diff != "" {
		t.Errorf("where Istio is elsewhere (-want +got):\n%s", diff)
	}
}
