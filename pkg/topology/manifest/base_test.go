package manifest_test

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/setup-mesh/setup-mesh/pkg/topology/internal/golden"
	"github.com/setup-mesh/setup-mesh/pkg/topology/manifest"
)

var update = flag.Bool("update", false, "write what the code gives as what is wanted")

// TestParseBase parses every file in testdata/base. Next to valid-x.yaml
// stands what it means, next to invalid-x.yaml what is said about it.
func TestParseBase(t *testing.T) {
	files, err := filepath.Glob("testdata/base/*.yaml")
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
			got, err := manifest.ParseBase("base.yaml", data)
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
