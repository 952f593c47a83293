package manifest_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/setup-mesh/setup-mesh/pkg/topology/internal/golden"
	"github.com/setup-mesh/setup-mesh/pkg/topology/manifest"
)

// TestMigrate compares what base.yaml files become, and what is left to decide, with
// golden files. What has nothing left to decide is read as it was before, and migrates
// to itself but for the comments.
func TestMigrate(t *testing.T) {
	files, err := filepath.Glob("testdata/migrate/*.in.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no test data: %v", err)
	}
	for _, file := range files {
		name := file[:len(file)-len(".in.yaml")]
		t.Run(filepath.Base(name), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			today, open, err := manifest.Migrate("base.yaml", data)
			if err != nil {
				t.Fatal(err)
			}
			golden.Compare(t, name+".out.yaml", string(today), *update)
			if len(open) > 0 {
				golden.Compare(t, name+".txt", golden.Text(open), *update)
				return
			}
			before, err := manifest.ParseBase("base.yaml", data)
			if err != nil {
				t.Fatal(err)
			}
			after, err := manifest.ParseBase("base.yaml", today)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(before.Spec, after.Spec); diff != "" {
				t.Errorf("the spec (-before +after):\n%s", diff)
			}
			if len(after.Decisions) > 0 {
				t.Errorf("decided again: %v", after.Decisions)
			}
		})
	}
}
