package topology_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/setup-mesh/setup-mesh/pkg/topology"
)

func TestDiff(t *testing.T) {
	type change = topology.FieldChange
	tests := map[string]struct {
		old, new string // JSON
		want     []change
	}{
		"nothing changed": {`{"values": {"a": [1, {"b": null}]}}`, `{"values": {"a": [1, {"b": null}]}}`, nil},
		"a value changes": {
			`{"values": {"pilot": {"traceSampling": 1}}}`, `{"values": {"pilot": {"traceSampling": 10}}}`,
			[]change{{Path: "spec.values.pilot.traceSampling", Old: 1.0, New: 10.0}},
		},
		"a subtree comes and another goes, sorted by path": {
			`{"b": {"c": 1}}`, `{"a": {"x": true, "y": "z"}}`,
			[]change{{Path: "spec.a.x", New: true}, {Path: "spec.a.y", New: "z"}, {Path: "spec.b.c", Old: 1.0}},
		},
		"items with names are followed when they move": {
			`{"env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]}`,
			`{"env": [{"name": "B", "value": "3"}, {"name": "A", "value": "1"}]}`,
			[]change{{Path: "spec.env[name=B].value", Old: "2", New: "3"}},
		},
		"items without names are compared by position": {
			`{"l": ["a", "b"]}`, `{"l": ["b"]}`,
			[]change{{Path: "spec.l[0]", Old: "a", New: "b"}, {Path: "spec.l[1]", Old: "b"}},
		},
		"two items of one name are compared by position": {
			`{"l": [{"name": "a"}, {"name": "a"}]}`, `{"l": [{"name": "a"}]}`,
			[]change{{Path: "spec.l[0].name", Old: "a"}, {Path: "spec.l[1].name", Old: "a"}, {Path: "spec.l[name=a].name", New: "a"}},
		},
		"null is not absent": {
			`{"values": {}}`, `{"values": {"proxy": null}}`,
			[]change{{Path: "spec.values", Old: map[string]any{}}, {Path: "spec.values.proxy", New: topology.Null{}}},
		},
		"text is no number": {
			`{"a": "1"}`, `{"a": 1}`, []change{{Path: "spec.a", Old: "1", New: 1.0}},
		},
		"an empty spec": {`{}`, `{"profile": "demo"}`, []change{{Path: "spec.profile", New: "demo"}}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var old, new map[string]any
			if err := json.Unmarshal([]byte(tt.old), &old); err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal([]byte(tt.new), &new); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, topology.Diff(old, new)); diff != "" {
				t.Errorf("Diff (-want +got):\n%s", diff)
			}
		})
	}
}

// TestDiffAfterRoundTrip writes a manifest's spec as JSON and reads it back, as
// the record in a cluster does.
func TestDiffAfterRoundTrip(t *testing.T) {
	m, b := parseBoth(t, []byte(twoNetworks), []byte(smallBase))
	manifest, _ := m.Manifest(b, m.Clusters[0], release)
	data, err := json.Marshal(manifest.Spec)
	if err != nil {
		t.Fatal(err)
	}
	var back map[string]any
	if err := json.Unmarshal(data, &back); err != nil {
		t.Fatal(err)
	}
	if changes := topology.Diff(back, manifest.Spec); len(changes) != 0 {
		t.Errorf("Diff = %v, want none", changes)
	}
}
