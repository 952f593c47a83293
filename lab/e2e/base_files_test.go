package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/setup-mesh/setup-mesh/lab"
)

// TestE2EBaseFiles installs what users bring as base.yaml, one file after the other over the last, in a cluster that is
// alone: each is applied, and nothing is to be changed afterwards.
func TestE2EBaseFiles(t *testing.T) {
	needsLab(t)
	j := newJourney(t, lab.Options{Clusters: 1, Networks: []string{"n"}})
	j.run(t, 0, "prep", "--mesh-id", "mymeshname", "--org", "example.com")
	j.topology(t, "context-east-1: {network: n}")
	j.labelNodes(t, "context-east-1", `{"metadata":{"labels":{"pool":"mesh"}}}`) // one of the files asks for such nodes
	cases := filepath.Join("..", "..", "pkg", "apply", "testdata", "base-cases")
	golden, err := filepath.Glob(filepath.Join(cases, "*.txt"))
	if err != nil {
		t.Fatal(err)
	}
	installed := 0
	for _, file := range golden {
		said, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(string(said), "accepted\n") {
			continue
		}
		installed++
		name := strings.TrimSuffix(file, ".txt")
		t.Run(filepath.Base(name), func(t *testing.T) {
			base, err := os.ReadFile(name + ".yaml")
			if err != nil {
				t.Fatal(err)
			}
			j.write(t, "base.yaml", string(base))
			j.run(t, 0, "apply", "--yes")
			wantWords(t, j.run(t, 0, "plan", "--detailed-exitcode"), "Nothing to change.")
			j.clusters["context-east-1"].mustIstiod(t)
		})
	}
	if installed < 12 {
		t.Errorf("%d files were installed, want a dozen at least", installed)
	}
	j.run(t, 0, "teardown", "--yes")
}

func (j *journey) labelNodes(t *testing.T, in, patch string) {
	t.Helper()
	nodes := j.clusters[in].kube.CoreV1().Nodes()
	list, err := nodes.List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range list.Items {
		if _, err := nodes.Patch(t.Context(), n.Name, types.MergePatchType, []byte(patch), metav1.PatchOptions{}); err != nil {
			t.Fatal(err)
		}
	}
}
