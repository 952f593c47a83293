package graph

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// formats are all formats by the endings of their files.
func formats() map[string]func(*Graph) ([]byte, error) {
	text := func(f func(*Graph) []byte) func(*Graph) ([]byte, error) {
		return func(g *Graph) ([]byte, error) { return f(g), nil }
	}
	return map[string]func(*Graph) ([]byte, error){"svg": SVG, "html": HTML, "dot": text(DOT), "mmd": text(Mermaid)}
}

func TestGolden(t *testing.T) {
	for ending, format := range formats() {
		for name, g := range examples(t) {
			if len(g.Clusters) > 20 && (ending == "svg" || ending == "html") {
				continue // nobody would read it: TestSixtyClusters says what has to be in it
			}
			t.Run(name+"."+ending, func(t *testing.T) {
				got, err := format(g)
				if err != nil {
					t.Fatal(err)
				}
				golden(t, name+"."+ending, withoutOurs(got))
			})
		}
	}
}

// withoutOurs leaves out style and script of a page, which are files of their own.
func withoutOurs(page []byte) []byte {
	s := string(page)
	for ours, name := range map[string]string{drawingStyle + pageStyle: "(style)", pageScript: "(script)"} {
		hash := strings.NewReplacer("'", "&#39;", "+", "&#43;").Replace(digest(ours))
		s = strings.ReplaceAll(strings.ReplaceAll(s, ours, name), hash, name)
	}
	return []byte(s)
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}
