package apply

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/setup-mesh/setup-mesh/pkg/apply/charts"
	"github.com/setup-mesh/setup-mesh/pkg/apply/desired"
	"github.com/setup-mesh/setup-mesh/pkg/topology"
	"github.com/setup-mesh/setup-mesh/pkg/topology/manifest"
)

// FuzzBase judges and renders whatever base.yaml holds: nothing may make Istio's code
// panic, and what is accepted renders.
func FuzzBase(f *testing.F) {
	files, err := filepath.Glob("testdata/base-cases/*.yaml")
	if err != nil || len(files) == 0 {
		f.Fatalf("no cases: %v", err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	mesh, err := topology.ParseMesh("topology.yaml", []byte("mesh_id: m\ncontexts:\n  east: {network: n}\n"), nil)
	if err != nil {
		f.Fatal(err)
	}
	r, inputs := charts.New(), 0
	root := testRoot()
	f.Fuzz(func(t *testing.T, data []byte) {
		if inputs++; inputs%100 == 0 {
			r = charts.New() // one keeps what it has rendered
		}
		watch := time.AfterFunc(5*time.Second, func() { panic("it hangs") })
		defer watch.Stop()
		if rest := manifest.Rest("base.yaml", data); rest != nil {
			desired.CheckBase(rest, r)
		}
		b, err := manifest.ParseBase("base.yaml", data)
		if err != nil {
			return
		}
		_, _ = NewDesired(desired.Wanted{Mesh: mesh, Base: b, Root: root}, r)
	})
}
