package manifest_test

import (
	"strings"
	"testing"

	"github.com/setup-mesh/setup-mesh/pkg/topology/manifest"
)

// The tests in this file are named after defects of Istio 1.4's setup-mesh.sh.

// TestIstio14TypoInGeneratedVersion: generated manifests had the version v1alpah2.
func TestIstio14TypoInGeneratedVersion(t *testing.T) {
	m, b := parseBoth(t, []byte(twoNetworks), manifest.Template())
	got, _ := manifest.New(m, b, m.Clusters[0], release)
	text := string(got.YAML())
	if want := "apiVersion: install.istio.io/v1alpha2\nkind: IstioControlPlane\n"; !strings.HasPrefix(text, want) {
		t.Errorf("the manifest begins with\n%s", text[:80])
	}
	if _, err := manifest.ParseBase("manifest.yaml", []byte(text)); err != nil {
		t.Errorf("the manifest cannot be read as a base.yaml: %v", err)
	}
}

// TestIstio14NamespaceIgnored: namespace was a key that teardown did not read.
// Here it decides where everything goes.
func TestIstio14NamespaceIgnored(t *testing.T) {
	m, b := parseBoth(t, []byte("mesh_id: m\ncontexts:\n  a: {network: n, namespace: mesh}\n"), manifest.Template())
	got, _ := manifest.New(m, b, m.Clusters[0], release)
	global := got.Operator()["values"].(map[string]any)["global"].(map[string]any)
	if got.Namespace != "mesh" || global["istioNamespace"] != "mesh" {
		t.Errorf("Namespace = %q, istioNamespace = %v, want mesh", got.Namespace, global["istioNamespace"])
	}
}
