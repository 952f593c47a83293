package charts

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"
	"istio.io/istio/manifests"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func mustRender(t testing.TB, r *Renderer, namespace, spec string) []Object {
	t.Helper()
	objects, err := r.Render(namespace, parse(t, spec))
	if err != nil {
		t.Fatal(err)
	}
	return objects
}

func list(objects []Object) string {
	var b strings.Builder
	for _, o := range objects {
		fmt.Fprintf(&b, "%s %s %s/%s\n", o.Component, o.GetKind(), o.GetNamespace(), o.GetName())
	}
	return b.String()
}

func find(t testing.TB, objects []Object, kind, name string) map[string]any {
	t.Helper()
	for _, o := range objects {
		if o.GetKind() == kind && o.GetName() == name {
			return o.Object
		}
	}
	t.Fatalf("no %s %s", kind, name)
	return nil
}

func TestRenderList(t *testing.T) {
	const golden = "testdata/multi-network.txt"
	got := list(mustRender(t, New(), "istio-system", multiNetwork))
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestRenderIsTheSameEveryTime(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	r := New()
	spec := parse(t, multiNetwork)
	before := parse(t, multiNetwork)
	want := mustRender(t, r, "istio-system", multiNetwork)
	got := make([][]Object, 20)
	var g errgroup.Group
	for i := range got {
		g.Go(func() error {
			renderer := r
			if i == 0 {
				renderer = New()
			}
			var err error
			got[i], err = renderer.Render("istio-system", spec)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	for i := range got {
		mustBeSame(t, want, got[i])
	}
	if diff := cmp.Diff(before, spec); diff != "" {
		t.Errorf("the spec was changed (-want +got)\n%s", diff)
	}
	left, err := os.ReadDir(os.TempDir())
	if err != nil || len(left) > 0 {
		t.Errorf("files left behind: %v, %v", left, err)
	}
}

// The base chart's objects are taken from a cheaper rendering of its own: they
// must be what the whole spec yields.
func TestRenderBaseIsWhatTheChartYields(t *testing.T) {
	tests := map[string]string{
		"default":          "{}",
		"multi-network":    multiNetwork,
		"another revision": "{revision: r, values: {defaultRevision: r}}",
		"ambient":          "{profile: ambient, values: {defaultRevision: default}}",
		"empty":            "{profile: empty}",
		"old behaviour":    "{compatibilityVersion: '1.28', values: {global: {platform: openshift}}}",
		"its own values": `{values: {defaultRevision: default, base: {validationURL: "https://x/validate"}, experimental: {stableValidationPolicy: true},
		  global: {imagePullSecrets: [a], enableReaderRBAC: true}}}`,
		"no reader":          "{values: {global: {enableReaderRBAC: false}}}",
		"another reader":     "{values: {global: {readerServiceAccount: {name: a, namespace: b}}}}",
		"without some":       "{values: {base: {excludedCRDs: [envoyfilters.networking.istio.io]}}}",
		"namespaced":         "{values: {global: {resourceScope: namespace}}}",
		"unvalidated":        "{values: {defaultRevision: default}, unvalidatedValues: {base: {validationFailurePolicy: Fail, excludedCRDs: [gateways.networking.istio.io]}}}",
		"patched":            "{components: {base: {k8s: {overlays: [{kind: ServiceAccount, name: istio-reader-service-account, patches: [{path: metadata.annotations.a, value: b}]}]}}}}",
		"disabled":           "{components: {base: {enabled: false}}}",
		"disabled elsewhere": "{components: {pilot: {enabled: false}}}",
	}
	for name, spec := range tests {
		t.Run(name, func(t *testing.T) {
			in, err := newInput("istio-system", parse(t, spec))
			if err != nil {
				t.Fatal(err)
			}
			whole, err := in.render()
			if err != nil {
				t.Fatal(err)
			}
			if whole, err = sorted(whole); err != nil {
				t.Fatal(err)
			}
			isBase := func(o Object) bool { return o.Component != "base" }
			want := slices.DeleteFunc(whole, isBase)
			got := slices.DeleteFunc(mustRender(t, New(), "istio-system", spec), isBase)
			mustBeSame(t, want, got)
		})
	}
}

// mustBeSame compares whole objects, and asks cmp only when there is something
// to show: on CRDs it takes seconds.
func mustBeSame(t *testing.T, want, got []Object) {
	t.Helper()
	if !reflect.DeepEqual(want, got) {
		t.Fatalf("(-want +got)\n%s", cmp.Diff(want, got))
	}
}

// baseValues must name every value that the base chart's templates read.
func TestBaseValues(t *testing.T) {
	const dir = "charts/base/templates"
	entries, err := manifests.FS.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	read := regexp.MustCompile(`(?:\$?\.Values\)?\.|dig "(global)" ")([A-Za-z_.]+)`)
	found := 0
	for _, e := range entries {
		text, err := manifests.FS.ReadFile(dir + "/" + e.Name())
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range read.FindAllStringSubmatch(strings.ReplaceAll(string(text), "($.Values.global).", "$.Values.global."), -1) {
			path := strings.TrimPrefix(m[1]+"."+m[2], ".")
			if slices.Contains([]string{"global", "defaults", "_internal_defaults_do_not_set"}, path) {
				continue // the profile machinery, which hands on whole trees
			}
			found++
			if !slices.ContainsFunc(baseValues, func(v []string) bool {
				known := strings.Join(v, ".")
				return path == known || strings.HasPrefix(path, known+".")
			}) {
				t.Errorf("%s reads %s, which is not among the base chart's values", e.Name(), path)
			}
		}
	}
	if found < 10 {
		t.Errorf("only %d values found in the templates; are they still written as they were?", found)
	}
}

func TestRenderClustersShareTheBase(t *testing.T) {
	r := New()
	east := mustRender(t, r, "istio-system", multiNetwork)
	west := mustRender(t, r, "istio-system", strings.ReplaceAll(multiNetwork, "east-1", "west-1"))
	other := mustRender(t, r, "istio-system", "{values: {defaultRevision: ''}}")
	if east[0].Unstructured != west[0].Unstructured {
		t.Error("clusters that differ in name only do not share the base chart's objects")
	}
	if east[0].Unstructured == other[0].Unstructured {
		t.Error("a cluster with another base chart shares its objects")
	}
}

func TestRenderGateways(t *testing.T) {
	// Without the profile's gateway in the list: it must not go away.
	spec := parse(t, multiNetwork)
	entries := lookup(spec, "components", "ingressGateways").([]any)
	set(spec, entries[1:], "components", "ingressGateways")
	set(spec, "192.0.2.1", "values", "gateways", "istio-ingressgateway", "loadBalancerIP")
	objects, err := New().Render("istio-system", spec)
	if err != nil {
		t.Fatal(err)
	}
	eastWest := find(t, objects, "Deployment", "istio-eastwestgateway")
	ingress := find(t, objects, "Deployment", "istio-ingressgateway")
	container := func(o map[string]any) map[string]any {
		return lookup(o, "spec", "template", "spec", "containers").([]any)[0].(map[string]any)
	}
	service := find(t, objects, "Service", "istio-eastwestgateway")
	port := lookup(service, "spec", "ports").([]any)[1]
	got := map[string]any{
		"network of the pods":    lookup(eastWest, "spec", "template", "metadata", "labels", "topology.istio.io/network"),
		"network of the service": lookup(service, "metadata", "labels", "topology.istio.io/network"),
		"address of the service": lookup(service, "spec", "loadBalancerIP"),
		"templates":              lookup(eastWest, "spec", "template", "metadata", "annotations", "inject.istio.io/templates"),
		"view":                   container(eastWest)["env"].([]any)[0],
		"image":                  container(eastWest)["image"],
		"port":                   port,
		"ingress image":          container(ingress)["image"],
		"ingress templates":      lookup(ingress, "spec", "template", "metadata", "annotations", "inject.istio.io/templates"),
		"ingress address":        lookup(find(t, objects, "Service", "istio-ingressgateway"), "spec", "loadBalancerIP"),
	}
	want := map[string]any{
		"network of the pods":    "network-east",
		"network of the service": "network-east",
		"address of the service": nil,
		"templates":              "gateway",
		"view":                   map[string]any{"name": "ISTIO_META_REQUESTED_NETWORK_VIEW", "value": "network-east"},
		"image":                  "auto",
		"port":                   map[string]any{"name": "tls", "port": int64(15443), "targetPort": int64(15443)},
		"ingress image":          "docker.io/istio/proxyv2:1.31.0",
		"ingress templates":      nil,
		"ingress address":        "192.0.2.1",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestRenderErrors(t *testing.T) {
	tests := map[string]struct{ spec, want string }{
		"two gateways of one name": {
			"{components: {ingressGateways: [{name: a}, {name: a}]}}",
			"Deployment.apps istio-system/a is rendered twice, by ingressgateway:a and by ingressgateway:a",
		},
		"two namespaces": {
			"{values: {global: {istioNamespace: elsewhere}}}",
			`spec.values.global.istioNamespace is elsewhere, but the control plane is in "istio-system"`,
		},
		"an unknown value": {
			"{values: {pilot: {nope: 1}}}",
			`render the charts: could not unmarshal: error unmarshaling JSON: while decoding JSON: unknown field "nope" in istio.operator.v1alpha1.PilotConfig`,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := New().Render("istio-system", parse(t, test.spec))
			if err == nil || err.Error() != test.want {
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
}

// TestRenderRefused finds the value that a template stumbles over, and what it says.
func TestRenderRefused(t *testing.T) {
	tests := map[string]struct{ spec, path, reason string }{
		"a value of another type":        {"{values: {gatewayClasses: x}}", "spec.values.gatewayClasses", "range can't iterate over x"},
		"text that YAML reads as a list": {"{values: {global: {sds: {token: {aud: '[x].example'}}}}}", "spec.values.global.sds.token.aud", `they do not quote it, and YAML reads "[x].example" as more than text`},
		"a template that gives up":       {"{values: {global: {platform: x}}}", "spec", "unknown platform x"},
		"a value that is no longer":      {"{values: {global: {pilotCertProvider: kubernetes}}}", "spec", "pilotCertProvider=kubernetes is not supported"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := New().Render("istio-system", parse(t, tt.spec))
			e, ok := errors.AsType[*RefusedError](err)
			if !ok || e.Path != tt.path || e.Reason != tt.reason {
				t.Errorf("got %v, want %s: %s", err, tt.path, tt.reason)
			}
		})
	}
}

// multiNetwork is the spec of a cluster in a mesh of several networks.
const multiNetwork = `
profile: default
hub: docker.io/istio
tag: 1.31.0
meshConfig:
  trustDomain: cluster.local
  defaultConfig: {proxyMetadata: {PROXY_CONFIG_XDS_AGENT: "true"}}
values:
  defaultRevision: default
  global:
    istioNamespace: istio-system
    meshID: mesh
    network: network-east
    multiCluster: {clusterName: east-1}
  pilot: {env: {ISTIO_MULTIROOT_MESH: "true"}}
components:
  ingressGateways:
  - name: istio-ingressgateway
    enabled: true
  - name: istio-eastwestgateway
    enabled: true
    label: {istio: eastwestgateway, app: istio-eastwestgateway, topology.istio.io/network: network-east}
    k8s:
      env: [{name: ISTIO_META_REQUESTED_NETWORK_VIEW, value: network-east}]
      service:
        ports:
        - {name: status-port, port: 15021, targetPort: 15021}
        - {name: tls, port: 15443, targetPort: 15443}
        - {name: tls-istiod, port: 15012, targetPort: 15012}
        - {name: tls-webhook, port: 15017, targetPort: 15017}
`
