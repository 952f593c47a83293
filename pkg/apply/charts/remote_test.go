package charts_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/setup-mesh/setup-mesh/pkg/apply/charts"
	"github.com/setup-mesh/setup-mesh/pkg/topology"
)

// TestRemoteStaysSmall renders what is installed on a remote cluster, for base.yaml
// of every profile and with what only a control plane needs.
func TestRemoteStaysSmall(t *testing.T) {
	const small = `pilot ClusterRole istio-reader-clusterrole-istio-system
pilot ClusterRoleBinding istio-reader-clusterrole-istio-system
pilot MutatingWebhookConfiguration istio-sidecar-injector
`
	const everything = `
  meshConfig: {accessLogFile: /dev/stdout}
  components:
    base: {k8s: {overlays: []}}
    pilot: {k8s: {replicaCount: 2}}
    cni: {enabled: true}
  values:
    configMap: true
    telemetry: {enabled: true}
    gatewayClasses: {istio: {deployment: {}}}
    pilot: {env: {A: b}, cni: {enabled: true}}
    profile: demo
    global: {externalIstiod: true, omitSidecarInjectorConfigMap: false, resourceScope: all, mtls: {enabled: true}}
    security: {selfSigned: false}
  unvalidatedValues: {istiodRemote: {enabled: false}, pilot: {env: {C: d}}, profile: demo}
`
	r := charts.New()
	for _, profile := range []string{"", "default", "demo", "minimal", "preview", "stable", "openshift"} {
		for what, rest := range map[string]string{"": "\n", " with a control plane's settings": everything} {
			t.Run("profile "+profile+what, func(t *testing.T) {
				got := render(t, r, "istio-system", "network: n", "profile: "+profile+rest)
				if diff := cmp.Diff(small, list(got)); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			})
		}
	}
}

func TestRemoteWithGateways(t *testing.T) {
	objects := render(t, charts.New(), "istio-system", "network: other", `components:
    ingressGateways: [{name: istio-ingressgateway, enabled: true}]
    egressGateways: [{name: istio-egressgateway, enabled: true}]`)
	var components []string
	for _, o := range objects {
		if !slices.Contains(components, o.Component) {
			components = append(components, o.Component)
		}
		if o.GetKind() == "Deployment" {
			template := fmt.Sprint(o.Object["spec"])
			if !strings.Contains(template, "image:auto") {
				t.Errorf("the primaries' injector does not fill in %s:\n%s", o.GetName(), template)
			}
		}
	}
	slices.Sort(components)
	want := []string{"egressgateway:istio-egressgateway", "ingressgateway:istio-eastwestgateway", "ingressgateway:istio-ingressgateway", "pilot"}
	if diff := cmp.Diff(want, components); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestRemoteNames: the reader's role is bound to the account that the primaries read
// as, and the webhook calls the Service istiod, both in the namespace that Istio
// is in.
func TestRemoteNames(t *testing.T) {
	tests := map[string]struct{ namespace, context, want string }{
		"default":               {"istio-system", "network: n", "istio-reader-service-account"},
		"another namespace":     {"mesh", "network: n", "istio-reader-service-account"},
		"another account":       {"istio-system", "network: n, serviceAccountReader: me", "me"},
		"another of everything": {"mesh", "network: n, serviceAccountReader: me", "me"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			for _, o := range render(t, charts.New(), tt.namespace, tt.context, "profile: default") {
				switch o.GetKind() {
				case "ClusterRoleBinding":
					want := []any{map[string]any{"kind": "ServiceAccount", "name": tt.want, "namespace": tt.namespace}}
					if diff := cmp.Diff(want, o.Object["subjects"]); diff != "" {
						t.Errorf("(-want +got):\n%s", diff)
					}
				case "MutatingWebhookConfiguration":
					want := map[string]any{"service": map[string]any{
						"name": "istiod", "namespace": tt.namespace, "path": "/inject/cluster/far/net/n", "port": int64(443),
					}}
					for _, w := range o.Object["webhooks"].([]any) {
						if diff := cmp.Diff(want, w.(map[string]any)["clientConfig"]); diff != "" {
							t.Errorf("(-want +got):\n%s", diff)
						}
					}
				}
			}
		})
	}
}

// render makes and renders the manifest of far, a remote cluster of near's.
func render(t *testing.T, r *charts.Renderer, namespace, far, spec string) []charts.Object {
	t.Helper()
	m, err := topology.ParseMesh("topology.yaml", fmt.Appendf(nil, "mesh_id: m\ncontexts:\n"+
		"  near: {network: n, namespace: %[1]s}\n  far: {primaries: [near], namespace: %[1]s, %[2]s}\n", namespace, far))
	if err != nil {
		t.Fatal(err)
	}
	b, err := topology.ParseBase("base.yaml", []byte("apiVersion: install.istio.io/v1alpha2\nkind: IstioControlPlane\nspec:\n  "+spec+"\n"))
	if err != nil {
		t.Fatal(err)
	}
	manifest, warnings := m.Manifest(b, m.Clusters[1], topology.Release{Hub: charts.Hub, Tag: charts.Release})
	if len(warnings) > 0 {
		t.Errorf("warnings about what is the primaries': %v", warnings)
	}
	if mistakes := charts.Check(manifest.Operator()); len(mistakes) > 0 {
		t.Errorf("mistakes: %v", mistakes)
	}
	objects, err := r.Render(namespace, manifest.Operator())
	if err != nil {
		t.Fatal(err)
	}
	return objects
}

func list(objects []charts.Object) string {
	var b strings.Builder
	for _, o := range objects {
		fmt.Fprintln(&b, o.Component, o.GetKind(), o.GetName())
	}
	return b.String()
}
