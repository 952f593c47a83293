package jsonschema

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const fixture = `{
 "$ref": "#/$defs/File",
 "$defs": {
  "File": {"type": "object", "additionalProperties": false, "properties": {
   "clusters": {"oneOf": [{"type": "object", "additionalProperties": {"$ref": "#/$defs/Cluster"}}, {"type": "null"}], "description": "The clusters."},
   "addons": {"deprecated": true, "description": "Gone."},
   "labels": {"type": ["object", "null"], "additionalProperties": true},
   "gateways": {"type": "array", "items": {"$ref": "#/$defs/Cluster"}, "x-reference": "https://example.com"}
  }},
  "Cluster": {"type": "object", "description": "A cluster.", "additionalProperties": false, "properties": {
   "zone": {"type": "string"}, "area": {"type": "string"}
  }}
 }
}`

func read(t *testing.T) *Schema {
	t.Helper()
	var s *Schema
	if err := json.Unmarshal([]byte(fixture), &s); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestFind(t *testing.T) {
	type answer struct{ Path, Description, Reference, Err string }
	tests := map[string]struct {
		path string
		want answer
	}{
		"the whole file":                    {"", answer{}},
		"words beside a choice":             {"clusters", answer{Path: "clusters", Description: "The clusters."}},
		"a name of the user's":              {"clusters.east", answer{Path: "clusters.east", Description: "A cluster."}},
		"a name with dots":                  {"clusters.a.b.zone", answer{Path: "clusters.a.b.zone"}},
		"a misspelt key below a name":       {"clusters.east.zon", answer{Err: `there is no key "zon" below clusters.east`}},
		"a label with dots":                 {"labels.example.com/a", answer{Path: "labels.example.com/a"}},
		"a key below what is gone":          {"addons.web.enabled", answer{Path: "addons.web.enabled", Description: "Gone."}},
		"an item by name":                   {"gateways[name=a.b].zone", answer{Path: "gateways.zone", Reference: "https://example.com"}},
		"an item without a name":            {"gateways.zone", answer{Path: "gateways.zone", Reference: "https://example.com"}},
		"a key that is not there":           {"networks", answer{Err: `there is no key "networks"`}},
		"a bracket that nobody closes":      {"gateways[name", answer{Err: `there is no key "gateways[name"`}},
		"a key below a value without any":   {"gateways.zone.x", answer{Err: `there is no key "x" below gateways.zone`}},
		"nothing between two dots is a key": {"gateways..zone", answer{Err: `there is no key "" below gateways`}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			p, err := read(t).Find(tt.path)
			got := answer{Path: p.Path, Reference: p.Reference}
			if err != nil {
				got.Err = err.Error()
			} else {
				got.Description = p.Schema.Description
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestEncode: what is written is what was read, with keys in their order.
func TestEncode(t *testing.T) {
	s := read(t)
	data, err := s.Encode()
	if err != nil {
		t.Fatal(err)
	}
	var again *Schema
	if err := json.Unmarshal(data, &again); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(s, again); diff != "" {
		t.Errorf("(-read +written and read):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"zone", "area"}, again.Defs["Cluster"].Properties.Names()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestEnding looks below what the file's schema, and each key's, refer to.
func TestEnding(t *testing.T) {
	s := read(t)
	s.Defs["File"].Properties.Set("spare", &Schema{Ref: "#/$defs/Cluster"})
	for key, want := range map[string][]string{"gateways": {"gateways"}, "zone": {"spare.zone"}, "none": nil} {
		if diff := cmp.Diff(want, s.Ending(key)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", key, diff)
		}
	}
}
