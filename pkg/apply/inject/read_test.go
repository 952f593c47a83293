package inject

import (
	"maps"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/setup-mesh/setup-mesh/pkg/apply/applytest"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

// installed are the clusters of the files, with what decides about sidecars, and a node.
func installed(t *testing.T) *applytest.Fleet {
	t.Helper()
	f := applytest.New(1)
	t.Cleanup(f.Close)
	for name, objects := range rendered(t) {
		c := f.Add(name)
		f.Context("kind-"+name, name)
		all := []*unstructured.Unstructured{object.New("v1", "Namespace", "", "istio-system", nil, nil), object.New("v1", "Node", "", "node", nil, nil)}
		for _, ref := range []object.Ref{
			object.InjectorRef("istio-system"), object.IstiodRef("istio-system"),
			{Kind: "ConfigMap", Namespace: "istio-system", Name: injectorConfig}, {Kind: "ConfigMap", Namespace: "istio-system", Name: meshConfigMap},
		} {
			if o := objects[ref]; o != nil {
				all = append(all, o)
			}
		}
		for _, o := range all {
			if _, err := c.As("test").Create(o); err != nil {
				t.Fatal(err)
			}
		}
		kubelet(name, "v1.36.0")(f)
	}
	return f
}

func TestRead(t *testing.T) {
	down := func(name string) func(*applytest.Fleet) {
		return func(f *applytest.Fleet) { f.Cluster(name).Set(func(s *applytest.Settings) { s.Down = true }) }
	}
	without := func(name string, ref object.Ref) func(*applytest.Fleet) {
		return func(f *applytest.Fleet) {
			if err := f.Cluster(name).As("test").Delete(ref); err != nil {
				panic(err)
			}
		}
	}
	webhook := object.InjectorRef("istio-system")
	config := object.Ref{Kind: "ConfigMap", Namespace: "istio-system", Name: injectorConfig}
	type result struct {
		Path, Revision string
		Native         bool
		Err, Hint      string
	}
	east, west := result{Path: "/inject", Revision: "default", Native: true}, result{Path: "/inject/cluster/west/net/n2", Revision: "default", Native: true}
	old := func(r result) result { r.Native = false; return r }
	tests := map[string]struct {
		context string
		edit    func(*applytest.Fleet)
		want    result
	}{
		"a primary":                    {"kind-east", func(*applytest.Fleet) {}, east},
		"a remote cluster":             {"kind-west", func(*applytest.Fleet) {}, west},
		"a primary without a webhook":  {"kind-east", without("east", webhook), east},
		"a primary beside one down":    {"kind-east", down("west"), east},
		"an old node":                  {"kind-west", kubelet("west", "v1.32.9"), old(west)},
		"an old node of the primary":   {"kind-west", kubelet("east", "v1.32.9"), west},
		"native sidecars off":          {"kind-west", native("false"), old(west)},
		"native sidecars on":           {"kind-west", func(f *applytest.Fleet) { kubelet("west", "v1.32.9")(f); native("true")(f) }, west},
		"a remote one without webhook": {"kind-west", without("west", webhook), result{Err: `read the injector in "kind-west": cluster west has no MutatingWebhookConfiguration istio-sidecar-injector`, Hint: "setup-mesh apply installs it"}},
		"a primary without templates":  {"kind-west", without("east", config), result{Err: `read the injector in "kind-east": cluster east has no ConfigMap istio-system/istio-sidecar-injector`, Hint: "setup-mesh apply installs it"}},
		"no istiod":                    {"kind-east", without("east", object.IstiodRef("istio-system")), result{Err: `read the injector in "kind-east": cluster east has no Deployment istio-system/istiod`, Hint: "setup-mesh apply installs it"}},
		"the cluster is down": {"kind-west", down("west"), result{
			Err:  `read MutatingWebhookConfiguration istio-sidecar-injector in "kind-west": connection refused (10 attempts)`,
			Hint: "is the API server https://west.applytest:6443 up, and reachable from here?"}},
		"its primary is down": {"kind-west", down("east"), result{
			Err:  `read ConfigMap istio-system/istio-sidecar-injector in "kind-east": connection refused (10 attempts)`,
			Hint: "is the API server https://east.applytest:6443 up, and reachable from here?"}},
		"not yet a remote one": {"kind-west", func(f *applytest.Fleet) {
			edit(f, "west", webhook, func(o *unstructured.Unstructured) {
				hooks, _, _ := unstructured.NestedSlice(o.Object, "webhooks")
				for _, h := range hooks {
					h.(map[string]any)["clientConfig"].(map[string]any)["service"].(map[string]any)["path"] = "/inject"
				}
				o.Object["webhooks"] = hooks
			})
		}, result{Err: `read the injector in "kind-west": cluster west has no ConfigMap istio-system/istio-sidecar-injector`, Hint: "setup-mesh apply installs it"}},
		"a key is missing": {"kind-east", func(f *applytest.Fleet) {
			edit(f, "east", config, func(o *unstructured.Unstructured) { unstructured.RemoveNestedField(o.Object, "data", "values") })
		}, result{Err: `read the injector in "kind-east": ConfigMap istio-system/istio-sidecar-injector of cluster east has no key values`, Hint: "setup-mesh apply installs it"}},
	}
	for _, name := range slices.Sorted(maps.Keys(tests)) {
		tt := tests[name]
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := installed(t)
				tt.edit(f)
				run, ctx := f.Run(t.Context())
				m := testMesh(t)
				c, ok, _ := m.ByContext(tt.context)
				if !ok {
					t.Fatal("no such context")
				}
				var got result
				if l, err := Read(ctx, run, m, c); err != nil {
					got = result{Err: err.Error(), Hint: object.HintOf(err)}
				} else {
					got = result{Path: l.Path, Revision: l.Revision, Native: l.Native}
				}
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			})
		})
	}
}

func edit(f *applytest.Fleet, cluster string, ref object.Ref, change func(*unstructured.Unstructured)) {
	if _, err := f.Cluster(cluster).As("test").Edit(ref, change); err != nil {
		panic(err)
	}
}

// kubelet gives the node of a cluster another version.
func kubelet(cluster, version string) func(*applytest.Fleet) {
	return func(f *applytest.Fleet) {
		ref := object.Ref{Kind: "Node", Name: "node"}
		if _, err := f.Cluster(cluster).As("test").EditStatus(ref, func(o *unstructured.Unstructured) {
			o.Object["status"] = map[string]any{"nodeInfo": map[string]any{"kubeletVersion": version}}
		}); err != nil {
			panic(err)
		}
	}
}

// native sets what the istiod of east says of native sidecars.
func native(mode string) func(*applytest.Fleet) {
	return func(f *applytest.Fleet) {
		edit(f, "east", object.IstiodRef("istio-system"), func(o *unstructured.Unstructured) {
			containers, _, _ := unstructured.NestedSlice(o.Object, "spec", "template", "spec", "containers")
			env, _ := containers[0].(map[string]any)["env"].([]any)
			containers[0].(map[string]any)["env"] = append(env, map[string]any{"name": "ENABLE_NATIVE_SIDECARS", "value": mode})
			if err := unstructured.SetNestedSlice(o.Object, containers, "spec", "template", "spec", "containers"); err != nil {
				panic(err)
			}
		})
	}
}
