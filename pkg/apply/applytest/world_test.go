package applytest_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/setup-mesh/setup-mesh/pkg/apply/applytest"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

const ns = "istio-system"

// deployment makes one of an istiod or a gateway.
func deployment(name, app, cluster string) *unstructured.Unstructured {
	labels := map[string]any{"app": app}
	podLabels := map[string]any{"app": app}
	container := map[string]any{"name": "discovery", "image": "istio/pilot", "env": []any{map[string]any{"name": "CLUSTER_ID", "value": cluster}}}
	if app != "istiod" {
		podLabels["sidecar.istio.io/inject"] = "true"
		container = map[string]any{"name": "istio-proxy", "image": "auto"}
	}
	return object.New("apps/v1", "Deployment", ns, name, map[string]any{"labels": labels}, map[string]any{"spec": map[string]any{
		"selector": map[string]any{"matchLabels": labels},
		"template": map[string]any{
			"metadata": map[string]any{"labels": podLabels},
			"spec":     map[string]any{"containers": []any{container}},
		},
	}})
}

func service(name, app, kind string, ports ...int) *unstructured.Unstructured {
	var list []any
	for _, p := range ports {
		name := fmt.Sprintf("p%d", p)
		target := p
		if p == 443 {
			name, target = "https-webhook", 15017
		}
		list = append(list, map[string]any{"name": name, "port": int64(p), "targetPort": int64(target)})
	}
	spec := map[string]any{"type": kind, "ports": list}
	if app != "" {
		spec["selector"] = map[string]any{"app": app}
	}
	return object.New("v1", "Service", ns, name, nil, map[string]any{"spec": spec})
}

func injector() *unstructured.Unstructured {
	return object.New("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration", "", "istio-sidecar-injector",
		map[string]any{"labels": map[string]any{"istio.io/rev": "default"}},
		map[string]any{"webhooks": []any{map[string]any{
			"name": "object.sidecar-injector.istio.io", "sideEffects": "None", "admissionReviewVersions": []any{"v1"},
			"clientConfig":   map[string]any{"service": map[string]any{"namespace": ns, "name": "istiod", "path": "/inject", "port": int64(443)}},
			"rules":          []any{map[string]any{"apiGroups": []any{""}, "apiVersions": []any{"v1"}, "operations": []any{"CREATE"}, "resources": []any{"pods"}}},
			"objectSelector": map[string]any{"matchLabels": map[string]any{"sidecar.istio.io/inject": "true"}},
		}}})
}

func cacerts(root string) *unstructured.Unstructured {
	return object.New("v1", "Secret", ns, "cacerts", nil, map[string]any{"data": map[string]any{
		"root-cert.pem": b64([]byte(root)),
	}})
}

const pem = "-----BEGIN CERTIFICATE-----\nroot\n-----END CERTIFICATE-----\n"

