package topology_test

import (
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// TestImports holds the package to the standard library and the YAML parser: it
// knows neither certificates nor clusters.
func TestImports(t *testing.T) {
	const self = "github.com/setup-mesh/setup-mesh/pkg/topology/internal/file"
	allowed := map[string]bool{"gopkg.in/yaml.v3": true, self: true}
	seen := 0
	for _, pattern := range []string{"*.go", "internal/file/*.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range files {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
			if err != nil {
				t.Fatal(err)
			}
			for _, i := range f.Imports {
				path, err := strconv.Unquote(i.Path.Value)
				if err != nil {
					t.Fatal(err)
				}
				first, _, _ := strings.Cut(path, "/")
				if strings.Contains(first, ".") && !allowed[path] {
					t.Errorf("%s imports %s", name, path)
				}
				seen++
			}
		}
	}
	if seen == 0 {
		t.Error("no imports found: the test looks in the wrong place")
	}
}
