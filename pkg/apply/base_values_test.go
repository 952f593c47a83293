package apply

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/setup-mesh/setup-mesh/docs"
	"github.com/setup-mesh/setup-mesh/pkg/apply/charts"
	"github.com/setup-mesh/setup-mesh/pkg/jsonschema"
)

// TestBaseValuesNothingSilent sets each of the values that docs/base.schema.json knows,
// by itself: an object changes, or something is said. Where no value fits, what is said is
// in words of base.yaml, not of a template.
func TestBaseValuesNothingSilent(t *testing.T) {
	if testing.Short() {
		t.Skip("renders some hundred times")
	}
	var schema *jsonschema.Schema
	if err := json.Unmarshal(docs.BaseSchema(), &schema); err != nil {
		t.Fatal(err)
	}
	values, err := schema.Find("spec.values")
	if err != nil {
		t.Fatal(err)
	}
	renderer := charts.New()
	plain, _ := outcome(t, renderer, specWith("profile", "default"))
	for path, leaf := range leaves(schema, "values", values.Schema) {
		if strings.HasPrefix(path, "values.meshConfig.") {
			continue // all of it is in the mesh's ConfigMap
		}
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			silent := false
			for _, value := range tries(leaf) {
				got, said := outcome(t, renderer, specWith(path, value))
				if strings.Contains(got, "render chart") {
					t.Errorf("%s: %s", value, got)
				}
				if said != nil && got != plain {
					return
				}
				silent = silent || said != nil
			}
			if silent {
				t.Error("it means nothing, and nobody says so")
			}
		})
	}
}

// leaves are the settings below a place, by path.
func leaves(whole *jsonschema.Schema, path string, at *jsonschema.Schema) map[string]*jsonschema.Schema {
	at = whole.Whole(at)
	if len(at.Properties) == 0 {
		return map[string]*jsonschema.Schema{path: at}
	}
	out := map[string]*jsonschema.Schema{}
	for _, p := range at.Properties {
		for k, v := range leaves(whole, path+"."+p.Name, p.Schema) {
			out[k] = v
		}
	}
	return out
}

// tries are values of a setting, of which one is likely not to be its default.
func tries(s *jsonschema.Schema) []string {
	var out []string
	for _, one := range s.Type {
		out = append(out, map[string][]string{
			"string": {"x", "10.0.0.0/8", "80"}, "boolean": {"true", "false"}, "number": {"7"}, "integer": {"7"},
			"object": {"{a: b}"}, "array": {"[x]", "[{key: a}]"},
		}[one]...)
	}
	for _, e := range s.Enum {
		if text, ok := e.(string); ok {
			out = append(out, text)
		}
	}
	if len(out) == 0 {
		out = []string{"x", "7", "true", "{a: b}"}
	}
	return out
}

func specWith(path, value string) string {
	out := "apiVersion: install.istio.io/v1alpha1\nkind: IstioOperator\nspec:"
	keys := strings.Split(path, ".")
	for i, k := range keys {
		out += "\n" + strings.Repeat("  ", i+1) + k + ":"
	}
	return out + " " + value + "\n"
}
