package kube

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

func TestIdentity(t *testing.T) {
	c := live(t)
	id, err := c.Identity(deadline(t))
	if err != nil {
		t.Fatal(err)
	}
	if len(id.UID) != 36 || !strings.HasPrefix(id.Version, "v1.") {
		t.Errorf("got %+v", id)
	}
	if n := c.Requests(); n != 2 {
		t.Errorf("%d requests, want 2", n)
	}
}

func TestApply(t *testing.T) {
	c := live(t)
	ctx := deadline(t)
	ns := namespace(t, c)
	ref := object.Ref{Kind: "ConfigMap", Namespace: ns, Name: "a"}
	want := configMap(ns, "a", map[string]any{"k": "1"})

	planned, err := c.Apply(ctx, want, object.ApplyOptions{DryRun: true})
	if err != nil {
		t.Fatal(err)
	}
	if planned.GetName() != "a" {
		t.Errorf("a dry run returned %v", planned.Object)
	}
	if _, err := c.Get(ctx, ref); !errors.Is(err, object.ErrNotFound) {
		t.Fatalf("a dry run wrote, or reading failed: %v", err)
	}
	first := apply(t, c, want)
	if again := apply(t, c, want); again.GetResourceVersion() != first.GetResourceVersion() {
		t.Errorf("applying twice changed the object: %s, then %s", first.GetResourceVersion(), again.GetResourceVersion())
	}
	got, err := c.Get(ctx, ref)
	if err != nil {
		t.Fatal(err)
	}
	if m := got.GetManagedFields(); len(m) != 1 || m[0].Manager != object.FieldManager || m[0].Operation != metav1.ManagedFieldsOperationApply {
		t.Errorf("managed by %v", m)
	}
	if object.RefOf(got) != ref {
		t.Errorf("got %v, want %v", object.RefOf(got), ref)
	}
}

func TestApplyConflict(t *testing.T) {
	c := live(t)
	ctx := deadline(t)
	ns := namespace(t, c)
	theirs := configMap(ns, "a", map[string]any{"k": "theirs", "l": "theirs"})
	err := c.do(ctx, "create", object.RefOf(theirs), func(r resources) error {
		_, err := r.Create(ctx, theirs, metav1.CreateOptions{FieldManager: "helm"})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}

	ours := configMap(ns, "a", map[string]any{"k": "ours", "l": "ours"})
	_, err = c.Apply(ctx, ours, object.ApplyOptions{})
	conflict, ok := errors.AsType[*object.ConflictError](err)
	if !ok {
		t.Fatalf("got %v, want a conflict", err)
	}
	want := &object.ConflictError{Managers: []string{"helm"}, Fields: []string{".data.k", ".data.l"}}
	if diff := cmp.Diff(want, conflict); diff != "" {
		t.Error("(-want +got)\n" + diff)
	}
	if object.ClassOf(err) != object.Conflict {
		t.Errorf("class %q", object.ClassOf(err))
	}
	out, err := c.Apply(ctx, ours, object.ApplyOptions{Force: true})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]any{"k": "ours", "l": "ours"}, out.Object["data"]); diff != "" {
		t.Error("(-want +got)\n" + diff)
	}
}

func TestRefusals(t *testing.T) {
	c := live(t)
	ctx := deadline(t)
	ns := namespace(t, c)
	create := func(o *unstructured.Unstructured) error {
		_, err := c.Try(ctx, o)
		return err
	}
	service := func(spec map[string]any) error {
		_, err := c.Apply(ctx, thing("v1", "Service", ns, "s", map[string]any{"spec": spec}), object.ApplyOptions{})
		return err
	}
	deployment := func(app string) error {
		labels := map[string]any{"app": app}
		_, err := c.Apply(ctx, thing("apps/v1", "Deployment", ns, "d", map[string]any{"spec": map[string]any{
			"replicas": int64(0),
			"selector": map[string]any{"matchLabels": labels},
			"template": map[string]any{
				"metadata": map[string]any{"labels": labels},
				"spec":     map[string]any{"containers": []any{map[string]any{"name": "c", "image": "i"}}},
			},
		}}), object.ApplyOptions{})
		return err
	}
	if err := deployment("a"); err != nil {
		t.Fatal(err)
	}
	apply(t, c, configMap(ns, "there", nil))
	const secret = "c2VjcmV0LWNhbmFyeQ"
	tests := map[string]struct {
		err    error
		class  object.Class
		fields []string
		text   string // part of the message
	}{
		"a value out of range": {
			err:   service(map[string]any{"ports": []any{map[string]any{"port": int64(70000)}}}),
			class: object.Invalid, fields: []string{"spec.ports[0].port", "spec.ports[0].targetPort"}, text: "must be between 1 and 65535",
		},
		"an unknown field": {
			err:   service(map[string]any{"notAField": "x"}),
			class: object.Invalid, fields: []string{"spec.notAField"}, text: ".spec.notAField",
		},
		"a field that cannot change": {err: deployment("b"), class: object.Invalid, fields: []string{"spec.selector"}, text: "field is immutable"},
		"a secret's value is not repeated": {
			err: func() error {
				_, err := c.Apply(ctx, thing("v1", "Secret", ns, "s", map[string]any{"data": map[string]any{"k": map[string]any{secret: secret}}}), object.ApplyOptions{})
				return err
			}(),
			class: object.Invalid, fields: []string{"data.k"}, text: "the API server rejected the object: data.k",
		},
		"no such namespace": {
			err: func() error {
				_, err := c.Apply(ctx, configMap(ns+"-no", "a", nil), object.ApplyOptions{})
				return err
			}(),
			class: object.NotFound, text: "namespaces",
		},
		"no namespace": {
			err: func() error {
				_, err := c.Apply(ctx, configMap("", "a", nil), object.ApplyOptions{})
				return err
			}(),
			class: object.Invalid, text: "a ConfigMap needs a namespace",
		},
		"exists already": {err: create(configMap(ns, "there", nil)), class: object.Conflict, text: "already exists"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			e, ok := errors.AsType[*object.Error](tt.err)
			if !ok {
				t.Fatalf("got %v", tt.err)
			}
			if e.Class != tt.class || !strings.Contains(e.Message, tt.text) {
				t.Errorf("got %s: %s", e.Class, e.Message)
			}
			if diff := cmp.Diff(tt.fields, e.Fields); diff != "" {
				t.Error("fields (-want +got)\n" + diff)
			}
			if strings.Contains(e.Error(), secret) {
				t.Errorf("leaks: %v", e)
			}
		})
	}
	if !object.Immutable(deployment("b")) || object.Immutable(service(map[string]any{"notAField": "x"})) {
		t.Error("Immutable is wrong")
	}
}

