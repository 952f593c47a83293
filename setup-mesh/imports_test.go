package main

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const module = "github.com/setup-mesh/setup-mesh"

// directions say who may import what: a package below one of the folders may
// not import what begins with one of the paths.
var directions = []struct {
	folders []string // "" is the whole module
	except  []string
	forbid  []string
	because string
}{
	{[]string{"pkg"}, nil, []string{module + "/setup-mesh", "github.com/urfave/cli"}, "the library does not know the command line"},
	{[]string{"setup-mesh/internal/view", "setup-mesh/internal/workdir"}, nil, []string{"github.com/urfave/cli", module + "/setup-mesh/internal/args"}, "it takes values, not flags"},
	{[]string{"setup-mesh/internal/workdir", "setup-mesh/internal/args"}, nil, []string{module + "/pkg/apply", module + "/setup-mesh/internal/view"}, "it knows nothing of clusters, and words nothing"},
	{[]string{"pkg/topology", "pkg/certs"}, nil, []string{module + "/pkg/apply", "k8s.io", "istio.io", "net/http"}, "it is pure"},
	{[]string{"pkg/image"}, nil, []string{module}, "it knows names only"},
	{[]string{"pkg/topology"}, nil, []string{module + "/pkg/certs"}, "topology and certs do not know each other"},
	{[]string{"pkg/certs"}, nil, []string{module + "/pkg/topology"}, "topology and certs do not know each other"},
	{[]string{""}, []string{"pkg/apply/kube"}, []string{"k8s.io/client-go", "k8s.io/cli-runtime"}, "only pkg/apply/kube speaks to API servers"},
	{[]string{""}, []string{"pkg/apply/charts", "pkg/apply/inject"}, []string{"istio.io/istio"}, "only pkg/apply/charts and inject know Istio's code"},
	{[]string{"pkg/apply/kube", "pkg/apply/charts"}, nil, []string{module + "/pkg/topology"}, "it knows one outside world and nothing of the mesh"},
	{[]string{"pkg/apply/kube"}, nil, []string{module + "/pkg/apply/charts"}, "it knows one outside world and nothing of the mesh"},
	{[]string{"pkg/apply/charts"}, nil, []string{module + "/pkg/apply/kube"}, "it knows one outside world and nothing of the mesh"},
}

// types and schemas of client-go that come without a client.
var harmless = map[string]bool{"k8s.io/client-go/kubernetes/scheme": true, "k8s.io/client-go/applyconfigurations": true}

// TestImportDirections reads the imports of every file that ends up in the
// binary: they point from the command line to what is pure.
func TestImportDirections(t *testing.T) {
	used := make([]bool, len(directions)) // an exception that nobody needs tests nothing
	for file, imports := range productImports(t) {
		for i, d := range directions {
			if !within(file, d.folders) {
				continue
			}
			for _, imported := range imports {
				if !within(imported, d.forbid) || harmless[imported] {
					continue
				}
				if within(file, d.except) {
					used[i] = true
					continue
				}
				t.Errorf("%s imports %s: %s", file, imported, d.because)
			}
		}
	}
	for i, d := range directions {
		if len(d.except) > 0 && !used[i] {
			t.Errorf("%v imports none of %v: does the test look in the right place?", d.except, d.forbid)
		}
	}
}

var (
	roomRow = regexp.MustCompile("(?m)^\\| `([a-z]+)` \\|.*\\| ([^|]+) \\|$")
	quoted  = regexp.MustCompile("`([a-z]+)`")
)

// TestRoomsAreAsTheTableSays holds the table of docs/architecture.md to what the rooms of pkg/apply import.
func TestRoomsAreAsTheTableSays(t *testing.T) {
	text, err := os.ReadFile("../docs/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(text), "\n| room |")
	table, _, _ = strings.Cut(table, "\n\n")
	want, got := map[string][]string{}, map[string][]string{}
	for _, row := range roomRow.FindAllStringSubmatch(table, -1) {
		for _, name := range quoted.FindAllStringSubmatch(row[2], -1) {
			want[row[1]] = append(want[row[1]], name[1])
		}
		slices.Sort(want[row[1]])
	}
	if len(want) < 15 {
		t.Fatalf("the table has %d rooms that import others", len(want))
	}
	for file, imports := range productImports(t) {
		rest, ok := strings.CutPrefix(file, "pkg/apply/")
		room, _, below := strings.Cut(rest, "/")
		if !ok || !below || room == "internal" {
			continue
		}
		for _, imported := range imports {
			own := within(imported, []string{module + "/pkg/apply/" + room})
			if name := path.Base(imported); within(imported, []string{module}) && !own && !slices.Contains(got[room], name) {
				got[room] = append(got[room], name)
			}
		}
		slices.Sort(got[room])
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("imports (-docs/architecture.md +code):\n%s", diff)
	}
}

// productImports maps the files of the module to what they import; tests and
// the other modules are left out.
func productImports(t *testing.T) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	err := filepath.WalkDir("..", func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, _ := filepath.Rel("..", file)
		name = filepath.ToSlash(name)
		if d.IsDir() {
			if name == "lab" || name == "tools" || name != "." && strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" {
				return filepath.SkipDir
			}
			return nil
		}
		if path.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, i := range f.Imports {
			imported, err := strconv.Unquote(i.Path.Value)
			if err != nil {
				return err
			}
			all[name] = append(all[name], imported)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// within says whether name is one of folders or below it.
func within(name string, folders []string) bool {
	for _, f := range folders {
		if f == "" || name == f || strings.HasPrefix(name, f+"/") {
			return true
		}
	}
	return false
}
