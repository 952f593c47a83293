package compare

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// fromJSON is JSON as an API server's client yields it: whole numbers are int64.
func fromJSON(t *testing.T, text string) any {
	t.Helper()
	var o unstructured.Unstructured
	if err := o.UnmarshalJSON([]byte(`{"apiVersion": "v1", "kind": "Test", "it": ` + text + `}`)); err != nil {
		t.Fatal(err)
	}
	return o.Object["it"]
}

func TestHolds(t *testing.T) {
	tests := map[string]struct {
		want, live string
		holds      bool
	}{
		"the same":                               {`{"a": {"b": 1}}`, `{"a": {"b": 1}}`, true},
		"more in live":                           {`{"a": 1}`, `{"a": 1, "b": 2}`, true},
		"less in live":                           {`{"a": 1, "b": 2}`, `{"a": 1}`, false},
		"another value":                          {`{"a": 1}`, `{"a": 2}`, false},
		"nothing where something is":             {`{}`, `{"a": 1}`, true},
		"a value where an object is wanted":      {`{"a": {}}`, `{"a": 1}`, false},
		"a value where a list is wanted":         {`{"a": []}`, `{"a": 1}`, false},
		"two notations of a quantity":            {`{"memory": "2048Mi"}`, `{"memory": "2Gi"}`, true},
		"two quantities":                         {`{"memory": "2048Mi"}`, `{"memory": "2G"}`, false},
		"a quantity written as a number":         {`{"cpu": 1}`, `{"cpu": "1000m"}`, true},
		"a text that looks like a quantity":      {`{"REPLICAS": "1"}`, `{"REPLICAS": "1000m"}`, false},
		"null is wanted and there":               {`{"a": null}`, `{"a": null}`, true},
		"null is wanted and absent":              {`{"a": null}`, `{}`, false},
		"the same list":                          {`["a", "b"]`, `["a", "b"]`, true},
		"a list in another order":                {`["a", "b"]`, `["b", "a"]`, false},
		"a longer list":                          {`["a"]`, `["a", "b"]`, false},
		"elements by name, in another order":     {`[{"name": "a", "v": 1}, {"name": "b"}]`, `[{"name": "b"}, {"name": "a", "v": 1, "x": 2}]`, true},
		"an element by name with another value":  {`[{"name": "a", "v": 1}]`, `[{"name": "a", "v": 2}]`, false},
		"an element by name is missing":          {`[{"name": "a"}, {"name": "b"}]`, `[{"name": "a"}, {"name": "c"}]`, false},
		"one more element: the server must tell": {`[{"kind": "User", "name": "a"}]`, `[{"kind": "User", "name": "a"}, {"kind": "User", "name": "mallory"}]`, false},
		"elements without a key of their own":    {`[{"verbs": ["get"]}]`, `[{"verbs": ["get"]}]`, true},
		"such elements in another order":         {`[{"verbs": ["get"]}, {"verbs": ["list"]}]`, `[{"verbs": ["list"]}, {"verbs": ["get"]}]`, false},
		"no more elements":                       {`[]`, `[]`, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := Holds(fromJSON(t, tt.want), fromJSON(t, tt.live)); got != tt.holds {
				t.Errorf("Holds(%s, %s) = %v", tt.want, tt.live, got)
			}
		})
	}
}

func TestListKey(t *testing.T) {
	tests := map[string]struct{ list, want string }{
		"names":                          {`[{"name": "a"}, {"name": "b"}]`, "name"},
		"two of one name, but two ports": {`[{"name": "a", "port": 1}, {"name": "a", "port": 2}]`, "port"},
		"a name is missing":              {`[{"name": "a", "key": "x"}, {"key": "y"}]`, "key"},
		"types":                          {`[{"type": "Resource"}, {"type": "Pods"}]`, "type"},
		"a key that is an object":        {`[{"port": {"number": 1}}]`, ""},
		"all alike":                      {`[{"name": "a"}, {"name": "a"}]`, ""},
		"no objects":                     {`["a", "b"]`, ""},
		"some objects":                   {`[{"name": "a"}, "b"]`, ""},
		"empty":                          {`[]`, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := listKey(fromJSON(t, tt.list).([]any)); got != tt.want {
				t.Errorf("listKey(%s) = %q, want %q", tt.list, got, tt.want)
			}
		})
	}
}

