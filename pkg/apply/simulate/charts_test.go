package simulate

import (
	"encoding/json"
	"fmt"
	"maps"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/setup-mesh/setup-mesh/pkg/apply/applytest"
	"github.com/setup-mesh/setup-mesh/pkg/apply/charts"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

// standIn renders what matters of Istio's charts, in the same names: rendering
// those takes 17 ms a cluster, and histories render thousands.
type standIn struct{}

func (standIn) Check(map[string]any) []charts.Finding { return nil }

var crds = func() []charts.Object {
	var out []charts.Object
	for _, k := range []schema.GroupKind{
		{Group: "networking.istio.io", Kind: "Gateway"}, {Group: "networking.istio.io", Kind: "VirtualService"},
		{Group: "security.istio.io", Kind: "PeerAuthentication"},
	} {
		out = append(out, charts.Object{Component: "base", Unstructured: applytest.CRD(k)})
	}
	return out
}()

func (standIn) Render(ns string, spec map[string]any) ([]charts.Object, error) {
	r := rendering{ns: ns, spec: spec}
	remote := r.text("profile") == "remote"
	reader := r.text("values", "global", "readerServiceAccount", "name")
	if !remote {
		r.out = append(r.out, crds...)
		if reader == "" {
			r.add("base", object.New("v1", "ServiceAccount", ns, "istio-reader-service-account", nil, nil))
		}
	}
	if reader == "" {
		reader = "istio-reader-service-account"
	}
	r.role("istio-reader-clusterrole-"+ns, reader)
	path := "/inject"
	if remote {
		path = r.text("values", "istiodRemote", "injectionPath")
	}
	r.add("pilot", r.injector(path))
	if !remote {
		r.primary()
	}
	if r.text("profile") == "ambient" {
		r.onNodes("cni", "istio-cni-node")
		r.onNodes("ztunnel", "ztunnel")
	}
	r.eastWest()
	return r.out, nil
}

type rendering struct {
	ns   string
	spec map[string]any
	out  []charts.Object
}

func (r *rendering) add(component string, o *unstructured.Unstructured) {
	r.out = append(r.out, charts.Object{Component: component, Unstructured: o})
}

func (r *rendering) text(path ...string) string {
	v, ok, _ := unstructured.NestedFieldNoCopy(r.spec, path...)
	if !ok {
		return ""
	}
	return fmt.Sprint(v)
}

const rbac = "rbac.authorization.k8s.io"

func (r *rendering) role(name, account string) {
	r.add("pilot", object.New(rbac+"/v1", "ClusterRole", "", name, nil, map[string]any{"rules": []any{map[string]any{
		"apiGroups": []any{""}, "resources": []any{"services", "pods", "secrets"}, "verbs": []any{"get", "list", "watch"},
	}}}))
	r.add("pilot", object.New(rbac+"/v1", "ClusterRoleBinding", "", name, nil, map[string]any{
		"roleRef":  map[string]any{"apiGroup": rbac, "kind": "ClusterRole", "name": name},
		"subjects": []any{map[string]any{"kind": "ServiceAccount", "name": account, "namespace": r.ns}},
	}))
}

func (r *rendering) injector(path string) *unstructured.Unstructured {
	name := "istio-sidecar-injector"
	if r.ns != "istio-system" {
		name += "-" + r.ns
	}
	absent := func(key string) any { return map[string]any{"key": key, "operator": "DoesNotExist"} }
	return object.New("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration", "", name,
		map[string]any{"labels": map[string]any{"istio.io/rev": "default"}},
		map[string]any{"webhooks": []any{map[string]any{
			"name": "object.sidecar-injector.istio.io", "sideEffects": "None", "admissionReviewVersions": []any{"v1"}, "failurePolicy": "Fail",
			"clientConfig":      map[string]any{"service": map[string]any{"namespace": r.ns, "name": "istiod", "path": path, "port": int64(443)}},
			"rules":             []any{map[string]any{"apiGroups": []any{""}, "apiVersions": []any{"v1"}, "operations": []any{"CREATE"}, "resources": []any{"pods"}}},
			"namespaceSelector": map[string]any{"matchExpressions": []any{absent("istio-injection"), absent("istio.io/rev")}},
			"objectSelector": map[string]any{
				"matchLabels": map[string]any{"sidecar.istio.io/inject": "true"}, "matchExpressions": []any{absent("istio.io/rev")},
			},
		}}})
}

// onNodes is what runs on every node.
func (r *rendering) onNodes(chart, name string) {
	app := map[string]any{"app": name}
	r.add(chart, object.New("v1", "ServiceAccount", r.ns, name, nil, nil))
	r.add(chart, object.New("apps/v1", "DaemonSet", r.ns, name, nil, map[string]any{"spec": map[string]any{
		"selector": map[string]any{"matchLabels": maps.Clone(app)},
		"template": map[string]any{"metadata": map[string]any{"labels": maps.Clone(app)}, "spec": map[string]any{"containers": []any{map[string]any{"name": chart, "image": chart}}}},
	}}))
}

// primary is istiod and what belongs to it.
func (r *rendering) primary() {
	ns := r.ns
	app := map[string]any{"app": "istiod"}
	env := []any{
		map[string]any{"name": "ISTIO_MULTIROOT_MESH", "value": r.text("values", "pilot", "env", "ISTIO_MULTIROOT_MESH")},
		map[string]any{"name": "AMBIENT_ENABLE_MULTI_NETWORK", "value": r.text("values", "pilot", "env", "AMBIENT_ENABLE_MULTI_NETWORK")},
		map[string]any{"name": "CLUSTER_ID", "value": r.text("values", "global", "multiCluster", "clusterName")},
		map[string]any{"name": "NETWORK", "value": r.text("values", "global", "network")},
	}
	if r.text("values", "global", "externalIstiod") == "true" {
		env = append(env, map[string]any{"name": "EXTERNAL_ISTIOD", "value": "true"})
	} else {
		env = append(env, map[string]any{"name": "EXTERNAL_ISTIOD", "value": "false"})
	}
	if v := r.text("values", "pilot", "env", "SIM"); v != "" {
		env = append(env, map[string]any{"name": "SIM", "value": v})
	}
	r.add("pilot", object.New("v1", "ServiceAccount", ns, "istiod", nil, nil))
	r.add("pilot", object.New("v1", "ConfigMap", ns, "istio", nil, map[string]any{"data": map[string]any{
		"mesh": "trace: " + r.text("values", "pilot", "traceSampling"), "meshNetworks": r.networks(),
	}}))
	r.add("pilot", object.New("v1", "Service", ns, "istiod", map[string]any{"labels": maps.Clone(app)}, map[string]any{"spec": map[string]any{
		"selector": maps.Clone(app), "ports": []any{port("https-dns", 15012, 15012), port("https-webhook", 443, 15017)},
	}}))
	r.add("pilot", object.New("apps/v1", "Deployment", ns, "istiod", map[string]any{"labels": maps.Clone(app)}, map[string]any{"spec": map[string]any{
		"selector": map[string]any{"matchLabels": maps.Clone(app)},
		"template": map[string]any{
			"metadata": map[string]any{"labels": map[string]any{"app": "istiod", "istio.io/rev": "default", "sidecar.istio.io/inject": "false"}},
			"spec": map[string]any{"serviceAccountName": "istiod", "containers": []any{map[string]any{
				"name": "discovery", "image": "docker.io/istio/pilot:" + charts.Release, "env": env,
			}}},
		},
	}}))
	r.add("pilot", object.New("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", "", "istio-validator-"+ns,
		map[string]any{"labels": map[string]any{"istio.io/rev": "default"}},
		map[string]any{"webhooks": []any{map[string]any{
			"name": "rev.validation.istio.io", "sideEffects": "None", "admissionReviewVersions": []any{"v1"},
			"clientConfig": map[string]any{"service": map[string]any{"namespace": ns, "name": "istiod", "path": "/validate"}},
			"rules": []any{map[string]any{
				"apiGroups": []any{"networking.istio.io", "security.istio.io"}, "apiVersions": []any{"*"},
				"operations": []any{"CREATE", "UPDATE"}, "resources": []any{"*"},
			}},
		}}}))
}

// networks are the gateways that the topology has addresses for, as YAML.
func (r *rendering) networks() string {
	v, _, _ := unstructured.NestedMap(r.spec, "values", "global", "meshNetworks")
	text, err := json.Marshal(map[string]any{"networks": v})
	if err != nil {
		panic(err)
	}
	return string(text)
}

func port(name string, number, target int64) any {
	return map[string]any{"name": name, "port": number, "targetPort": target, "protocol": "TCP"}
}

// eastWest is the gateway that the manifest asks for, if it does.
func (r *rendering) eastWest() {
	list, _, _ := unstructured.NestedSlice(r.spec, "components", "ingressGateways")
	for _, e := range list {
		m, _ := e.(map[string]any)
		if m["name"] != object.EastWestGateway {
			continue
		}
		labels, _, _ := unstructured.NestedMap(m, "label")
		ports, _, _ := unstructured.NestedSlice(m, "k8s", "service", "ports")
		env, _, _ := unstructured.NestedSlice(m, "k8s", "env")
		notes, _, _ := unstructured.NestedMap(m, "k8s", "serviceAnnotations")
		meta := map[string]any{"labels": maps.Clone(labels)}
		if len(notes) > 0 {
			meta["annotations"] = notes
		}
		const component = "ingressgateway:" + object.EastWestGateway
		r.add(component, object.New("v1", "ServiceAccount", r.ns, object.EastWestGateway+"-service-account", nil, nil))
		r.add(component, object.New("v1", "Service", r.ns, object.EastWestGateway, meta, map[string]any{"spec": map[string]any{
			"type": "LoadBalancer", "selector": maps.Clone(labels), "ports": ports,
		}}))
		podLabels := maps.Clone(labels)
		podLabels["sidecar.istio.io/inject"] = "true"
		r.add(component, object.New("apps/v1", "Deployment", r.ns, object.EastWestGateway, map[string]any{"labels": maps.Clone(labels)}, map[string]any{"spec": map[string]any{
			"selector": map[string]any{"matchLabels": maps.Clone(labels)},
			"template": map[string]any{
				"metadata": map[string]any{"labels": podLabels},
				"spec":     map[string]any{"containers": []any{map[string]any{"name": "istio-proxy", "image": "auto", "env": env}}},
			},
		}}))
	}
}
