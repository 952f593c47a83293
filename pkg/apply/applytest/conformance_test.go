package applytest_test

import (
	"context"
	"crypto/rand"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/setup-mesh/setup-mesh/pkg/apply/applytest"
	"github.com/setup-mesh/setup-mesh/pkg/apply/kube"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

// One table for what is in memory and for an API server, so that the two do not
// drift: each case is a claim about both.

// A subject is what a case is about.
type subject struct {
	object.Cluster
	ctx    context.Context
	ns     string // the case's own
	opener object.Opener
	// other creates or replaces an object as another manager does who does not
	// apply, and applyAs applies as another manager.
	create  func(manager string, o *unstructured.Unstructured) error
	applyAs func(manager string, o *unstructured.Unstructured, force bool) error
	edit    func(manager string, ref object.Ref, change func(*unstructured.Unstructured)) error
}

// liveKubeconfig names a kubeconfig whose contexts are running clusters that
// tests may write to, such as the lab's.
const liveKubeconfig = "SETUP_MESH_TEST_KUBECONFIG"

func TestConformance(t *testing.T) {
	for name, claim := range claims {
		t.Run(name, func(t *testing.T) {
			t.Run("in memory", func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { claim(t, inMemory(t)) })
			})
			t.Run("API server", func(t *testing.T) {
				path := os.Getenv(liveKubeconfig)
				if path == "" {
					t.Skipf("needs a running cluster: set %s to the kubeconfig of a lab", liveKubeconfig)
				}
				t.Parallel()
				claim(t, onServer(t, path))
			})
		})
	}
}

func inMemory(t *testing.T) subject {
	f := applytest.New(1)
	t.Cleanup(f.Close)
	c := f.Add("lab")
	run, ctx := f.Run(t.Context())
	client, err := run.Open("lab")
	if err != nil {
		t.Fatal(err)
	}
	s := subject{Cluster: client, ctx: ctx, opener: run,
		create: func(manager string, o *unstructured.Unstructured) error {
			_, err := c.As(manager).Create(o)
			return err
		},
		applyAs: func(manager string, o *unstructured.Unstructured, force bool) error {
			_, err := c.As(manager).Apply(o, object.ApplyOptions{Force: force})
			return err
		},
		edit: func(manager string, ref object.Ref, change func(*unstructured.Unstructured)) error {
			_, err := c.As(manager).Edit(ref, change)
			return err
		},
	}
	s.namespace(t)
	return s
}

func onServer(t *testing.T, path string) subject {
	k, err := kube.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	opener := kube.NewOpener(k, kube.Options{})
	client, err := opener.Open(k.Contexts()[0])
	if err != nil {
		t.Fatal(err)
	}
	config, err := clientcmd.BuildConfigFromFlags("", path)
	if err != nil {
		t.Fatal(err)
	}
	others := dynamic.NewForConfigOrDie(config)
	at := func(ref object.Ref, version string) dynamic.ResourceInterface {
		r, _ := object.ResourceOf(ref.GroupKind())
		if r.Plural == "" {
			r.Plural, r.Version = ref.Resource(), "v1"
		}
		if version == "" {
			version = r.Version
		}
		res := others.Resource(schema.GroupVersionResource{Group: ref.Group, Version: version, Resource: r.Plural})
		if ref.Namespace == "" {
			return res
		}
		return res.Namespace(ref.Namespace)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	s := subject{Cluster: client, ctx: ctx, opener: opener,
		create: func(manager string, o *unstructured.Unstructured) error {
			_, err := at(object.RefOf(o), o.GroupVersionKind().Version).Create(ctx, o, metav1.CreateOptions{FieldManager: manager})
			return err
		},
		applyAs: func(manager string, o *unstructured.Unstructured, force bool) error {
			_, err := at(object.RefOf(o), o.GroupVersionKind().Version).Apply(ctx, o.GetName(), o, metav1.ApplyOptions{FieldManager: manager, Force: force})
			return err
		},
		edit: func(manager string, ref object.Ref, change func(*unstructured.Unstructured)) error {
			o, err := at(ref, "").Get(ctx, ref.Name, metav1.GetOptions{})
			if err != nil {
				return err
			}
			change(o)
			_, err = at(ref, "").Update(ctx, o, metav1.UpdateOptions{FieldManager: manager})
			return err
		},
	}
	s.namespace(t)
	return s
}

// namespace makes the case's own.
func (s *subject) namespace(t *testing.T) {
	s.ns = "applytest-" + strings.ToLower(rand.Text()[:10])
	s.apply(t, object.New("v1", "Namespace", "", s.ns, nil, nil))
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(s.ctx), 10*time.Second)
		defer cancel()
		if err := s.Delete(ctx, object.NamespaceRef(s.ns), object.DeleteOptions{}); err != nil {
			t.Errorf("clean up: %v", err)
		}
	})
}

