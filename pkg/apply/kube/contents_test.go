package kube

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

// TestContents asks a real API server, which has a kind of ours.
func TestContents(t *testing.T) {
	c := live(t)
	ctx := deadline(t)
	name := "things.contents.example.com"
	crd := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": map[string]any{"name": name},
		"spec": map[string]any{
			"group": "contents.example.com", "scope": "Namespaced", "names": map[string]any{"kind": "Thing", "plural": "things"},
			"versions": []any{map[string]any{"name": "v1", "served": true, "storage": true, "schema": map[string]any{
				"openAPIV3Schema": map[string]any{"type": "object"},
			}}},
		},
	}}
	apply(t, c, crd)
	defer func() {
		if err := c.Delete(ctx, object.RefOf(crd), object.DeleteOptions{}); err != nil {
			t.Errorf("clean up: %v", err)
		}
	}()
	err := c.Wait(ctx, object.RefOf(crd), func(o *unstructured.Unstructured) (bool, string) {
		conditions, _, _ := unstructured.NestedSlice(o.Object, "status", "conditions")
		return slices.ContainsFunc(conditions, func(e any) bool {
			m, _ := e.(map[string]any)
			return m["type"] == "Established" && m["status"] == "True"
		}), "not established"
	})
	if err != nil {
		t.Fatal(err)
	}
	thing := schema.GroupKind{Group: "contents.example.com", Kind: "Thing"}
	var kinds []schema.GroupKind
	for !slices.Contains(kinds, thing) { // discovery follows a CRD after a moment
		if kinds, err = c.Contents(ctx); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []schema.GroupKind{
		{Kind: "Service"}, {Kind: "Pod"}, {Group: "apps", Kind: "Deployment"},
		{Group: "networking.k8s.io", Kind: "NetworkPolicy"}, {Group: "autoscaling", Kind: "HorizontalPodAutoscaler"},
	} {
		if !slices.Contains(kinds, want) {
			t.Errorf("%v is missing", want)
		}
	}
	for _, k := range kinds {
		if k.Kind == "Namespace" || k.Kind == "Node" || k.Kind == "ClusterRole" || k.Kind == "LocalSubjectAccessReview" {
			t.Errorf("%v is no content of a namespace", k)
		}
	}
	before := c.Requests()
	if _, err := c.List(ctx, thing, "default", ""); err != nil {
		t.Error(err)
	}
	if n := c.Requests() - before; n != 1 {
		t.Errorf("%d requests for a list of what is known now", n)
	}
}

func TestGroupContents(t *testing.T) {
	const both = `"verbs":["list","delete"]`
	tests := map[string]struct {
		in      string
		want    []string
		wantErr string
	}{
		"the preferred version": {
			in: `{"metadata":{"name":"g"},"versions":[
				{"version":"v2","resources":[{"resource":"as","responseKind":{"kind":"A"},"scope":"Namespaced",` + both + `}]},
				{"version":"v1","resources":[{"resource":"as","responseKind":{"kind":"A"},"scope":"Namespaced",` + both + `},{"resource":"bs","responseKind":{"kind":"B"},"scope":"Namespaced",` + both + `}]}]}`,
			want: []string{"A.g", "B.g"},
		},
		"what belongs to no namespace, cannot be listed or cannot be deleted": {
			in: `{"versions":[{"version":"v1","resources":[
				{"resource":"as","responseKind":{"kind":"A"},"scope":"Cluster",` + both + `},
				{"resource":"bs","responseKind":{"kind":"B"},"scope":"Namespaced","verbs":["list"]},
				{"resource":"cs","responseKind":{"kind":"C"},"scope":"Namespaced","verbs":["create"]}]}]}`,
		},
		"an API that is down": {
			in:      `{"metadata":{"name":"metrics.k8s.io"},"versions":[{"version":"v1beta1","freshness":"Stale"}]}`,
			wantErr: "the aggregated API metrics.k8s.io/v1beta1 does not answer",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var g group
			if err := json.Unmarshal([]byte(tt.in), &g); err != nil {
				t.Fatal(err)
			}
			kinds, err := g.contents()
			var got []string
			for _, k := range kinds {
				got = append(got, k.String())
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("kinds (-want +got):\n%s", diff)
			}
			if message := errorText(err); message != tt.wantErr {
				t.Errorf("error %q, want %q", message, tt.wantErr)
			}
		})
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
