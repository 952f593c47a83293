package desired

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/setup-mesh/setup-mesh/pkg/apply/charts"
	"github.com/setup-mesh/setup-mesh/pkg/topology"
	"github.com/setup-mesh/setup-mesh/pkg/topology/manifest"
)

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

// TestRemoteNames: the charts bind the reader's role to their own account, whatever
// the topology names, and the webhook calls the Service istiod, both in the namespace that Istio
// is in.
func TestRemoteNames(t *testing.T) {
	tests := map[string]struct{ namespace, context, want string }{
		"default":               {"istio-system", "network: n", "istio-reader-service-account"},
		"another namespace":     {"mesh", "network: n", "istio-reader-service-account"},
		"another account":       {"istio-system", "network: n, serviceAccountReader: me", "istio-reader-service-account"},
		"another of everything": {"mesh", "network: n, serviceAccountReader: me", "istio-reader-service-account"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			looked := map[string]bool{}
			for _, o := range render(t, charts.New(), tt.namespace, tt.context, "profile: default") {
				looked[o.GetKind()] = true
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
			if !looked["ClusterRoleBinding"] || !looked["MutatingWebhookConfiguration"] {
				t.Errorf("rendered are %v", looked)
			}
		})
	}
}

// TestPrimaryOfRemotes: what the charts make of the settings of a primary that
// serves a remote cluster on another network.
func TestPrimaryOfRemotes(t *testing.T) {
	m, err := topology.ParseMesh("topology.yaml", []byte(`mesh_id: m
contexts:
  near: {network: one, gateway: {addresses: [198.51.100.7, gateway.example.com], port: 443, annotations: {example.com/lb: "yes"}}}
  far: {network: other, primaries: [near], gateway: {addresses: [198.51.100.8]}}
`), nil)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, o := range renderOne(t, charts.New(), m, 0, "profile: default") {
		switch o.GetKind() + " " + o.GetName() {
		case "ConfigMap istio":
			got["networks"] = fmt.Sprint(o.Object["data"].(map[string]any)["meshNetworks"])
		case "Service istio-eastwestgateway":
			got["annotation"] = o.GetAnnotations()["example.com/lb"]
		case "Deployment istiod":
			_, after, _ := strings.Cut(fmt.Sprint(o.Object["spec"]), "name:EXTERNAL_ISTIOD value:")
			got["external"] = strings.Fields(after + " none")[0]
		}
	}
	want := map[string]string{
		"networks": `networks:
  one:
    gateways:
    - address: 198.51.100.7
      port: 443
    - address: gateway.example.com
      port: 443
  other:
    gateways:
    - address: 198.51.100.8
      port: 15443`,
		"annotation": "yes",
		"external":   "true]",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// render makes and renders the manifest of far, a remote cluster of near's.
func render(t *testing.T, r *charts.Renderer, namespace, far, spec string) []charts.Object {
	t.Helper()
	m, err := topology.ParseMesh("topology.yaml", fmt.Appendf(nil, "mesh_id: m\ncontexts:\n"+
		"  near: {network: n, namespace: %[1]s}\n  far: {primaries: [near], namespace: %[1]s, %[2]s}\n", namespace, far), nil)
	if err != nil {
		t.Fatal(err)
	}
	return renderOne(t, r, m, 1, spec)
}

func renderOne(t *testing.T, r *charts.Renderer, m *topology.Mesh, cluster int, spec string) []charts.Object {
	t.Helper()
	b, err := manifest.ParseBase("base.yaml", []byte("apiVersion: install.istio.io/v1alpha2\nkind: IstioControlPlane\nspec:\n  "+spec+"\n"))
	if err != nil {
		t.Fatal(err)
	}
	manifest, warnings := manifest.New(m, b, m.Clusters[cluster], manifest.Release{Hub: charts.Hub, Tag: charts.Release})
	if len(warnings) > 0 {
		t.Errorf("warnings about what is not this cluster's: %v", warnings)
	}
	if mistakes := charts.Check(manifest.Operator()); len(mistakes) > 0 {
		t.Errorf("mistakes: %v", mistakes)
	}
	objects, err := r.Render(m.Clusters[cluster].Namespace, manifest.Operator())
	if err != nil {
		t.Fatal(err)
	}
	return objects
}
