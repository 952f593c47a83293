package apply

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/setup-mesh/setup-mesh/pkg/topology"
	"github.com/setup-mesh/setup-mesh/pkg/topology/manifest"
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
			if got := holds(fromJSON(t, tt.want), fromJSON(t, tt.live)); got != tt.holds {
				t.Errorf("holds(%s, %s) = %v", tt.want, tt.live, got)
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
			if diff := cmp.Diff(tt.want, fields(live, dry)); diff != "" {
				t.Errorf("fields (-want +got):\n%s", diff)
			}
		})
	}
}

func TestManifestFields(t *testing.T) {
	const topologyFile = "mesh_id: m\ncontexts:\n  kind-a:\n    network: n\n    name: a\n    overlay:\n      values: {pilot: {traceSampling: 10}}\n"
	const baseFile = "apiVersion: install.istio.io/v1alpha2\nkind: IstioControlPlane\nspec:\n  profile: minimal\n  meshConfig:\n    accessLogFile: /dev/stdout\n"
	m, err := topology.ParseMesh("topology.yaml", []byte(topologyFile), nil)
	if err != nil {
		t.Fatal(err)
	}
	b, err := manifest.ParseBase("base.yaml", []byte(baseFile))
	if err != nil {
		t.Fatal(err)
	}
	manifest, _ := manifest.New(m, b, m.Clusters[0], manifest.Release{Hub: "docker.io/istio", Tag: "1.31.0"})
	tests := map[string]struct {
		before func(spec map[string]any) // changes what was applied
		want   []Field
	}{
		"a record read back is the same": {},
		"an edit of an overlay": {
			before: func(spec map[string]any) {
				spec["values"].(map[string]any)["pilot"].(map[string]any)["traceSampling"] = 1
			},
			want: []Field{{Path: "spec.values.pilot.traceSampling", Old: 1.0, New: 10.0, Source: "topology.yaml:7:24"}},
		},
		"an edit of the base": {
			before: func(spec map[string]any) { spec["profile"] = "default" },
			want:   []Field{{Path: "spec.profile", Old: "default", New: "minimal", Source: "base.yaml:4:3"}},
		},
		"a subtree came": {
			before: func(spec map[string]any) { delete(spec, "meshConfig") },
			want:   []Field{{Path: "spec.meshConfig", New: plainJSON(manifest.Spec["meshConfig"]), Source: "base.yaml:5:3"}},
		},
		"a value went: no line has it": {
			before: func(spec map[string]any) { spec["revision"] = "canary" },
			want:   []Field{{Path: "spec.revision", Old: "canary"}},
		},
		"a new release of ours": {
			before: func(spec map[string]any) { spec["tag"] = "1.30.0" },
			want:   []Field{{Path: "spec.tag", Old: "1.30.0", New: "1.31.0"}},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			applied := plainJSON(manifest.Spec).(map[string]any)
			if tt.before != nil {
				tt.before(applied)
			}
			if diff := cmp.Diff(tt.want, manifestFields(applied, manifest)); diff != "" {
				t.Errorf("fields (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSegments(t *testing.T) {
	tests := map[string][]string{
		"spec.type":                            {"spec", "type"},
		"spec.containers[name=a].image":        {"spec", "containers", "*", "image"},
		"metadata.labels[app.kubernetes.io/x]": {"metadata", "labels", "app.kubernetes.io/x"},
		"data[a.b][c=d][e.f]":                  {"data", "a.b", "*", "e.f"},
		"":                                     nil,
		"broken[":                              {"broken"},
	}
	for path, want := range tests {
		if diff := cmp.Diff(want, segments(path)); diff != "" {
			t.Errorf("segments(%q) (-want +got):\n%s", path, diff)
		}
	}
}

func TestChangedBy(t *testing.T) {
	const (
		replicas = `{"f:spec":{"f:replicas":{}}}`
		image    = `{"f:spec":{"f:containers":{"k:{\"name\":\"a\"}":{".":{},"f:name":{},"f:image":{}}}}}`
		label    = `{"f:metadata":{"f:labels":{"f:app.kubernetes.io/x":{}}}}`
	)
	entry := func(manager, owns string) metav1.ManagedFieldsEntry {
		return metav1.ManagedFieldsEntry{Manager: manager, FieldsV1: metav1.NewFieldsV1(owns)}
	}
	status := entry("kubelet", replicas)
	status.Subresource = "status"
	tests := map[string]struct {
		managed []metav1.ManagedFieldsEntry
		paths   []string
		want    []string
	}{
		"who owns the field":            {[]metav1.ManagedFieldsEntry{entry("a", replicas), entry("b", image)}, []string{"spec.replicas"}, []string{"a"}},
		"who owns one of an element":    {[]metav1.ManagedFieldsEntry{entry("a", replicas), entry("b", image)}, []string{"spec.containers[name=a].image"}, []string{"b"}},
		"who owns a label":              {[]metav1.ManagedFieldsEntry{entry("a", label)}, []string{"metadata.labels[app.kubernetes.io/x]"}, []string{"a"}},
		"who owns something below":      {[]metav1.ManagedFieldsEntry{entry("a", replicas)}, []string{"spec"}, []string{"a"}},
		"each once":                     {[]metav1.ManagedFieldsEntry{entry("a", replicas), entry("a", image)}, []string{"spec.replicas", "spec.containers[name=a].image"}, []string{"a"}},
		"not we ourselves":              {[]metav1.ManagedFieldsEntry{entry("setup-mesh", replicas)}, []string{"spec.replicas"}, nil},
		"not who reports a status":      {[]metav1.ManagedFieldsEntry{status}, []string{"spec.replicas"}, nil},
		"not who owns something else":   {[]metav1.ManagedFieldsEntry{entry("a", label)}, []string{"spec.replicas"}, nil},
		"an entry that makes no sense":  {[]metav1.ManagedFieldsEntry{entry("a", `"x"`), {Manager: "b"}}, []string{"spec.replicas"}, nil},
		"nobody where nothing differs":  {[]metav1.ManagedFieldsEntry{entry("a", replicas)}, nil, nil},
		"an element that is not listed": {[]metav1.ManagedFieldsEntry{entry("a", `{"f:spec":{"f:args":{}}}`)}, []string{"spec.args[name=x]"}, []string{"a"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			o := &unstructured.Unstructured{Object: map[string]any{}}
			o.SetManagedFields(tt.managed)
			var changed []Field
			for _, p := range tt.paths {
				changed = append(changed, Field{Path: p})
			}
			if diff := cmp.Diff(tt.want, changedBy(o, changed)); diff != "" {
				t.Errorf("changedBy (-want +got):\n%s", diff)
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