func TestDelete(t *testing.T) {
	c := live(t)
	ctx := deadline(t)
	ns := namespace(t, c)
	o := apply(t, c, configMap(ns, "a", nil))
	ref := object.RefOf(o)
	if err := c.Delete(ctx, ref, object.DeleteOptions{UID: "00000000-0000-0000-0000-000000000000"}); object.ClassOf(err) != object.Conflict {
		t.Errorf("deleting another UID: %v", err)
	}
	for range 2 { // what is absent is deleted
		if err := c.Delete(ctx, ref, object.DeleteOptions{UID: string(o.GetUID())}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.Get(ctx, ref); !errors.Is(err, object.ErrNotFound) || errors.Is(err, object.ErrNoKind) {
		t.Errorf("after deletion: %v", err)
	}
}

func TestListPages(t *testing.T) {
	c := live(t)
	ns := namespace(t, c)
	for _, name := range []string{"a", "b", "c"} {
		o := configMap(ns, name, nil)
		o.SetLabels(map[string]string{"mine": "yes"})
		apply(t, c, o)
	}
	apply(t, c, configMap(ns, "d", nil))
	gvk := schema.GroupKind{Kind: "ConfigMap"}
	items, err := c.List(deadline(t), gvk, ns, "mine=yes")
	if err != nil {
		t.Fatal(err)
	}
	var got []object.Ref
	for _, o := range items {
		got = append(got, object.RefOf(o))
	}
	want := []object.Ref{
		{Kind: "ConfigMap", Namespace: ns, Name: "a"},
		{Kind: "ConfigMap", Namespace: ns, Name: "b"},
		{Kind: "ConfigMap", Namespace: ns, Name: "c"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error("(-want +got)\n" + diff)
	}
}

func TestUnknownKind(t *testing.T) {
	c := live(t)
	ctx := deadline(t)
	for _, ref := range []object.Ref{
		{Group: "no.such.group", Kind: "Thing", Namespace: "default", Name: "a"}, // not in the table
		{Group: "extensions.istio.io", Kind: "WasmPlugin", Namespace: "default", Name: "a"},
		{Group: "apps", Kind: "Thing", Namespace: "default", Name: "a"},
	} {
		if _, err := c.Get(ctx, ref); !errors.Is(err, object.ErrNotFound) || !errors.Is(err, object.ErrNoKind) {
			t.Errorf("reading %v: %v", ref, err)
		}
		if _, err := c.List(ctx, ref.GroupKind(), "", ""); !errors.Is(err, object.ErrNoKind) {
			t.Errorf("listing %v: %v", ref, err)
		}
		if err := c.Delete(ctx, ref, object.DeleteOptions{}); err != nil {
			t.Errorf("deleting %v: %v", ref, err)
		}
	}
}

// What the table says has to be what discovery says.
func TestKnownKinds(t *testing.T) {
	c := live(t)
	ctx := deadline(t)
	checked := 0
	for kind, want := range object.Kinds() {
		got, err := c.discover(ctx, "read", object.Of(kind, ""), want.Version)
		if err != nil && !errors.Is(err, object.ErrNoKind) {
			t.Fatal(err)
		}
		ok := err == nil
		switch {
		case ok && got != want:
			t.Errorf("%v: the table says %v, the server %v", kind, want, got)
		case !ok && !strings.Contains(kind.Group, "istio.io") && !strings.HasPrefix(kind.Group, "gateway.") && !strings.Contains(kind.Group, ".cncf.io"):
			t.Errorf("the server has no %v", kind)
		case ok:
			checked++
		}
	}
	if checked < 30 {
		t.Errorf("only %d kinds were compared", checked)
	}
}

func TestCanceled(t *testing.T) {
	c := live(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := c.Get(ctx, object.Ref{Kind: "Namespace", Name: "default"})
	if object.ClassOf(err) != object.Canceled || !errors.Is(err, context.Canceled) || errors.Is(err, object.ErrNotFound) {
		t.Errorf("got %v", err)
	}
}
