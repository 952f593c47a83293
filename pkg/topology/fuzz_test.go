package topology_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gopkg.in/yaml.v3"

	"github.com/setup-mesh/setup-mesh/pkg/topology"
)

// FuzzParseMesh looks for panics, for errors that are no Problems, and for
// results that contradict what a Mesh promises.
func FuzzParseMesh(f *testing.F) {
	seed(f, "topology")
	b, err := topology.ParseBase("base.yaml", topology.BaseTemplate())
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := topology.ParseMesh("topology.yaml", data, nil)
		if err != nil {
			checkProblems(t, err, m == nil)
			return
		}
		names := map[string]bool{}
		for _, c := range m.Clusters {
			if c.Name == "" || names[c.Name] || c.Network == "" || c.Line == 0 {
				t.Errorf("cluster without name or network, or with another's: %+v", c)
			}
			names[c.Name] = true
			checkManifest(t, m, b, c)
		}
	})
}

// FuzzParseBase is FuzzParseMesh for base.yaml.
func FuzzParseBase(f *testing.F) {
	seed(f, "base")
	m, err := topology.ParseMesh("topology.yaml", []byte(twoNetworks), nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := topology.ParseBase("base.yaml", data)
		if err != nil {
			checkProblems(t, err, b == nil)
			return
		}
		checkManifest(t, m, b, m.Clusters[0])
	})
}

// seed adds all test data of a kind to the corpus.
func seed(f *testing.F, dir string) {
	files, err := filepath.Glob(filepath.Join("testdata", dir, "*.yaml"))
	if err != nil || len(files) == 0 {
		f.Fatalf("no test data: %v", err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
}

// checkProblems checks what every error of a parser promises.
func checkProblems(t *testing.T, err error, noResult bool) {
	t.Helper()
	var ps topology.Problems
	if !errors.As(err, &ps) || len(ps) == 0 || !noResult {
		t.Fatalf("got %#v, want Problems and no result", err)
	}
	for i, p := range ps {
		if p.Line < 1 || p.Column < 1 || p.Message == "" {
			t.Errorf("problem without a place or words: %#v", p)
		}
		if i > 0 && p.Line < ps[i-1].Line {
			t.Errorf("%v comes after %v", p, ps[i-1])
		}
	}
}

// checkManifest checks that a manifest is a base.yaml of its own, with which
// nothing is overruled any more.
func checkManifest(t *testing.T, m *topology.Mesh, b *topology.Base, c topology.Cluster) {
	t.Helper()
	manifest, _ := topology.New(m, b, c, release)
	if c.Remote() {
		checkRemoteManifest(t, m, c, manifest)
		return
	}
	again, err := topology.ParseBase("manifest.yaml", manifest.YAML())
	if err != nil {
		t.Fatalf("the manifest is no base.yaml: %v\n%s", err, manifest.YAML())
	}
	if diff := cmp.Diff(manifest.Spec, again.Spec); diff != "" {
		t.Errorf("the manifest reads otherwise than it was written (-want +got):\n%s", diff)
	}
	plain := topology.Cluster{
		Context: c.Context, Name: c.Name, Network: c.Network, Namespace: c.Namespace,
		ServiceAccountReader: c.ServiceAccountReader,
	}
	if _, warnings := topology.New(m, again, plain, release); len(warnings) > 0 {
		t.Errorf("warnings about our own values: %v", warnings)
	}
}

// checkRemoteManifest checks that a remote cluster's manifest is an overlay for it
// over an empty base.yaml, with which nothing is overruled any more.
func checkRemoteManifest(t *testing.T, m *topology.Mesh, c topology.Cluster, manifest *topology.Manifest) {
	t.Helper()
	b, err := topology.ParseBase("base.yaml", []byte("apiVersion: install.istio.io/v1alpha2\nkind: IstioControlPlane\n"))
	if err != nil {
		t.Fatal(err)
	}
	var document struct{ Spec yaml.Node }
	if err := yaml.Unmarshal(manifest.YAML(), &document); err != nil {
		t.Fatal(err)
	}
	type context struct {
		Network   string
		Primaries []string
		Overlay   *yaml.Node
	}
	text, err := yaml.Marshal(map[string]any{"mesh_id": m.ID, "contexts": map[string]any{
		"p": context{Network: c.Network},
		"r": context{Network: c.Network, Primaries: []string{"p"}, Overlay: &document.Spec},
	}})
	if err != nil {
		t.Fatal(err)
	}
	read, err := topology.ParseMesh("manifest.yaml", text, nil)
	if err != nil {
		t.Fatalf("the manifest is no overlay: %v\n%s", err, text)
	}
	c.Overlay = read.Clusters[1].Overlay
	if diff := cmp.Diff(manifest.Spec, c.Overlay); diff != "" {
		t.Errorf("the manifest reads otherwise than it was written (-want +got):\n%s", diff)
	}
	again, warnings := topology.New(m, b, topology.Cluster{
		Context: c.Context, Name: c.Name, Network: c.Network, Namespace: c.Namespace,
		ServiceAccountReader: c.ServiceAccountReader, Primaries: c.Primaries, Overlay: c.Overlay,
	}, release)
	if len(warnings) > 0 {
		t.Errorf("warnings about our own values: %v", warnings)
	}
	if diff := cmp.Diff(manifest.Spec, again.Spec); diff != "" {
		t.Errorf("the manifest makes another (-want +got):\n%s", diff)
	}
}
