package plan

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/setup-mesh/setup-mesh/pkg/apply/compare"
	"github.com/setup-mesh/setup-mesh/pkg/topology"
	"github.com/setup-mesh/setup-mesh/pkg/topology/manifest"
)

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
	made, _ := manifest.New(m, b, m.Clusters[0], manifest.Release{Hub: "docker.io/istio", Tag: "1.31.0"})
	tests := map[string]struct {
		before func(spec map[string]any) // changes what was applied
		want   []compare.Field
	}{
		"a record read back is the same": {},
		"an edit of an overlay": {
			before: func(spec map[string]any) {
				spec["values"].(map[string]any)["pilot"].(map[string]any)["traceSampling"] = 1
			},
			want: []compare.Field{{Path: "spec.values.pilot.traceSampling", Old: 1.0, New: 10.0, Source: "topology.yaml:7:24"}},
		},
		"an edit of the base": {
			before: func(spec map[string]any) { spec["profile"] = "default" },
			want:   []compare.Field{{Path: "spec.profile", Old: "default", New: "minimal", Source: "base.yaml:4:3"}},
		},
		"a subtree came": {
			before: func(spec map[string]any) { delete(spec, "meshConfig") },
			want:   []compare.Field{{Path: "spec.meshConfig", New: compare.PlainJSON(made.Spec["meshConfig"]), Source: "base.yaml:5:3"}},
		},
		"a value went: it is the profile's again": {
			before: func(spec map[string]any) { spec["revision"] = "canary" },
			want:   []compare.Field{{Path: "spec.revision", Old: "canary", Source: "profile"}},
		},
		"a new release of ours": {
			before: func(spec map[string]any) { spec["tag"] = "1.30.0" },
			want:   []compare.Field{{Path: "spec.tag", Old: "1.30.0", New: "1.31.0", Source: "setup-mesh"}},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			applied := compare.PlainJSON(made.Spec).(map[string]any)
			if tt.before != nil {
				tt.before(applied)
			}
			if diff := cmp.Diff(tt.want, ManifestFields(applied, made)); diff != "" {
				t.Errorf("fields (-want +got):\n%s", diff)
			}
		})
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
			var changed []compare.Field
			for _, p := range tt.paths {
				changed = append(changed, compare.Field{Path: p})
			}
			if diff := cmp.Diff(tt.want, ChangedBy(o, changed)); diff != "" {
				t.Errorf("changedBy (-want +got):\n%s", diff)
			}
		})
	}
}
