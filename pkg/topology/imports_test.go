package topology_test

import (
	"go/parser"
	"go/token"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// rooms are the packages here, each with what it may import besides the standard
// library; a path without a host is below pkg. They know neither certificates nor
// clusters.
var rooms = map[string][]string{
	"topology":                {"topology/internal/file", "topology/internal/names", "topology/internal/spec", "topology/internal/tree", "gopkg.in/yaml.v3"},
	"topology/manifest":       {"topology", "topology/internal/names", "topology/internal/spec", "topology/internal/tree", "topology/legacy", "gopkg.in/yaml.v3"},
	"topology/internal/spec":  {"image", "topology/internal/names", "topology/internal/tree", "topology/legacy"},
	"topology/legacy":         {"topology/internal/names", "topology/internal/tree"},
	"topology/internal/tree":  {"topology/internal/names", "gopkg.in/yaml.v3"},
	"topology/internal/names": {},
	"topology/internal/file":  {},
}

// TestImports holds the rooms to what they may import.
func TestImports(t *testing.T) {
	used := map[string][]string{}
	for room, allowed := range rooms {
		files, err := filepath.Glob(filepath.Join("..", room, "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatalf("no files in %s: %v", room, err)
		}
		for _, name := range files {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			for _, imported := range imports(t, name) {
				if !slices.Contains(allowed, imported) {
					t.Errorf("%s imports %s", path.Join(room, filepath.Base(name)), imported)
				}
				used[room] = append(used[room], imported)
			}
		}
		for _, imported := range allowed {
			if !slices.Contains(used[room], imported) {
				t.Errorf("%s may import %s and does not", room, imported)
			}
		}
	}
}

// imports returns what a file imports that is not the standard library's.
func imports(t *testing.T, file string) []string {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	var paths []string
	for _, i := range f.Imports {
		imported, err := strconv.Unquote(i.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		if host, _, _ := strings.Cut(imported, "/"); strings.Contains(host, ".") {
			paths = append(paths, strings.TrimPrefix(imported, "github.com/setup-mesh/setup-mesh/pkg/"))
		}
	}
	return paths
}
