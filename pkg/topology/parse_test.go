package topology_test

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/setup-mesh/setup-mesh/pkg/topology"
	"github.com/setup-mesh/setup-mesh/pkg/topology/internal/golden"
)

var update = flag.Bool("update", false, "write what the code gives as what is wanted")

// TestParseMesh parses every file in testdata/topology. Next to valid-x.yaml
// stands what it means, next to invalid-x.yaml what is said about it.
func TestParseMesh(t *testing.T) {
	files, err := filepath.Glob("testdata/topology/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no test data: %v", err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(file, ".yaml")
		t.Run(filepath.Base(name), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got, err := topology.ParseMesh("topology.yaml", data, nil)
			if strings.HasPrefix(filepath.Base(name), "invalid-") {
				golden.Compare(t, name+".txt", golden.Messages(t, err), *update)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			out, err := json.MarshalIndent(got, "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			golden.Compare(t, name+".json", string(out)+"\n", *update)
		})
	}
}
