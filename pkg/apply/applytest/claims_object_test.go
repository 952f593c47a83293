package applytest_test

import (
	"errors"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

// What is demanded of objects, and refused.
var objectClaims = map[string]claim{
	"an apply may ask for a UID and a resourceVersion": func(t *testing.T, s subject) {
		with := func(uid, version string) *unstructured.Unstructured {
			o := s.config("a", map[string]any{"k": uid + version})
			if uid != "" {
				_ = unstructured.SetNestedField(o.Object, uid, "metadata", "uid")
			}
			if version != "" {
				_ = unstructured.SetNestedField(o.Object, version, "metadata", "resourceVersion")
			}
			return o
		}
		_, err := s.Apply(s.ctx, with(noUID, ""), object.ApplyOptions{})
		is(t, err, object.Conflict, "uid mismatch")
		// An API server takes a resourceVersion for no reason not to create.
		if err := s.Delete(s.ctx, object.RefOf(s.apply(t, with("", "1"))), object.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
		first := s.apply(t, with("", ""))
		_, err = s.Apply(s.ctx, with(noUID, ""), object.ApplyOptions{})
		is(t, err, object.Invalid, "field is immutable")
		_, err = s.Apply(s.ctx, with("", "1"), object.ApplyOptions{})
		is(t, err, object.Conflict, "the object has been modified")
		next := s.apply(t, with(string(first.GetUID()), first.GetResourceVersion()))
		_, err = s.Apply(s.ctx, with("", first.GetResourceVersion()), object.ApplyOptions{})
		is(t, err, object.Conflict, "the object has been modified")
		equal(t, next.Object, s.get(t, object.RefOf(first)).Object)
		equal(t, []string{"setup-mesh Apply"}, managers(next))
	},
	"a deletion may ask for a UID": func(t *testing.T, s subject) {
		o := s.apply(t, s.config("a", nil))
		is(t, s.Delete(s.ctx, object.RefOf(o), object.DeleteOptions{UID: noUID}), object.Conflict, "")
		for range 2 {
			if err := s.Delete(s.ctx, object.RefOf(o), object.DeleteOptions{UID: string(o.GetUID())}); err != nil {
				t.Fatal(err)
			}
		}
		_, err := s.Get(s.ctx, object.RefOf(o))
		is(t, err, object.NotFound, "")
		if errors.Is(err, object.ErrNoKind) {
			t.Error("the kind is not absent")
		}
	},
	"what is let go keeps its fields, and loses our marks": func(t *testing.T, s subject) {
		for _, others := range [][]string{nil, {"kubectl"}} {
			o := s.service("s", map[string]any{"ports": ports(80)})
			o.SetLabels(map[string]string{"app": "s", "mark": "ours"})
			o.SetAnnotations(map[string]string{"mark": "ours"})
			was := s.apply(t, o)
			for _, m := range others {
				if err := s.applyAs(m, o, true); err != nil {
					t.Fatal(err)
				}
			}
			if err := s.LetGo(s.ctx, object.RefOf(o), noUID, "mark"); err != nil {
				t.Fatal(err)
			}
			if err := s.LetGo(s.ctx, object.RefOf(o), string(was.GetUID()), "mark", "no-such-key"); err != nil {
				t.Fatal(err)
			}
			got := s.get(t, object.RefOf(o))
			equal(t, was.Object["spec"], got.Object["spec"])
			equal(t, map[string]string{"app": "s"}, got.GetLabels())
			equal(t, map[string]string(nil), got.GetAnnotations())
			var want []string
			for _, m := range others {
				want = append(want, m+" Apply")
			}
			equal(t, want, managers(got))
			again := s.apply(t, o)
			if len(others) == 0 {
				equal(t, []string{"before-first-apply Update", "setup-mesh Apply"}, managers(again))
			}
			if err := s.Delete(s.ctx, object.RefOf(o), object.DeleteOptions{}); err != nil {
				t.Fatal(err)
			}
			if err := s.LetGo(s.ctx, object.RefOf(o), string(was.GetUID())); err != nil {
				t.Errorf("one that is gone: %v", err)
			}
		}
	},
	"what is set for good cannot change": func(t *testing.T, s subject) {
		s.apply(t, s.deployment(map[string]any{"app": "a"}, nil))
		_, err := s.Apply(s.ctx, s.deployment(map[string]any{"app": "b"}, nil), object.ApplyOptions{DryRun: true})
		is(t, err, object.Invalid, "field is immutable")
		e, _ := errors.AsType[*object.Error](err)
		equal(t, []string{"spec.selector"}, e.Fields)
		if !object.Immutable(err) {
			t.Error("not Immutable")
		}
		first := s.apply(t, s.service("s", map[string]any{"ports": ports(80)}))
		ip := nested(first, "spec", "clusterIP").(string)
		_, err = s.Apply(s.ctx, s.service("s", map[string]any{"ports": ports(80), "clusterIP": "None"}), object.ApplyOptions{Force: true})
		is(t, err, object.Invalid, "may not change once set")
		if !object.Immutable(err) {
			t.Error("not Immutable")
		}
		out := s.apply(t, s.service("s", map[string]any{"ports": ports(81)}))
		equal(t, ip, nested(out, "spec", "clusterIP").(string))
		role := func(name string) *unstructured.Unstructured {
			return object.New("rbac.authorization.k8s.io/v1", "RoleBinding", s.ns, "b", nil, map[string]any{
				"roleRef": map[string]any{"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name},
			})
		}
		s.apply(t, role("a"))
		_, err = s.Apply(s.ctx, role("b"), object.ApplyOptions{})
		is(t, err, object.Invalid, "cannot change roleRef")
	},
	"what does not fit is invalid, and no secret is repeated": func(t *testing.T, s subject) {
		_, err := s.Apply(s.ctx, s.service("s", map[string]any{"notAField": "x", "ports": ports(80)}), object.ApplyOptions{})
		is(t, err, object.Invalid, ".spec.notAField")
		e, _ := errors.AsType[*object.Error](err)
		equal(t, []string{"spec.notAField"}, e.Fields)
		_, err = s.Apply(s.ctx, s.service("s", map[string]any{"ports": ports(70000)}), object.ApplyOptions{})
		is(t, err, object.Invalid, "must be between 1 and 65535")
		_, err = s.Apply(s.ctx, object.New("v1", "Secret", s.ns, "x", nil, map[string]any{"data": map[string]any{"k": map[string]any{"canary": "canary"}}}), object.ApplyOptions{})
		is(t, err, object.Invalid, "the API server rejected the object: data.k")
		_, err = s.Apply(s.ctx, object.New("v1", "ConfigMap", "", "x", nil, nil), object.ApplyOptions{})
		is(t, err, object.Invalid, "a ConfigMap needs a namespace")
	},
	"generations count what is wanted, not what is said about it": func(t *testing.T, s subject) {
		labels := map[string]any{"app": "d"}
		first := s.apply(t, s.deployment(labels, nil))
		equal(t, int64(1), first.GetGeneration())
		o := s.deployment(labels, nil)
		o.SetAnnotations(map[string]string{"a": "b"})
		o.SetLabels(map[string]string{"a": "b"})
		equal(t, int64(2), s.apply(t, o).GetGeneration()) // for the annotation
		o.SetLabels(nil)
		equal(t, int64(2), s.apply(t, o).GetGeneration())
		equal(t, int64(3), s.apply(t, s.deployment(labels, map[string]any{"paused": true})).GetGeneration())
		equal(t, int64(0), s.apply(t, s.service("s", map[string]any{"ports": ports(80)})).GetGeneration())
		equal(t, int64(0), s.apply(t, s.config("c", nil)).GetGeneration())
		slice := object.New("discovery.k8s.io/v1", "EndpointSlice", s.ns, "e", nil, map[string]any{
			"addressType": "IPv4", "endpoints": []any{map[string]any{"addresses": []any{"192.0.2.1"}}}, "ports": []any{map[string]any{"name": "a", "port": int64(1)}}})
		equal(t, int64(1), s.apply(t, slice).GetGeneration())
	},
}
