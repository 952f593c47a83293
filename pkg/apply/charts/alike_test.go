package charts

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/setup-mesh/setup-mesh/pkg/topology"
	"github.com/setup-mesh/setup-mesh/pkg/topology/manifest"
)

// TestRenderAlike renders every case in clusters with names and networks of all kinds,
// primaries and remotes: each gets what it would get by itself.
func TestRenderAlike(t *testing.T) {
	const file = `mesh_id: m
contexts:
  east: {network: n1}
  istio-system: {network: default}
  a: {network: "17"}
  b: {network: n, name: "true"}
  c: {network: istio}
  d: {network: pilot.example_1, gateway: {addresses: [192.0.2.1]}}
  some-cluster-with-a-name-that-is-much-longer-than-a-mark-would-be: {network: n1, name: some-cluster-with-a-name-that-is-much-longer-than-a-mark}
  far: {network: n1, primaries: [east]}
  far-too: {network: n9, primaries: [east, a]}
  cluster: {network: network, primaries: [east]}
`
	mesh, err := topology.ParseMesh("topology.yaml", []byte(file), nil)
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("../testdata/base-cases/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	r, compared := New(), 0
	t.Cleanup(func() {
		if len(r.alike.entries) == 0 {
			t.Error("nothing was rendered with marks")
		}
	})
	for n, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		base, err := manifest.ParseBase("base.yaml", data)
		if err != nil {
			continue
		}
		name := strings.TrimSuffix(filepath.Base(file), ".yaml")
		for i, c := range mesh.Clusters {
			m, _ := manifest.New(mesh, base, c, manifest.Release{Hub: Hub, Tag: Release})
			if (n+i)%3 > 0 || mistakes(Check(m.Operator())) { // each file in a third of the clusters
				continue
			}
			compared++
			t.Run(fmt.Sprintf("%s/%s", name, c.Name), func(t *testing.T) {
				t.Parallel()
				want, err := r.render("istio-system", m.Operator())
				if _, ok := errors.AsType[*RefusedError](err); ok {
					return // which other tests look at
				}
				if err != nil {
					t.Fatal(err)
				}
				got, err := r.Render("istio-system", m.Operator())
				if err != nil {
					t.Fatal(err)
				}
				mustBeSame(t, want, got)
			})
		}
	}
	if compared < 60 {
		t.Errorf("%d were compared", compared)
	}
}
