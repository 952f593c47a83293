package topology_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/setup-mesh/setup-mesh/pkg/topology"
	"github.com/setup-mesh/setup-mesh/pkg/topology/internal/golden"
)

// FuzzParseMesh looks for panics, for errors that are not Problems, and for
// results that contradict what a Mesh promises.
func FuzzParseMesh(f *testing.F) {
	files, err := filepath.Glob("testdata/topology/*.yaml")
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
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := topology.ParseMesh("topology.yaml", data, nil)
		if err != nil {
			if m != nil {
				t.Error("both a mesh and an error")
			}
			golden.CheckProblems(t, err)
			return
		}
		names := map[string]bool{}
		for _, c := range m.Clusters {
			if c.Name == "" || names[c.Name] || c.Network == "" || c.Line == 0 {
				t.Errorf("cluster without name or network, or with another's: %+v", c)
			}
			names[c.Name] = true
		}
	})
}
