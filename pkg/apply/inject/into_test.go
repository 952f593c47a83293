package inject

import (
	"bytes"
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"istio.io/istio/pkg/config/mesh"
	"istio.io/istio/pkg/kube/inject"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/setup-mesh/setup-mesh/pkg/apply/charts"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/topology"
	"github.com/setup-mesh/setup-mesh/pkg/topology/manifest"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// files are a primary, and a remote cluster of it on another network.
const (
	topologyFile = "mesh_id: m\ncontexts:\n  kind-east: {network: n1, name: east}\n  kind-west: {network: n2, name: west, primaries: [kind-east]}\n"
	baseFile     = "apiVersion: install.istio.io/v1alpha2\nkind: IstioControlPlane\nspec:\n  profile: default\n"
)

func testMesh(t *testing.T) *topology.Mesh {
	t.Helper()
	m, err := topology.ParseMesh("topology.yaml", []byte(topologyFile), nil)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// rendered is what the charts install in each cluster, by the cluster's name.
func rendered(t *testing.T) map[string]map[object.Ref]*unstructured.Unstructured {
	t.Helper()
	m := testMesh(t)
	base, err := manifest.ParseBase("base.yaml", []byte(baseFile))
	if err != nil {
		t.Fatal(err)
	}
	renderer, all := charts.New(), map[string]map[object.Ref]*unstructured.Unstructured{}
	for _, c := range m.Clusters {
		spec, _ := manifest.New(m, base, c, manifest.Release{Hub: charts.Hub, Tag: charts.Release})
		objects, err := renderer.Render(c.Namespace, spec.Operator())
		if err != nil {
			t.Fatal(err)
		}
		all[c.Name] = map[object.Ref]*unstructured.Unstructured{}
		for _, o := range objects {
			all[c.Name][object.RefOf(o.Unstructured)] = o.Unstructured
		}
	}
	return all
}

// live is what the charts make of a cluster: the control plane of east, and the path of
// its own webhook.
func live(t *testing.T, cluster string) *Live {
	t.Helper()
	all := rendered(t)
	text := func(name, key string) string {
		o := all["east"][object.Ref{Kind: "ConfigMap", Namespace: "istio-system", Name: name}]
		s, ok, err := unstructured.NestedString(o.Object, "data", key)
		if !ok || err != nil {
			t.Fatalf("ConfigMap %s has no %s", name, key)
		}
		return s
	}
	return &Live{
		Config: text(injectorConfig, "config"), Values: text(injectorConfig, "values"), Mesh: text(meshConfigMap, "mesh"),
		Path: object.InjectionPath(all[cluster][object.InjectorRef("istio-system")]), Revision: "default", Native: true,
	}
}

func injector(t *testing.T, l *Live) *Injector {
	t.Helper()
	i, err := New(l)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

// The sidecar is one of the cluster and its network, and all that is no pod stays. What
// has its sidecar comes out byte for byte.
func TestInto(t *testing.T) {
	app, err := os.ReadFile("testdata/app.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, cluster := range []string{"east", "west"} {
		t.Run(cluster, func(t *testing.T) {
			i := injector(t, live(t, cluster))
			got, left, err := i.Into("app.yaml", app)
			if err != nil {
				t.Fatal(err)
			}
			golden := "testdata/" + cluster + ".yaml"
			if *update {
				if err := os.WriteFile(golden, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			wantLeft := "app.yaml:19:1: document 3: Deployment plain stays as it is: sidecar.istio.io/inject is false\n" +
				"app.yaml:32:1: document 4: DaemonSet agent stays as it is: its pods use the network of their host"
			if diff := cmp.Diff(wantLeft, left.Error()); diff != "" {
				t.Errorf("left alone (-want +got):\n%s", diff)
			}
			again, _, err := i.Into("app.yaml", got)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(got), string(again)); diff != "" {
				t.Errorf("injected twice (-once +twice):\n%s", diff)
			}
		})
	}
}

// sidecar is the proxy of a Deployment's pods, and whether it is an init container.
func sidecar(t *testing.T, text []byte) (proxy map[string]any, native bool) {
	t.Helper()
	var o map[string]any
	if err := yaml.Unmarshal(text, &o); err != nil {
		t.Fatal(err)
	}
	for _, list := range []string{"initContainers", "containers"} {
		containers, _, _ := unstructured.NestedSlice(o, "spec", "template", "spec", list)
		for _, c := range containers {
			if m := c.(map[string]any); m["name"] == "istio-proxy" {
				return m, list == "initContainers"
			}
		}
	}
	t.Fatalf("no sidecar:\n%s", text)
	return nil, false
}

func environment(proxy map[string]any) map[string]string {
	env := map[string]string{}
	for _, e := range proxy["env"].([]any) {
		m := e.(map[string]any)
		env[m["name"].(string)], _ = m["value"].(string)
	}
	return env
}

const web = `apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  template:
    metadata: {labels: {app: web}, annotations: {more: "1"}}
    spec: {containers: [{name: web, image: web}]}
`

// What is live decides, and a pod's own word goes before it.
func TestLive(t *testing.T) {
	proxyConfig := object.New("networking.istio.io/v1beta1", "ProxyConfig", "shop", "all", nil,
		map[string]any{"spec": map[string]any{"environmentVariables": map[string]any{"FROM": "a ProxyConfig"}}})
	type result struct {
		Native           bool
		Image, From, Net string
		Owner            string
	}
	const image, owner = "docker.io/istio/proxyv2:1.31.0", "kubernetes://apis/apps/v1/namespaces/shop/deployments/web"
	tests := map[string]struct {
		edit func(*Live)
		in   string
		want result
	}{
		"as it is":            {func(*Live) {}, web, result{true, image, "", "n1", owner}},
		"nodes are too old":   {func(l *Live) { l.Native = false }, web, result{false, image, "", "n1", owner}},
		"the pod says itself": {func(*Live) {}, strings.Replace(web, `more: "1"`, `sidecar.istio.io/nativeSidecar: "false"`, 1), result{false, image, "", "n1", owner}},
		"pods are not injected unless they ask": {func(l *Live) { l.Config = strings.Replace(l.Config, "policy: enabled", "policy: disabled", 1) },
			web, result{true, image, "", "n1", owner}},
		"a ProxyConfig": {func(l *Live) { l.ProxyConfigs = []*unstructured.Unstructured{proxyConfig} }, web, result{true, image, "a ProxyConfig", "n1", owner}},
		"another image": {func(l *Live) { l.Values = strings.Replace(l.Values, `"tag": "1.31.0"`, `"tag": "1.31.1"`, 1) }, web, result{true, "docker.io/istio/proxyv2:1.31.1", "", "n1", owner}},
		"a remote path": {func(l *Live) { l.Path = "/inject/cluster/west/net/a--slash--b" }, web, result{true, image, "", "a/b", owner}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			l := live(t, "east")
			tt.edit(l)
			out, left, err := injector(t, l).Into("web.yaml", []byte(tt.in))
			if err != nil || len(left) > 0 {
				t.Fatal(err, left)
			}
			proxy, native := sidecar(t, out)
			env := environment(proxy)
			got := result{native, proxy["image"].(string), env["FROM"], env["ISTIO_META_NETWORK"], env["ISTIO_META_OWNER"]}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// The sidecar is the one of istioctl kube-inject, which runs the template alone.
func TestAsIstioctl(t *testing.T) {
	l := live(t, "east")
	l.Native = false // istioctl does not know the nodes
	got, _, err := injector(t, l).Into("web.yaml", []byte(web))
	if err != nil {
		t.Fatal(err)
	}
	config, err := inject.UnmarshalConfig([]byte(l.Config))
	if err != nil {
		t.Fatal(err)
	}
	values, err := inject.NewValuesConfig(l.Values)
	if err != nil {
		t.Fatal(err)
	}
	m, err := mesh.ApplyMeshConfigDefaults(l.Mesh)
	if err != nil {
		t.Fatal(err)
	}
	var want bytes.Buffer
	err = inject.IntoResourceFile(nil, config.Templates, values, l.Revision, m, strings.NewReader(web), &want, func(w string) { t.Error(w) })
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(template(t, want.Bytes()), template(t, got)); diff != "" {
		t.Errorf("pods (-istioctl +inject):\n%s", diff)
	}
}

func template(t *testing.T, deployment []byte) corev1.PodTemplateSpec {
	t.Helper()
	var d appsv1.Deployment
	text, _, _ := bytes.Cut(deployment, []byte("\n---"))
	if err := yaml.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	return d.Spec.Template
}

// A file with mistakes is not printed in part, and what is in it is not quoted.
func TestMistakes(t *testing.T) {
	tests := map[string]struct{ in, want string }{
		"not YAML":       {"a: 1\n---\n# more\nb: [\n", "f:4:1: document 2: not YAML: did not find expected node content"},
		"a template":     {"a: {{ .Values.secret }}\n", "f:1:1: document 1: not YAML: a key is not a word: is it a template that is to be filled in first?"},
		"a wrong tag":    {"a: !!int secret\n", "f:1:1: document 1: not YAML: cannot decode !!str"},
		"no object":      {"just a secret\n", "f:1:1: document 1: not an object of Kubernetes"},
		"a field's type": {strings.Replace(web, "image: web", "image: [secret]", 1), "f:1:1: document 1: read the pods of Deployment web: spec.containers.image is of the wrong type"},
		"an annotation": {strings.Replace(web, `more: "1"`, `status.sidecar.istio.io/port: x`, 1), "f:1:1: document 1: inject the pods of Deployment web: invalid value 'x' for annotation 'status.sidecar.istio.io/port': " +
			`excludeInboundPorts invalid: failed parsing port 'x': strconv.ParseUint: parsing "x": invalid syntax`},
		"unknown templates": {strings.Replace(web, `more: "1"`, `inject.istio.io/templates: mine`, 1), `f:1:1: document 1: inject the pods of Deployment web: requested template "mine" not found`},
		"two":               {"a\n---\n---\nb\n", "f:1:1: document 1: not an object of Kubernetes\nf:3:1: document 2: not an object of Kubernetes"},
	}
	i := injector(t, live(t, "east"))
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			out, _, err := i.Into("f", []byte(tt.in))
			if err == nil || out != nil {
				t.Fatalf("no error, and %s", out)
			}
			got, _, _ := strings.Cut(err.Error(), "; have ") // the others, in an order of chance
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// What holds nothing to inject comes out as it went in.
func TestUntouched(t *testing.T) {
	i := injector(t, live(t, "east"))
	for name, text := range map[string]string{
		"nothing":               "",
		"comments":              "# a\n--- # b\n\n---\n",
		"no end of line":        "---\nkind: ConfigMap\n---\nkind: Other",
		"Windows line ends":     "---\r\nkind: ConfigMap\r\n--- \r\nkind: Secret\r\n",
		"a Deployment of yore":  "apiVersion: apps/v1\nkind: Deployment\n",
		"a kind of that name":   strings.Replace(web, "apps/v1", "example.com/v1", 1),
		"a pod that has a host": "apiVersion: v1\nkind: Pod\nspec: {hostNetwork: true}\n",
	} {
		t.Run(name, func(t *testing.T) {
			out, _, err := i.Into("f", []byte(text))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(text, string(out)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