func TestFields(t *testing.T) {
	tests := map[string]struct {
		live, dry string
		want      []Field
	}{
		"what the server keeps is no difference": {
			live: `{"metadata": {"name": "x", "resourceVersion": "1", "generation": 1, "managedFields": [{"manager": "a"}]}, "status": {"a": 1}, "spec": {"a": 1}}`,
			dry:  `{"metadata": {"name": "x", "resourceVersion": "1", "generation": 2, "managedFields": [{"manager": "b"}]}, "spec": {"a": 1}}`,
		},
		"nor is how often it has seen another template of a DaemonSet": {
			live: `{"metadata": {"annotations": {"deprecated.daemonset.template.generation": "2", "x": "1"}}, "spec": {"a": 1}}`,
			dry:  `{"metadata": {"annotations": {"deprecated.daemonset.template.generation": "3", "x": "1"}}, "spec": {"a": 2}}`,
			want: []Field{{Path: "spec.a", Old: int64(1), New: int64(2)}},
		},
		"labels and annotations are": {
			live: `{"metadata": {"labels": {"a.b/c": "1"}, "annotations": {"x": "1"}}}`,
			dry:  `{"metadata": {"labels": {"a.b/c": "2"}}}`,
			want: []Field{{Path: "metadata.annotations", Old: map[string]any{"x": "1"}}, {Path: "metadata.labels[a.b/c]", Old: "1", New: "2"}},
		},
		"sorted by path, subtrees whole": {
			live: `{"spec": {"z": 1, "old": {"a": 1, "b": 2}}}`,
			dry:  `{"spec": {"z": 2, "a": {"b": {"c": 1}}}}`,
			want: []Field{
				{Path: "spec.a", New: map[string]any{"b": map[string]any{"c": int64(1)}}},
				{Path: "spec.old", Old: map[string]any{"a": int64(1), "b": int64(2)}},
				{Path: "spec.z", Old: int64(1), New: int64(2)},
			},
		},
		"elements by name": {
			live: `{"spec": {"containers": [{"name": "a", "image": "x:1"}, {"name": "b"}]}}`,
			dry:  `{"spec": {"containers": [{"name": "b"}, {"name": "a", "image": "x:2"}]}}`,
			want: []Field{{Path: "spec.containers[name=a].image", Old: "x:1", New: "x:2"}},
		},
		"a list without names is one value": {
			live: `{"spec": {"args": ["a", "b"]}}`,
			dry:  `{"spec": {"args": ["b"]}}`,
			want: []Field{{Path: "spec.args", Old: []any{"a", "b"}, New: []any{"b"}}},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			live := &unstructured.Unstructured{Object: fromJSON(t, tt.live).(map[string]any)}
			dry := &unstructured.Unstructured{Object: fromJSON(t, tt.dry).(map[string]any)}
			if diff := cmp.Diff(tt.want, Fields(live, dry)); diff != "" {
				t.Errorf("fields (-want +got):\n%s", diff)
			}
		})
	}
}

// A plan's differences are stored as JSON; they must not change by it.
func TestFieldJSON(t *testing.T) {
	in := []Field{{Path: "spec.a", Old: nil, New: false}, {Path: "spec.b", Old: "x", New: nil, Source: "base.yaml:1:2"}}
	b, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	var out []Field
	if err := json.Unmarshal(b, &out); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(in, out); diff != "" {
		t.Errorf("after a round trip (-want +got):\n%s", diff)
	}
}
