package applytest_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

// What server-side apply does.
var applyClaims = map[string]claim{
	"an apply of an absent object creates it, once": func(t *testing.T, s subject) {
		first := s.apply(t, s.config("a", map[string]any{"k": "1"}))
		if first.GetUID() == "" || nested(first, "metadata", "creationTimestamp") == nil || first.GetResourceVersion() == "" {
			t.Errorf("got %v", first.Object)
		}
		equal(t, []string{"setup-mesh Apply"}, managers(first))
		again := s.apply(t, s.config("a", map[string]any{"k": "1"}))
		equal(t, first.Object, again.Object)
		equal(t, first.Object, s.get(t, object.RefOf(first)).Object)
		next := s.apply(t, s.config("a", map[string]any{"k": "2"}))
		if next.GetResourceVersion() == first.GetResourceVersion() || next.GetUID() != first.GetUID() {
			t.Error("the change made another object, or none")
		}
	},
	"an apply takes back the fields that it no longer has": func(t *testing.T, s subject) {
		if err := s.create("kubectl", s.config("a", map[string]any{"theirs": "1"})); err != nil {
			t.Fatal(err)
		}
		s.apply(t, s.config("a", map[string]any{"x": "1", "y": "1"}))
		out := s.apply(t, s.config("a", map[string]any{"y": "2"}))
		equal(t, map[string]any{"theirs": "1", "y": "2"}, out.Object["data"])
		equal(t, []string{"kubectl Update", "setup-mesh Apply"}, managers(out))
	},
	"a dry run says what would be and changes nothing": func(t *testing.T, s subject) {
		out, err := s.Apply(s.ctx, s.config("a", map[string]any{"k": "1"}), object.ApplyOptions{DryRun: true})
		if err != nil {
			t.Fatal(err)
		}
		equal(t, map[string]any{"k": "1"}, out.Object["data"])
		_, err = s.Get(s.ctx, object.RefOf(out))
		is(t, err, object.NotFound, `configmaps "a" not found`)
		first := s.apply(t, s.config("a", map[string]any{"k": "1"}))
		out, err = s.Apply(s.ctx, s.config("a", map[string]any{"k": "2"}), object.ApplyOptions{DryRun: true})
		if err != nil {
			t.Fatal(err)
		}
		equal(t, map[string]any{"k": "2"}, out.Object["data"])
		equal(t, first.GetResourceVersion(), out.GetResourceVersion())
		equal(t, first.Object, s.get(t, object.RefOf(first)).Object)
		out = s.apply(t, s.config("a", map[string]any{"k": "2"}))
		equal(t, map[string]any{"k": "2"}, out.Object["data"])
	},
	"a field of another manager is a conflict until it is forced": func(t *testing.T, s subject) {
		if err := s.create("helm", s.config("a", map[string]any{"k": "1", "l": "1", "m": "1"})); err != nil {
			t.Fatal(err)
		}
		ours := s.config("a", map[string]any{"k": "2", "l": "2", "m": "1"})
		for _, dry := range []bool{true, false} {
			_, err := s.Apply(s.ctx, ours, object.ApplyOptions{DryRun: dry})
			is(t, err, object.Conflict, `managed by "helm": .data.k, .data.l`)
			conflict, _ := errors.AsType[*object.ConflictError](err)
			equal(t, &object.ConflictError{Managers: []string{"helm"}, Fields: []string{".data.k", ".data.l"}}, conflict)
		}
		out, err := s.Apply(s.ctx, ours, object.ApplyOptions{Force: true})
		if err != nil {
			t.Fatal(err)
		}
		equal(t, map[string]any{"k": "2", "l": "2", "m": "1"}, out.Object["data"])
		equal(t, []string{"helm Update", "setup-mesh Apply"}, managers(out))
		if err := s.applyAs("flux", s.config("a", map[string]any{"k": "3"}), false); err == nil {
			t.Error("our field was taken without force")
		}
		if err := s.applyAs("flux", s.config("a", map[string]any{"k": "3"}), true); err != nil {
			t.Fatal(err)
		}
		_, err = s.Apply(s.ctx, ours, object.ApplyOptions{})
		is(t, err, object.Conflict, `managed by "flux": .data.k`)
	},
	"the same value may have two owners": func(t *testing.T, s subject) {
		s.apply(t, s.config("a", map[string]any{"k": "1"}))
		if err := s.applyAs("flux", s.config("a", map[string]any{"k": "1"}), false); err != nil {
			t.Fatal(err)
		}
		out := s.apply(t, s.config("a", nil))
		equal(t, map[string]any{"k": "1"}, out.Object["data"])
		equal(t, []string{"flux Apply", "setup-mesh Apply"}, managers(out))
	},
	"a selector is replaced whole": func(t *testing.T, s subject) {
		s.apply(t, s.service("s", map[string]any{"ports": ports(80), "selector": map[string]any{"a": "1", "b": "1"}}))
		out := s.apply(t, s.service("s", map[string]any{"ports": ports(80), "selector": map[string]any{"b": "1", "c": "1"}}))
		equal(t, map[string]any{"b": "1", "c": "1"}, nested(out, "spec", "selector").(map[string]any))
		if err := s.edit("kubectl", object.RefOf(out), func(o *unstructured.Unstructured) {
			_ = unstructured.SetNestedField(o.Object, "2", "spec", "selector", "c")
		}); err != nil {
			t.Fatal(err)
		}
		_, err := s.Apply(s.ctx, s.service("s", map[string]any{"ports": ports(80), "selector": map[string]any{"b": "1", "c": "1"}}), object.ApplyOptions{})
		is(t, err, object.Conflict, `managed by "kubectl": .spec.selector`)
		out = s.apply(t, s.service("s", map[string]any{"ports": ports(80)}))
		equal(t, map[string]any{"b": "1", "c": "2"}, nested(out, "spec", "selector").(map[string]any))
	},
	"ports merge by number and protocol": func(t *testing.T, s subject) {
		s.apply(t, s.service("s", map[string]any{"ports": ports(80, 443)}))
		if err := s.applyAs("other", s.service("s", map[string]any{"ports": ports(8080)}), false); err != nil {
			t.Fatal(err)
		}
		out := s.apply(t, s.service("s", map[string]any{"ports": ports(443)}))
		var got []any
		for _, p := range nested(out, "spec", "ports").([]any) {
			m := p.(map[string]any)
			got = append(got, m["port"], m["protocol"], m["targetPort"])
		}
		equal(t, []any{int64(443), "TCP", int64(443), int64(8080), "TCP", int64(8080)}, got)
	},
	"containers merge by name": func(t *testing.T, s subject) {
		labels := map[string]any{"app": "d"}
		s.apply(t, s.deployment(labels, nil))
		theirs := s.deployment(labels, map[string]any{"template": map[string]any{"spec": map[string]any{
			"containers": []any{map[string]any{"name": "side", "image": "j"}},
		}}})
		delete(theirs.Object["spec"].(map[string]any), "replicas")
		if err := s.applyAs("other", theirs, false); err != nil {
			t.Fatal(err)
		}
		out := s.apply(t, s.deployment(labels, nil))
		var got []string
		for _, c := range nested(out, "spec", "template", "spec", "containers").([]any) {
			got = append(got, c.(map[string]any)["name"].(string))
		}
		slices.Sort(got)
		equal(t, []string{"c", "side"}, got)
	},
	"a webhook keeps the CA that another wrote": func(t *testing.T, s subject) {
		hook := func() *unstructured.Unstructured {
			return object.New("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration", "", s.ns, nil, map[string]any{"webhooks": []any{map[string]any{
				"name": "a.example.com", "sideEffects": "None", "admissionReviewVersions": []any{"v1"}, "failurePolicy": "Ignore",
				"clientConfig": map[string]any{"service": map[string]any{"namespace": s.ns, "name": "none"}},
				"rules":        []any{map[string]any{"apiGroups": []any{"no.such.group"}, "apiVersions": []any{"v1"}, "operations": []any{"CREATE"}, "resources": []any{"things"}}},
			}}})
		}
		first := s.apply(t, hook())
		t.Cleanup(func() {
			if err := s.Delete(context.WithoutCancel(s.ctx), object.RefOf(first), object.DeleteOptions{}); err != nil {
				t.Error(err)
			}
		})
		if err := s.edit("istiod", object.RefOf(first), func(o *unstructured.Unstructured) {
			o.Object["webhooks"].([]any)[0].(map[string]any)["clientConfig"].(map[string]any)["caBundle"] = testCA
		}); err != nil {
			t.Fatal(err)
		}
		live := s.get(t, object.RefOf(first))
		out := s.apply(t, hook())
		equal(t, live.GetResourceVersion(), out.GetResourceVersion())
		equal(t, int64(2), out.GetGeneration())
		w := out.Object["webhooks"].([]any)[0].(map[string]any)
		equal(t, map[string]any{
			"name": "a.example.com", "sideEffects": "None", "admissionReviewVersions": []any{"v1"}, "failurePolicy": "Ignore",
			"clientConfig": map[string]any{"caBundle": testCA, "service": map[string]any{"namespace": s.ns, "name": "none", "port": int64(443)}},
			"rules":        []any{map[string]any{"apiGroups": []any{"no.such.group"}, "apiVersions": []any{"v1"}, "operations": []any{"CREATE"}, "resources": []any{"things"}, "scope": "*"}},
			"matchPolicy":  "Equivalent", "namespaceSelector": map[string]any{}, "objectSelector": map[string]any{},
			"reinvocationPolicy": "Never", "timeoutSeconds": int64(10),
		}, w)
	},
}
