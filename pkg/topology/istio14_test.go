package topology_test

import (
	"strings"
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

// TestIstio14TypoInGeneratedVersion: generated manifests had the version v1alpah2.
func TestIstio14TypoInGeneratedVersion(t *testing.T) {
	m, b := parseBoth(t, []byte(twoNetworks), topology.BaseTemplate())
	manifest, _ := topology.New(m, b, m.Clusters[0], release)
	text := string(manifest.YAML())
	if want := "apiVersion: install.istio.io/v1alpha2\nkind: IstioControlPlane\n"; !strings.HasPrefix(text, want) {
		t.Errorf("the manifest begins with\n%s", text[:80])
	}
	if _, err := topology.ParseBase("manifest.yaml", []byte(text)); err != nil {
		t.Errorf("the manifest is no base.yaml: %v", err)
	}
}

// TestIstio14NamespaceIgnored: namespace was a key that teardown did not read.
// Here it decides where everything goes.
func TestIstio14NamespaceIgnored(t *testing.T) {
	m, b := parseBoth(t, []byte("mesh_id: m\ncontexts:\n  a: {network: n, namespace: mesh}\n"), topology.BaseTemplate())
	manifest, _ := topology.New(m, b, m.Clusters[0], release)
	global := manifest.Operator()["values"].(map[string]any)["global"].(map[string]any)
	if manifest.Namespace != "mesh" || global["istioNamespace"] != "mesh" {
		t.Errorf("Namespace = %q, istioNamespace = %v, want mesh", manifest.Namespace, global["istioNamespace"])
	}
}
