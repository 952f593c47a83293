package kube

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

func service(namespace, name string) *unstructured.Unstructured {
	o := thing("v1", "Service", namespace, name, map[string]any{"spec": map[string]any{
		"type": "ClusterIP", "selector": map[string]any{"app": name}, "ports": []any{map[string]any{"name": "http", "port": int64(80)}},
	}})
	o.SetLabels(map[string]string{"app": name, "mark": "ours"})
	o.SetAnnotations(map[string]string{"mark": "ours", "note": "of the original"})
	return o
}

// TestLetGo gives up an object that somebody else manages too, or nobody: what it
// says stays, but for our marks.
func TestLetGo(t *testing.T) {
	c := live(t)
	ctx := deadline(t)
	ns := namespace(t, c)
	for name, others := range map[string][]string{"alone": nil, "shared": {"kubectl"}} {
		t.Run(name, func(t *testing.T) {
			was := apply(t, c, service(ns, name))
			ref := object.RefOf(was)
			for _, manager := range others {
				err := c.do(ctx, "patch", ref, func(r resources) error {
					_, err := r.Apply(ctx, name, service(ns, name), metav1.ApplyOptions{FieldManager: manager, Force: true})
					return err
				})
				if err != nil {
					t.Fatal(err)
				}
			}
			if err := c.LetGo(ctx, ref, "another-uid", "mark"); err != nil {
				t.Errorf("one that is another now: %v", err)
			}
			if err := c.LetGo(ctx, ref, string(was.GetUID()), "mark", "no-such-key"); err != nil {
				t.Fatal(err)
			}
			got, err := c.Get(ctx, ref)
			if err != nil {
				t.Fatal(err)
			}
			var managers []string
			for _, m := range got.GetManagedFields() {
				managers = append(managers, m.Manager)
			}
			if !slices.Equal(managers, others) {
				t.Errorf("managed by %v, want %v", managers, others)
			}
			if diff := cmp.Diff(was.Object["spec"], got.Object["spec"]); diff != "" {
				t.Errorf("spec (-before +after):\n%s", diff)
			}
			if diff := cmp.Diff(map[string]string{"app": name}, got.GetLabels()); diff != "" {
				t.Errorf("labels (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(map[string]string{"note": "of the original"}, got.GetAnnotations()); diff != "" {
				t.Errorf("annotations (-want +got):\n%s", diff)
			}
			if err := c.Delete(ctx, ref, object.DeleteOptions{}); err != nil {
				t.Fatal(err)
			}
			if err := c.LetGo(ctx, ref, string(was.GetUID())); err != nil {
				t.Errorf("one that is gone: %v", err)
			}
		})
	}
}
