package applytest_test

import (
	"context"
	"crypto/rand"
	"errors"
	"maps"
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

type claim func(*testing.T, subject)

// A subject is what a case is about.
type subject struct {
	object.Cluster
	ctx    context.Context
	ns     string // the case's own
	opener object.Opener
	// What another manager does.
	create  func(manager string, o *unstructured.Unstructured) error
	applyAs func(manager string, o *unstructured.Unstructured, force bool) error
	edit    func(manager string, ref object.Ref, change func(*unstructured.Unstructured)) error
}

// liveKubeconfig names a kubeconfig whose contexts are running clusters that
// tests may write to, such as the lab's.
const liveKubeconfig = "SETUP_MESH_TEST_KUBECONFIG"

func TestConformance(t *testing.T) {
	claims := map[string]claim{}
	for _, some := range []map[string]claim{applyClaims, objectClaims, lifeClaims, askClaims} {
		maps.Copy(claims, some)
	}
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