// reader is what a remote secret's token needs in the cluster that it is for.
func reader() []*unstructured.Unstructured {
	return []*unstructured.Unstructured{
		object.New("v1", "ServiceAccount", ns, "reader", nil, nil),
		object.New("rbac.authorization.k8s.io/v1", "ClusterRole", "", "reader", nil, map[string]any{"rules": []any{map[string]any{
			"apiGroups": []any{""}, "resources": []any{"services"}, "verbs": []any{"get", "list", "watch"},
		}}}),
		object.New("rbac.authorization.k8s.io/v1", "ClusterRoleBinding", "", "reader", nil, map[string]any{
			"roleRef":  map[string]any{"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "reader"},
			"subjects": []any{map[string]any{"kind": "ServiceAccount", "name": "reader", "namespace": ns}},
		}),
		object.New("v1", "Secret", ns, "grant", nil, nil),
	}
}

func must(t *testing.T, c object.Cluster, objects ...*unstructured.Unstructured) *unstructured.Unstructured {
	t.Helper()
	var out *unstructured.Unstructured
	for _, o := range objects {
		var err error
		if out, err = c.Apply(t.Context(), o, object.ApplyOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// A world has clusters with the names given, and one run that opened them.
func world(t *testing.T, names ...string) (*applytest.Fleet, *applytest.Run, map[string]object.Cluster) {
	t.Helper()
	f := applytest.New(1)
	t.Cleanup(f.Close)
	clusters := map[string]object.Cluster{}
	run, _ := f.Run(t.Context())
	for _, name := range names {
		f.Add(name)
		c, err := run.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		clusters[name] = c
	}
	return f, run, clusters
}

func TestPrimaryAndRemote(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, run, clusters := world(t, "east", "far")
		east, far := clusters["east"], clusters["far"]
		namespace := object.New("v1", "Namespace", "", ns, nil, nil)
		led := object.New("v1", "Namespace", "", ns, map[string]any{"annotations": map[string]any{"topology.istio.io/controlPlaneClusters": "east-id"}}, nil)
		gateway, routes := object.Ref{Group: "networking.istio.io", Kind: "Gateway"}.GroupKind(), object.Ref{Group: "networking.istio.io", Kind: "VirtualService"}.GroupKind()
		must(t, east, namespace, applytest.CRD(gateway), applytest.CRD(routes), cacerts(pem), service("istiod", "istiod", "ClusterIP", 443, 15012), injector())
		must(t, east, deployment("istiod", "istiod", "east-id"))
		time.Sleep(10 * time.Second)
		if got := f.Cluster("east").Injection(ns); len(got) != 1 || !got[0].Served || got[0].By != "east" {
			t.Fatalf("injection in east: %+v", got)
		}
		must(t, east, service("istio-eastwestgateway", "gw", "LoadBalancer", 15443, 15017), deployment("istio-eastwestgateway", "gw", ""),
			object.New("networking.istio.io/v1", "Gateway", ns, object.IstiodGateway, nil, map[string]any{"spec": map[string]any{}}),
			object.New("networking.istio.io/v1", "VirtualService", ns, object.IstiodRoutes, nil, map[string]any{"spec": map[string]any{}}))
		time.Sleep(10 * time.Second)
		s, err := east.Get(t.Context(), object.GatewayServiceRef(ns))
		if err != nil {
			t.Fatal(err)
		}
		ingress, _, _ := unstructured.NestedSlice(s.Object, "status", "loadBalancer", "ingress")
		if len(ingress) != 1 {
			t.Fatalf("status %v", s.Object["status"])
		}
		ip := ingress[0].(map[string]any)["ip"]

		must(t, far, led)
		grant := must(t, far, reader()...)
		must(t, far, injector(), service("istiod", "", "ClusterIP", 443, 15012),
			object.New("discovery.k8s.io/v1", "EndpointSlice", ns, "istiod-east", map[string]any{"labels": map[string]any{"kubernetes.io/service-name": "istiod"}},
				map[string]any{
					"addressType": "IPv4", "endpoints": []any{map[string]any{"addresses": []any{ip}}},
					"ports": []any{map[string]any{"name": "https-webhook", "port": int64(15017), "protocol": "TCP"}},
				}))
		token, _, err := far.Token(t.Context(), ns, "reader", object.RefOf(grant), string(grant.GetUID()), time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		config := stored(far.Endpoint(), string(token.Bytes()))
		if _, err := run.CheckKubeconfig(t.Context(), config); err != nil {
			t.Fatal(err)
		}
		must(t, east, object.New("v1", "Secret", ns, "istio-remote-secret-far", map[string]any{"labels": map[string]any{"istio/multiCluster": "true"}},
			map[string]any{"data": map[string]any{"far-id": b64(config)}}))
		time.Sleep(10 * time.Second)
		if got := f.Cluster("far").Injection(ns); len(got) != 1 || !got[0].Served || got[0].By != "east" {
			t.Fatalf("injection in far: %+v", got)
		}
		pods, err := east.List(t.Context(), object.Ref{Kind: "Pod"}.GroupKind(), ns, "app=istiod")
		if err != nil || len(pods) != 1 {
			t.Fatal(pods, err)
		}
		body, err := east.PodGet(t.Context(), ns, pods[0].GetName(), 15014, "/debug/clusterz")
		var list []map[string]string
		if err != nil || json.Unmarshal(body, &list) != nil || len(list) != 2 || list[1]["syncStatus"] != "synced" {
			t.Fatal(string(body), err)
		}
		f.Look(func(w applytest.World) {
			if s := w.Istiods("east"); len(s) != 1 || s[0].SelfSigned || s[0].Root != pem || len(s[0].Leads) != 1 {
				t.Errorf("istiods %+v", s)
			}
		})
	})
}

func TestInjectionWithoutIstiod(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, _, clusters := world(t, "east")
		east := clusters["east"]
		pod := object.New("v1", "Pod", ns, "probe", map[string]any{"labels": map[string]any{"sidecar.istio.io/inject": "true"}},
			map[string]any{"spec": map[string]any{"containers": []any{map[string]any{"name": "istio-proxy", "image": "auto"}}}})
		must(t, east, object.New("v1", "Namespace", "", ns, nil, nil))
		image := func() any {
			t.Helper()
			o, err := east.Try(t.Context(), pod)
			if err != nil {
				t.Fatal(err)
			}
			return nested(o, "spec", "containers").([]any)[0].(map[string]any)["image"]
		}
		if got := image(); got != "auto" {
			t.Errorf("nobody injects, and the image is %v", got)
		}
		must(t, east, injector())
		if _, err := east.Try(t.Context(), pod); object.ClassOf(err) != object.Webhook {
			t.Errorf("got %v", err)
		}
		must(t, east, service("istiod", "istiod", "ClusterIP", 443), deployment("istiod", "istiod", "c"))
		time.Sleep(time.Minute)
		if got := image(); got == "auto" {
			t.Error("not injected")
		}
		f.Look(func(w applytest.World) {
			if s := w.Istiods("east"); len(s) != 1 || !s[0].SelfSigned {
				t.Errorf("istiods %+v", s)
			}
		})
		if err := east.Delete(t.Context(), object.NamespaceRef(ns), object.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
		err := east.Wait(t.Context(), object.NamespaceRef(ns), func(o *unstructured.Unstructured) (bool, string) { return o == nil, "there" })
		if err != nil {
			t.Fatal(err)
		}
	})
}

func b64(data []byte) string { return base64.StdEncoding.EncodeToString(data) }

// What happens depends on the seed and on what is done, and on nothing else.
func TestHistoriesRepeat(t *testing.T) {
	merger := applytest.NewMerger()
	var histories [2][]string
	for i := range histories {
		synctest.Test(t, func(t *testing.T) {
			f := merger.Fleet(7)
			defer f.Close()
			start := time.Now()
			f.OnWrite(func(w applytest.Write) {
				version := ""
				if w.After != nil {
					version = string(w.After.GetUID()) + " " + w.After.GetResourceVersion()
				}
				histories[i] = append(histories[i], fmt.Sprint(time.Since(start), " ", w.Cluster, " ", w.Verb, " ", w.Ref, " ", w.By, " ", version))
			})
			run, ctx := f.Run(t.Context())
			for _, name := range []string{"a", "b", "c"} {
				f.Add(name)
				c, err := run.Open(name)
				if err != nil {
					t.Fatal(err)
				}
				for _, o := range member(name) {
					for range 2 {
						if _, err := c.Apply(ctx, o, object.ApplyOptions{}); err == nil {
							break
						}
						time.Sleep(time.Second) // for the CRDs
					}
				}
			}
			settle()
			for _, name := range []string{"a", "b", "c"} {
				if err := f.Cluster(name).As("kubectl").Delete(object.NamespaceRef(ns)); err != nil {
					t.Fatal(err)
				}
			}
			settle()
		})
	}
	equal(t, histories[0], histories[1])
	if len(histories[0]) < 200 {
		t.Errorf("only %d writes", len(histories[0]))
	}
}
