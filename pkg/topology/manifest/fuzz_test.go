package manifest_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gopkg.in/yaml.v3"

	"github.com/setup-mesh/setup-mesh/pkg/topology"
	"github.com/setup-mesh/setup-mesh/pkg/topology/internal/golden"
	"github.com/setup-mesh/setup-mesh/pkg/topology/internal/tree"
	"github.com/setup-mesh/setup-mesh/pkg/topology/manifest"
)

// FuzzManifest makes the manifests of any topology.yaml that can be read, and looks
// for panics and for results that contradict what a Manifest promises.
func FuzzManifest(f *testing.F) {
	seed(f, "../testdata/topology")
	b, err := manifest.ParseBase("base.yaml", manifest.Template())
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := topology.ParseMesh("topology.yaml", data, nil)
		if err != nil {
			return
		}
		for _, c := range m.Clusters {
			checkManifest(t, m, b, c)
		}
	})
}

// FuzzParseBase is FuzzManifest for base.yaml.
func FuzzParseBase(f *testing.F) {
	seed(f, "testdata/base")
	m, err := topology.ParseMesh("topology.yaml", []byte(twoNetworks), nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := manifest.ParseBase("base.yaml", data)
		if err != nil {
			if b != nil {
				t.Error("both a base and an error")
			}
			golden.CheckProblems(t, err)
			return
		}
		checkNothingLost(t, data, b)
		checkManifest(t, m, b, m.Clusters[0])
	})
}

// checkNothingLost holds that every setting of an accepted file is in its spec where it
// was written, or that something was decided about it.
func checkNothingLost(t *testing.T, data []byte, b *manifest.Base) {
	t.Helper()
	var document struct{ Spec any }
	if err := yaml.Unmarshal(data, &document); err != nil {
		return // Istio's YAML is read as the other library has it
	}
	decided := func(path string) bool {
		return slices.ContainsFunc(b.Decisions, func(d manifest.Decision) bool {
			return d.Path == path || strings.HasPrefix(path, d.Path+".")
		})
	}
	var walk func(path string, was, is any)
	walk = func(path string, was, is any) {
		m, isMap := was.(map[string]any)
		for k, v := range m {
			below, _ := is.(map[string]any)
			walk(tree.Join(path, k), v, below[k])
		}
		if !isMap && was != nil && is == nil && !decided(path) {
			t.Errorf("%s is lost, and nothing was decided about it", path)
		}
	}
	walk("spec", document.Spec, any(b.Spec))
}

// seed adds all test data of a folder to the corpus.
func seed(f *testing.F, dir string) {
	files, err := filepath.Glob(filepath.Join(dir, "*.yaml"))
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

// checkManifest checks that a manifest can be read as a base.yaml, and that nothing
// in it is overruled.
func checkManifest(t *testing.T, m *topology.Mesh, b *manifest.Base, c topology.Cluster) {
	t.Helper()
	made, _ := manifest.New(m, b, c, release)
	if c.Remote() {
		checkRemoteManifest(t, m, c, made)
		return
	}
	again, err := manifest.ParseBase("manifest.yaml", made.YAML())
	if err != nil {
		t.Fatalf("the manifest cannot be read as a base.yaml: %v\n%s", err, made.YAML())
	}
	if diff := cmp.Diff(made.Spec, again.Spec); diff != "" {
		t.Errorf("the manifest is not read as it was written (-want +got):\n%s", diff)
	}
	plain := topology.Cluster{
		Context: c.Context, Name: c.Name, Network: c.Network, Namespace: c.Namespace,
		ServiceAccountReader: c.ServiceAccountReader,
	}
	if _, warnings := manifest.New(m, again, plain, release); len(warnings) > 0 {
		t.Errorf("warnings about our own values: %v", warnings)
	}
}

// checkRemoteManifest checks that a remote cluster's manifest is an overlay for it
// over an empty base.yaml, and that nothing in it is overruled.
func checkRemoteManifest(t *testing.T, m *topology.Mesh, c topology.Cluster, made *manifest.Manifest) {
	t.Helper()
	b, err := manifest.ParseBase("base.yaml", []byte("apiVersion: install.istio.io/v1alpha2\nkind: IstioControlPlane\n"))
	if err != nil {
		t.Fatal(err)
	}
	var document struct{ Spec yaml.Node }
	if err := yaml.Unmarshal(made.YAML(), &document); err != nil {
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
		t.Fatalf("the manifest cannot be read as an overlay: %v\n%s", err, text)
	}
	c.Overlay = read.Clusters[1].Overlay
	if diff := cmp.Diff(made.Spec, c.Overlay); diff != "" {
		t.Errorf("the manifest is not read as it was written (-want +got):\n%s", diff)
	}
	again, warnings := manifest.New(m, b, topology.Cluster{
		Context: c.Context, Name: c.Name, Network: c.Network, Namespace: c.Namespace,
		ServiceAccountReader: c.ServiceAccountReader, Primaries: c.Primaries, Overlay: c.Overlay,
	}, release)
	if len(warnings) > 0 {
		t.Errorf("warnings about our own values: %v", warnings)
	}
	if diff := cmp.Diff(made.Spec, again.Spec); diff != "" {
		t.Errorf("the manifest makes another (-want +got):\n%s", diff)
	}
}

// FuzzMigrate holds that what comes out says what went in, in terms that need no
// further decision.
func FuzzMigrate(f *testing.F) {
	seed(f, "testdata/base")
	seed(f, "testdata/migrate")
	seed(f, "../../apply/testdata/base-cases")
	f.Fuzz(func(t *testing.T, data []byte) {
		today, open, err := manifest.Migrate("base.yaml", data)
		if err != nil {
			golden.CheckProblems(t, err)
			return
		}
		before, err := manifest.ParseBase("base.yaml", data)
		if len(open) > 0 {
			if err == nil {
				t.Errorf("left open in a base.yaml that is accepted: %v", open)
			}
			return
		}
		if err != nil {
			return // what is beside the spec
		}
		after, err := manifest.ParseBase("base.yaml", today)
		if err != nil {
			t.Fatalf("%v\n%s", err, today)
		}
		if diff := cmp.Diff(before.Spec, after.Spec); diff != "" {
			t.Errorf("the spec (-before +after):\n%s\n%s", diff, today)
		}
		for _, d := range after.Decisions {
			if d.Level != 1 { // a warning about what stays
				t.Errorf("decided again: %v", d)
			}
		}
	})
}
