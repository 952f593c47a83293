package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"gopkg.in/yaml.v3"

	"github.com/setup-mesh/setup-mesh/pkg/topology"
)

const (
	sources = "../file"
	docs    = "../../../../docs"
)

// TestDocsAreCurrent compares what is checked in with what would be generated.
func TestDocsAreCurrent(t *testing.T) {
	pages, err := render(sources)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range pages {
		got, err := os.ReadFile(filepath.Join(docs, name))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(got)); diff != "" {
			t.Errorf("docs/%s is out of date: go generate ./pkg/topology/... (-generated +checked in):\n%s", name, diff)
		}
	}
}

// beyond lists the invalid test data that the schema cannot know to be wrong:
// what lies in the writing rather than in the values, and what holds between
// values.
var beyond = map[string]bool{
	"invalid-aliases-tags-and-merge-keys":      true,
	"invalid-context-name-steers-the-terminal": true,
	"invalid-duplicate-cluster-names":          true,
	"invalid-namespaces-differ":                true,
	"invalid-text-direction-changed":           true,
	"invalid-two-documents":                    true,
}

// stricter lists the valid test data that the schema refuses: YAML reads a number
// or a boolean where setup-mesh takes the text as written, and an editor may well
// ask for quotes there; or a key has no value yet.
var stricter = map[string]bool{
	"valid-names-that-yaml-would-change": true,
	"valid-null-is-absent":               true,
}

// TestSchema judges the parser's test data by the schema.
func TestSchema(t *testing.T) {
	s := compile(t)
	files, err := filepath.Glob("../../testdata/topology/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no test data: %v", err)
	}
	for _, name := range files {
		base := strings.TrimSuffix(filepath.Base(name), ".yaml")
		t.Run(base, func(t *testing.T) {
			data, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			var value any
			if err := yaml.Unmarshal(data, &value); err != nil {
				return // no YAML, so nothing for a schema
			}
			err = s.Validate(value)
			want := strings.HasPrefix(base, "valid-") && !stricter[base] || beyond[base]
			if got := err == nil; got != want {
				t.Errorf("the schema accepts it: %v, want %v\n%v", got, want, err)
			}
		})
	}
}

// TestSchemaAcceptsTheTemplate: an editor marks nothing in what prep writes.
func TestSchemaAcceptsTheTemplate(t *testing.T) {
	var value any
	if err := yaml.Unmarshal(topology.Template("mymeshname"), &value); err != nil {
		t.Fatal(err)
	}
	if err := compile(t).Validate(value); err != nil {
		t.Error(err)
	}
}

func compile(t *testing.T) *jsonschema.Schema {
	t.Helper()
	c := jsonschema.NewCompiler()
	for _, name := range []string{"topology.schema.json", "base.schema.json"} {
		data, err := os.ReadFile(filepath.Join(docs, name))
		if err != nil {
			t.Fatal(err)
		}
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		if err := c.AddResource(name, doc); err != nil {
			t.Fatal(err)
		}
	}
	s, err := c.Compile("topology.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}
