package apply

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"github.com/setup-mesh/setup-mesh/pkg/apply/charts"
	"github.com/setup-mesh/setup-mesh/pkg/topology"
)

// TestBaseNothingSilent takes each setting out of each case, and gives it another
// value. Where no object changes either way, somebody has to have said so.
func TestBaseNothingSilent(t *testing.T) {
	if testing.Short() {
		t.Skip("renders some hundred times")
	}
	files, err := filepath.Glob("testdata/base-cases/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	renderer := charts.New()
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			t.Parallel()
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			whole, said := outcome(t, renderer, string(data))
			if said == nil {
				return // refused
			}
			for i, s := range settings(t, data) {
				if slices.ContainsFunc(said, s.isIn) {
					continue
				}
				without, _ := outcome(t, renderer, variant(t, data, i, nil))
				changed, _ := outcome(t, renderer, variant(t, data, i, otherValue))
				if without == whole && changed == whole {
					t.Errorf("%s means nothing, and nobody says so", s.path)
				}
			}
		})
	}
}

// A setting is a plain value in a document, and where it stands.
type setting struct {
	path   string
	parent *yaml.Node
	at     int // of the value in parent's content
}

// isIn says whether a sentence about a place is about a setting: about something that
// it is in, or about its line by the name of something that it is in.
func (s setting) isIn(p topology.Problem) bool {
	if s.path == p.Path || strings.HasPrefix(s.path, p.Path+".") {
		return true
	}
	return s.parent.Content[s.at].Line == p.Line && slices.ContainsFunc(strings.Split(s.path, "."), func(key string) bool {
		return strings.Contains(p.Message, "."+key+" ")
	})
}

func settings(t *testing.T, data []byte) []setting {
	t.Helper()
	var doc yaml.Node
	if err := yaml.Unmarshal(data, &doc); err != nil {
		t.Fatal(err)
	}
	return settingsOf(&doc)
}

// settingsOf are those below spec: what is beside it is the document's own.
func settingsOf(doc *yaml.Node) []setting {
	var out []setting
	var walk func(path string, n *yaml.Node)
	walk = func(path string, n *yaml.Node) {
		step := 1
		if n.Kind == yaml.MappingNode {
			step = 2
		}
		for i := step - 1; i < len(n.Content); i += step {
			name := fmt.Sprintf("%s[%d]", path, i)
			if n.Kind == yaml.MappingNode {
				name = path + "." + n.Content[i-1].Value
			} else if own := nameOf(n.Content[i]); own != "" {
				name = path + "[name=" + own + "]"
			}
			if n.Content[i].Kind == yaml.ScalarNode {
				out = append(out, setting{name, n, i})
			} else {
				walk(name, n.Content[i])
			}
		}
	}
	for i, k := range doc.Content[0].Content {
		if i%2 == 0 && k.Value == "spec" {
			walk("spec", doc.Content[0].Content[i+1])
		}
	}
	return out
}

func nameOf(n *yaml.Node) string {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Kind == yaml.MappingNode && n.Content[i].Value == "name" {
			return n.Content[i+1].Value
		}
	}
	return ""
}

// variant is the document with one setting changed, or without it.
func variant(t *testing.T, data []byte, i int, change func(*yaml.Node)) string {
	t.Helper()
	var doc yaml.Node
	if err := yaml.Unmarshal(data, &doc); err != nil {
		t.Fatal(err)
	}
	s := settingsOf(&doc)[i]
	switch {
	case change != nil:
		change(s.parent.Content[s.at])
	case s.parent.Kind == yaml.MappingNode:
		s.parent.Content = slices.Delete(s.parent.Content, s.at-1, s.at+1)
	default:
		s.parent.Content = slices.Delete(s.parent.Content, s.at, s.at+1)
	}
	out, err := yaml.Marshal(&doc)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func otherValue(n *yaml.Node) {
	switch n.Tag {
	case "!!bool":
		n.Value = map[string]string{"true": "false", "false": "true"}[n.Value]
	case "!!int":
		n.Value += "1"
	case "!!null":
		n.Tag, n.Value = "!!str", "x"
	default:
		n.Value = "x" + n.Value
	}
}

// outcome is what a base.yaml renders to and what is said of it, without lines; and
// the same with them, nil where it is refused.
func outcome(t *testing.T, r *charts.Renderer, base string) (string, topology.Problems) {
	t.Helper()
	d, decisions, err := desiredOf(t, r, twoClusters, base)
	if err != nil {
		return "refused " + err.Error(), nil
	}
	said := slices.Clone(d.Warnings)
	for _, n := range decisions {
		said = append(said, n.Problem)
	}
	var all []string
	for _, p := range said {
		all = append(all, p.Path+" "+p.Message)
	}
	for _, it := range d.Clusters[0].Items {
		all = append(all, it.Ref.String()+" "+it.Hash)
	}
	slices.Sort(all)
	return strings.Join(all, "\n"), append(topology.Problems{}, said...)
}
