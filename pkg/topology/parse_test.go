package topology_test

import (
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/setup-mesh/setup-mesh/pkg/topology"
)

var update = flag.Bool("update", false, "write what the code gives as what is wanted")

// TestParseFiles parses every file below testdata/topology and testdata/base.
// Beside valid-x.yaml stands what it means, beside invalid-x.yaml what is said
// about it.
func TestParseFiles(t *testing.T) {
	parse := map[string]func(data []byte) (any, error){
		"topology": func(data []byte) (any, error) { return topology.ParseMesh("topology.yaml", data, nil) },
		"base": func(data []byte) (any, error) {
			b, err := topology.ParseBase("base.yaml", data)
			return b, err
		},
	}
	for dir, parse := range parse {
		files, err := filepath.Glob(filepath.Join("testdata", dir, "*.yaml"))
		if err != nil || len(files) == 0 {
			t.Fatalf("no test data in %s: %v", dir, err)
		}
		for _, file := range files {
			base := strings.TrimSuffix(filepath.Base(file), ".yaml")
			t.Run(dir+"/"+base, func(t *testing.T) {
				data, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				got, err := parse(data)
				if strings.HasPrefix(base, "invalid-") {
					compareFile(t, strings.TrimSuffix(file, "yaml")+"txt", messages(t, err))
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				out, err := json.MarshalIndent(got, "", "  ")
				if err != nil {
					t.Fatal(err)
				}
				compareFile(t, strings.TrimSuffix(file, "yaml")+"json", string(out)+"\n")
			})
		}
	}
}

// messages returns what a user would read about err, with hints below the
// problems that they belong to.
func messages(t *testing.T, err error) string {
	t.Helper()
	var ps topology.Problems
	if !errors.As(err, &ps) || len(ps) == 0 {
		t.Fatalf("got %v, want Problems", err)
	}
	return problemText(ps)
}

func problemText(ps topology.Problems) string {
	var b strings.Builder
	for _, p := range ps {
		b.WriteString(p.String() + "\n")
		if p.Hint != "" {
			b.WriteString("    " + p.Hint + "\n")
		}
	}
	return b.String()
}

func compareFile(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}
