package applytest_test

import (
	"errors"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/setup-mesh/setup-mesh/pkg/apply/applytest"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

// How long things live.
var lifeClaims = map[string]claim{
	"nothing is made in a namespace that is absent or ending": func(t *testing.T, s subject) {
		o := s.config("a", nil)
		o.SetNamespace(s.ns + "-no")
		_, err := s.Apply(s.ctx, o, object.ApplyOptions{})
		is(t, err, object.NotFound, `namespaces "`+s.ns+`-no" not found`)
		held := s.config("held", nil)
		held.SetFinalizers([]string{"example.com/held"})
		s.apply(t, held)
		kept := s.apply(t, s.config("kept", nil))
		if err := s.Delete(s.ctx, object.NamespaceRef(s.ns), object.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
		_, err = s.Apply(s.ctx, s.config("a", nil), object.ApplyOptions{})
		is(t, err, object.Terminating, "because it is being terminated")
		if got := nested(s.get(t, object.NamespaceRef(s.ns)), "status", "phase"); got != "Terminating" {
			t.Errorf("phase %v", got)
		}
		gone := func(o *unstructured.Unstructured) (bool, string) { return o == nil, "there" }
		if err := s.Wait(s.ctx, object.RefOf(kept), gone); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Get(s.ctx, object.NamespaceRef(s.ns)); err != nil {
			t.Fatalf("the namespace did not wait for what is held: %v", err)
		}
		if err := s.edit("kubectl", object.RefOf(held), func(o *unstructured.Unstructured) { o.SetFinalizers(nil) }); err != nil {
			t.Fatal(err)
		}
		if err := s.Wait(s.ctx, object.NamespaceRef(s.ns), gone); err != nil {
			t.Fatal(err)
		}
	},
	"a kind without a CRD is absent": func(t *testing.T, s subject) {
		ref := object.Ref{Group: "no.such.group", Kind: "Thing", Namespace: s.ns, Name: "a"}
		_, err := s.Get(s.ctx, ref)
		is(t, err, object.NotFound, "the server has no kind Thing in no.such.group")
		if !errors.Is(err, object.ErrNoKind) || !errors.Is(err, object.ErrNotFound) {
			t.Errorf("got %v", err)
		}
		_, err = s.List(s.ctx, ref.GroupKind(), "", "")
		is(t, err, object.NotFound, "")
		_, err = s.Apply(s.ctx, object.New("no.such.group/v1", "Thing", s.ns, "a", nil, nil), object.ApplyOptions{})
		is(t, err, object.NotFound, "")
		if err := s.Delete(s.ctx, ref, object.DeleteOptions{}); err != nil {
			t.Error(err)
		}
		if err := s.Wait(s.ctx, ref, func(o *unstructured.Unstructured) (bool, string) { return o == nil, "" }); err != nil {
			t.Error(err)
		}
	},
	"a kind lives as long as its CRD, and its objects with it": func(t *testing.T, s subject) {
		kind := schema.GroupKind{Group: s.ns + ".example.com", Kind: "Widget"}
		crd := applytest.CRD(kind, "v1")
		s.apply(t, crd)
		ref := object.Ref{Group: kind.Group, Kind: kind.Kind, Namespace: s.ns, Name: "w"}
		widget := object.New(kind.Group+"/v1", kind.Kind, s.ns, "w", nil, map[string]any{"spec": map[string]any{"list": []any{"a", "b"}, "map": map[string]any{"x": int64(1)}}})
		established := func(o *unstructured.Unstructured) (bool, string) {
			for _, c := range asList(nested(o, "status", "conditions")) {
				if m := c.(map[string]any); m["type"] == "Established" && m["status"] == "True" {
					return true, ""
				}
			}
			return false, "not established"
		}
		if err := s.Wait(s.ctx, object.RefOf(crd), established); err != nil {
			t.Fatal(err)
		}
		var first *unstructured.Unstructured
		for {
			var err error
			if first, err = s.Apply(s.ctx, widget, object.ApplyOptions{}); err == nil {
				break
			}
			if !errors.Is(err, object.ErrNoKind) {
				t.Fatal(err)
			}
		}
		equal(t, int64(1), first.GetGeneration())
		if err := s.edit("kubectl", ref, func(o *unstructured.Unstructured) {
			_ = unstructured.SetNestedField(o.Object, int64(2), "spec", "map", "y")
		}); err != nil {
			t.Fatal(err)
		}
		out := s.apply(t, widget)
		equal(t, map[string]any{"x": int64(1), "y": int64(2)}, nested(out, "spec", "map").(map[string]any))
		equal(t, int64(2), out.GetGeneration())
		if err := s.Delete(s.ctx, object.RefOf(crd), object.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
		if err := s.Wait(s.ctx, object.RefOf(crd), func(o *unstructured.Unstructured) (bool, string) { return o == nil, "there" }); err != nil {
			t.Fatal(err)
		}
		// For a moment the server still lists the group: it does not have it, or still serves it without its objects.
		var err error
		for !errors.Is(err, object.ErrNoKind) && s.ctx.Err() == nil {
			if _, err = s.Get(s.ctx, ref); err == nil {
				t.Fatal("the object outlived its CRD")
			}
		}
		if !errors.Is(err, object.ErrNoKind) {
			t.Errorf("got %v", err)
		}
	},
	"a namespace has what every namespace has": func(t *testing.T, s subject) {
		o := s.get(t, object.NamespaceRef(s.ns))
		equal(t, map[string]string{"kubernetes.io/metadata.name": s.ns}, o.GetLabels())
		equal(t, "Active", nested(o, "status", "phase").(string))
		equal(t, []any{"kubernetes"}, nested(o, "spec", "finalizers").([]any))
		again := s.apply(t, object.New("v1", "Namespace", "", s.ns, nil, nil))
		// Our first apply owned nothing, so that nobody was known to be the manager.
		equal(t, []string(nil), managers(o))
		equal(t, []string{"before-first-apply Update"}, managers(again))
		equal(t, again.Object, s.apply(t, object.New("v1", "Namespace", "", s.ns, nil, nil)).Object)
		id, err := s.Identity(s.ctx)
		if err != nil || len(id.UID) != 36 || !strings.HasPrefix(id.Version, "v1.") {
			t.Errorf("identity %v, %v", id, err)
		}
	},
	"dependents go with their owner": func(t *testing.T, s subject) {
		owner := s.apply(t, s.config("owner", nil))
		for name, uid := range map[string]string{"dependent": string(owner.GetUID()), "orphan": noUID} {
			o := s.config(name, nil)
			_ = unstructured.SetNestedSlice(o.Object, []any{map[string]any{"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": uid}}, "metadata", "ownerReferences")
			s.apply(t, o)
		}
		gone := func(o *unstructured.Unstructured) (bool, string) { return o == nil, "there" }
		if err := s.Wait(s.ctx, object.Ref{Kind: "ConfigMap", Namespace: s.ns, Name: "orphan"}, gone); err != nil {
			t.Fatal(err)
		}
		s.get(t, object.Ref{Kind: "ConfigMap", Namespace: s.ns, Name: "dependent"})
		if err := s.Delete(s.ctx, object.RefOf(owner), object.DeleteOptions{Foreground: true}); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"dependent", "owner"} {
			if err := s.Wait(s.ctx, object.Ref{Kind: "ConfigMap", Namespace: s.ns, Name: name}, gone); err != nil {
				t.Fatal(err)
			}
		}
	},
}