func (s subject) apply(t *testing.T, o *unstructured.Unstructured) *unstructured.Unstructured {
	t.Helper()
	out, err := s.Apply(s.ctx, o, object.ApplyOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func (s subject) get(t *testing.T, ref object.Ref) *unstructured.Unstructured {
	t.Helper()
	o, err := s.Get(s.ctx, ref)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func (s subject) config(name string, data map[string]any) *unstructured.Unstructured {
	return object.New("v1", "ConfigMap", s.ns, name, nil, map[string]any{"data": data})
}

func (s subject) deployment(labels map[string]any, spec map[string]any) *unstructured.Unstructured {
	o := object.New("apps/v1", "Deployment", s.ns, "d", nil, map[string]any{"spec": map[string]any{
		"replicas": int64(0),
		"selector": map[string]any{"matchLabels": labels},
		"template": map[string]any{
			"metadata": map[string]any{"labels": labels},
			"spec":     map[string]any{"containers": []any{map[string]any{"name": "c", "image": "i"}}},
		},
	}})
	for k, v := range spec {
		o.Object["spec"].(map[string]any)[k] = v
	}
	return o
}

func (s subject) service(name string, spec map[string]any) *unstructured.Unstructured {
	return object.New("v1", "Service", s.ns, name, nil, map[string]any{"spec": spec})
}

func ports(numbers ...int64) []any {
	var out []any
	for _, n := range numbers {
		out = append(out, map[string]any{"name": "p" + string(rune('a'+n%26)), "port": n})
	}
	return out
}

// is says that an error has a class and a text.
func is(t *testing.T, err error, class object.Class, text string) {
	t.Helper()
	e, ok := errors.AsType[*object.Error](err)
	if !ok {
		t.Errorf("got %v, want class %q", err, class)
		return
	}
	if e.Class != class || !strings.Contains(e.Message, text) {
		t.Errorf("got class %q, %s; want %q, %s", e.Class, e.Message, class, text)
	}
}

func equal(t *testing.T, want, got any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error("(-want +got)\n" + diff)
	}
}

func managers(o *unstructured.Unstructured) (out []string) {
	for _, m := range o.GetManagedFields() {
		out = append(out, m.Manager+" "+string(m.Operation))
	}
	slices.Sort(out)
	return out
}

func nested(o *unstructured.Unstructured, path ...string) any {
	v, _, _ := unstructured.NestedFieldNoCopy(o.Object, path...)
	return v
}

const noUID = "00000000-0000-0000-0000-000000000000"

var claims = map[string]func(*testing.T, subject){
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
	"a list takes those with the labels, in order": func(t *testing.T, s subject) {
		for _, name := range []string{"c", "a", "b"} {
			o := s.config(name, nil)
			if name != "b" {
				o.SetLabels(map[string]string{"mine": "yes"})
			}
			s.apply(t, o)
		}
		names := func(selector string) (out []string) {
			list, err := s.List(s.ctx, schema.GroupKind{Kind: "ConfigMap"}, s.ns, selector)
			if err != nil {
				t.Fatal(err)
			}
			for _, o := range list {
				out = append(out, o.GetName())
			}
			return slices.DeleteFunc(out, func(n string) bool { return n == "kube-root-ca.crt" })
		}
		equal(t, []string{"a", "c"}, names("mine=yes"))
		equal(t, []string{"a", "b", "c"}, names(""))
		equal(t, []string{"b"}, names("!mine"))
		seen := 0
		if err := s.Each(s.ctx, schema.GroupKind{Kind: "ConfigMap"}, "mine=yes", func(o *unstructured.Unstructured) {
			if o.GetNamespace() == s.ns {
				seen++
			}
		}); err != nil || seen != 2 {
			t.Errorf("saw %d, %v", seen, err)
		}
	},
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
		gone := func(o *unstructured.Unstructured) (bool, string, error) { return o == nil, "there", nil }
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
		is(t, err, object.NotFound, `the server has no kind Thing in group "no.such.group"`)
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
		if err := s.Wait(s.ctx, ref, func(o *unstructured.Unstructured) (bool, string, error) { return o == nil, "", nil }); err != nil {
			t.Error(err)
		}
	},
	"a kind lives as long as its CRD, and its objects with it": func(t *testing.T, s subject) {
		kind := schema.GroupKind{Group: s.ns + ".example.com", Kind: "Widget"}
		crd := applytest.CRD(kind, "v1")
		s.apply(t, crd)
		ref := object.Ref{Group: kind.Group, Kind: kind.Kind, Namespace: s.ns, Name: "w"}
		widget := object.New(kind.Group+"/v1", kind.Kind, s.ns, "w", nil, map[string]any{"spec": map[string]any{"list": []any{"a", "b"}, "map": map[string]any{"x": int64(1)}}})
		established := func(o *unstructured.Unstructured) (bool, string, error) {
			for _, c := range asList(nested(o, "status", "conditions")) {
				if m := c.(map[string]any); m["type"] == "Established" && m["status"] == "True" {
					return true, "", nil
				}
			}
			return false, "not established", nil
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
		if err := s.Wait(s.ctx, object.RefOf(crd), func(o *unstructured.Unstructured) (bool, string, error) { return o == nil, "there", nil }); err != nil {
			t.Fatal(err)
		}
		// For a moment the server still lists the group, and does not have it.
		_, err := s.Get(s.ctx, ref)
		for object.ClassOf(err) == object.ServerFault && s.ctx.Err() == nil {
			_, err = s.Get(s.ctx, ref)
		}
		if !errors.Is(err, object.ErrNoKind) {
			t.Errorf("got %v", err)
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
		is(t, err, object.Invalid, "the API server does not accept it: data.k")
		_, err = s.Apply(s.ctx, object.New("v1", "ConfigMap", "", "x", nil, nil), object.ApplyOptions{})
		is(t, err, object.Invalid, "a ConfigMap needs a namespace")
	},
	"a try shows what would be made, unless it is there": func(t *testing.T, s subject) {
		out, err := s.Try(s.ctx, s.config("a", map[string]any{"k": "1"}))
		if err != nil {
			t.Fatal(err)
		}
		equal(t, map[string]any{"k": "1"}, out.Object["data"])
		s.apply(t, s.config("a", nil))
		_, err = s.Try(s.ctx, s.config("a", nil))
		is(t, err, object.Conflict, `configmaps "a" already exists`)
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
	"a token ends with the Secret that it is bound to": func(t *testing.T, s subject) {
		for _, o := range reader() {
			o.SetNamespace(s.ns)
			if strings.HasPrefix(o.GetKind(), "ClusterRole") {
				o.SetName(s.ns)
				o.SetNamespace("")
			}
			if o.GetKind() == "ClusterRoleBinding" {
				o.Object["roleRef"].(map[string]any)["name"] = s.ns
				o.Object["subjects"].([]any)[0].(map[string]any)["namespace"] = s.ns
			}
			made := s.apply(t, o)
			if o.GetNamespace() == "" {
				t.Cleanup(func() { _ = s.Delete(context.WithoutCancel(s.ctx), object.RefOf(made), object.DeleteOptions{}) })
			}
		}
		ref := object.SecretRef(s.ns, "grant")
		grant := s.get(t, ref)
		_, _, err := s.Token(s.ctx, s.ns, "nobody", ref, string(grant.GetUID()), time.Hour)
		is(t, err, object.NotFound, `serviceaccounts "nobody" not found`)
		_, _, err = s.Token(s.ctx, s.ns, "reader", object.SecretRef(s.ns, "no"), noUID, time.Hour)
		is(t, err, object.NotFound, `secrets "no" not found`)
		_, _, err = s.Token(s.ctx, s.ns, "reader", ref, noUID, time.Hour)
		is(t, err, object.Conflict, "the UID in the bound object reference")
		_, _, err = s.Token(s.ctx, s.ns, "reader", ref, string(grant.GetUID()), time.Minute)
		is(t, err, object.Invalid, "may not specify a duration less than 10 minutes")
		token, expires, err := s.Token(s.ctx, s.ns, "reader", ref, string(grant.GetUID()), time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		if left := time.Until(expires); left < 55*time.Minute || left > 65*time.Minute {
			t.Errorf("it ends in %v", left)
		}
		config := stored(s.Endpoint(), string(token.Bytes()))
		until := func(want object.Class) error { // RBAC and the token cache take a moment
			err := s.opener.CheckKubeconfig(s.ctx, config)
			for object.ClassOf(err) != want && err != nil && s.ctx.Err() == nil || want != object.Unclassified && err == nil {
				time.Sleep(10 * time.Millisecond)
				err = s.opener.CheckKubeconfig(s.ctx, config)
			}
			return err
		}
		if err := until(object.Unclassified); err != nil {
			t.Error(err)
		}
		if err := s.CheckToken(s.ctx, config); err != nil {
			t.Error(err)
		}
		is(t, s.opener.CheckKubeconfig(s.ctx, stored(s.Endpoint(), "wrong")), object.Unauthorized, "the API server does not accept the credentials")
		is(t, s.opener.CheckKubeconfig(s.ctx, []byte("nonsense")), object.BadKubeconfig, "")
		if err := s.Delete(s.ctx, ref, object.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
		is(t, until(object.Unauthorized), object.Unauthorized, "")
	},
	"a lock is one holder's until it is released": func(t *testing.T, s subject) {
		l, err := s.Lock(s.ctx, s.ns, "ann@desk")
		if err != nil {
			t.Fatal(err)
		}
		_, err = s.Lock(s.ctx, s.ns, "bob@lap")
		locked, ok := errors.AsType[*object.LockedError](err)
		if !ok || locked.Holder != "ann@desk" || !l.Held() {
			t.Fatalf("got %v", err)
		}
		for range 2 {
			if err := l.Release(s.ctx); err != nil {
				t.Fatal(err)
			}
		}
		ref := object.Ref{Group: "coordination.k8s.io", Kind: "Lease", Namespace: s.ns, Name: object.LockName}
		if _, err := s.Get(s.ctx, ref); l.Held() || !errors.Is(err, object.ErrNotFound) {
			t.Errorf("released, but %v", err)
		}
		// One that nobody has renewed for long.
		if err := s.create("setup-mesh", object.New("coordination.k8s.io/v1", "Lease", s.ns, object.LockName, nil, map[string]any{"spec": map[string]any{
			"holderIdentity": "dead@desk", "leaseDurationSeconds": int64(30),
			"acquireTime": "1999-01-01T00:00:00.000000Z", "renewTime": "1999-01-01T00:00:00.000000Z",
		}})); err != nil {
			t.Fatal(err)
		}
		if l, err = s.Lock(s.ctx, s.ns, "bob@lap"); err != nil {
			t.Fatal(err)
		}
		if err := s.edit("kubectl", ref, func(o *unstructured.Unstructured) {
			_ = unstructured.SetNestedField(o.Object, "eve@lap", "spec", "holderIdentity")
		}); err != nil {
			t.Fatal(err)
		}
		if err := l.Release(s.ctx); err != nil {
			t.Fatal(err)
		}
		equal(t, "eve@lap", nested(s.get(t, ref), "spec", "holderIdentity").(string))
		_, err = s.Lock(s.ctx, s.ns+"-no", "ann@desk")
		is(t, err, object.NotFound, "namespaces")
	},
	"a wait sees changes, and says at its end why not": func(t *testing.T, s subject) {
		ref := object.Ref{Kind: "ConfigMap", Namespace: s.ns, Name: "a"}
		seen := make(chan string, 10)
		done := make(chan error, 1)
		cond := func(o *unstructured.Unstructured) (bool, string, error) {
			if o == nil {
				return false, "it is absent", nil
			}
			k := nested(o, "data", "k").(string)
			return k == "2", "k is " + k, nil
		}
		go func() {
			done <- s.Wait(s.ctx, ref, func(o *unstructured.Unstructured) (bool, string, error) {
				ok, why, err := cond(o)
				seen <- why
				return ok, why, err
			})
		}()
		equal(t, "it is absent", <-seen)
		s.apply(t, s.config("a", map[string]any{"k": "1"}))
		equal(t, "k is 1", <-seen)
		s.apply(t, s.config("a", map[string]any{"k": "2"}))
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		short, cancel := context.WithTimeout(s.ctx, 100*time.Millisecond)
		defer cancel()
		err := s.Wait(short, object.Ref{Kind: "ConfigMap", Namespace: s.ns, Name: "b"}, cond)
		is(t, err, object.Timeout, "it is absent")
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		hopeless := errors.New("it will never be")
		if err := s.Wait(s.ctx, ref, func(*unstructured.Unstructured) (bool, string, error) { return false, "", hopeless }); !errors.Is(err, hopeless) {
			t.Errorf("got %v", err)
		}
	},
	"a call ends with its context": func(t *testing.T, s subject) {
		ctx, cancel := context.WithCancel(s.ctx)
		cancel()
		_, err := s.Get(ctx, object.NamespaceRef("default"))
		is(t, err, object.Canceled, "canceled")
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	},
	"dependents go with their owner": func(t *testing.T, s subject) {
		owner := s.apply(t, s.config("owner", nil))
		for name, uid := range map[string]string{"dependent": string(owner.GetUID()), "orphan": noUID} {
			o := s.config(name, nil)
			_ = unstructured.SetNestedSlice(o.Object, []any{map[string]any{"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": uid}}, "metadata", "ownerReferences")
			s.apply(t, o)
		}
		gone := func(o *unstructured.Unstructured) (bool, string, error) { return o == nil, "there", nil }
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

// testCA is a bundle that an API server takes for one.
const testCA = "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCk1JSUJtakNDQVVDZ0F3SUJBZ0lRTjAxSk5FRlBWMWxOV1U1WVZFZElWREFLQmdncWhrak9QUVFEQWpBdE1SY3cKRlFZRFZRUUtFdzV6WlhSMWNDMXRaWE5vSUd4aFlqRVNNQkFHQTFVRUF4TUpaV0Z6ZEMweExXTmhNQjRYRFRJMgpNVEV5TmpBM016Y3dObG9YRFRJM01URXlOakEzTXpnd05sb3dMVEVYTUJVR0ExVUVDaE1PYzJWMGRYQXRiV1Z6CmFDQnNZV0l4RWpBUUJnTlZCQU1UQ1dWaGMzUXRNUzFqWVRCWk1CTUdCeXFHU000OUFnRUdDQ3FHU000OUF3RUgKQTBJQUJFbWxtQndMa01iektFT3NVc1RhL293dXNxVTVEQytnY0loZTJJK2ovbGVJcG5GN0xzcTNYcWVKeGV6LwoyNnkwWGRWZnZGelAybnpVQnNHQlVyVE5vTk9qUWpCQU1BNEdBMVVkRHdFQi93UUVBd0lDaERBUEJnTlZIUk1CCkFmOEVCVEFEQVFIL01CMEdBMVVkRGdRV0JCUUJBU2g2cnVaaHNqeENheE8yb3JxVmRhcGZKakFLQmdncWhrak8KUFFRREFnTklBREJGQWlBWDFPckNzUEhMcXhJdk1tYlcweG1UbzEyc0dvTXZ4SXlwdVZZRE9ma1dnZ0loQUlWYgpoYXltVk5zSjArRWlMWVRtQ3JiWUxUYXNyOHlpUi92NHNra0VEcDJ6Ci0tLS0tRU5EIENFUlRJRklDQVRFLS0tLS0K"

func asList(v any) []any {
	l, _ := v.([]any)
	return l
}

// stored is a kubeconfig as a remote secret holds it.
func stored(e object.Endpoint, token string) []byte {
	return []byte("apiVersion: v1\nkind: Config\ncurrent-context: a\ncontexts: [{name: a, context: {cluster: a, user: a}}]\n" +
		"clusters: [{name: a, cluster: {server: " + e.Server + ", certificate-authority-data: " + b64(e.CA) + "}}]\nusers: [{name: a, user: {token: " + token + "}}]\n")
}
