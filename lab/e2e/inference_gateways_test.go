package e2e

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/yaml"

	"github.com/setup-mesh/setup-mesh/lab"
)

// What the primary's istiod may be told of the gateway of network-r: the address of its Service, and two that it does not
// have, of which the second is a name.
const (
	labelled   = "203.0.113.2:15443"
	translated = "198.51.100.2:15443"
	named1     = "203.0.113.2:31443"
	named2     = "203.0.113.102:31443"
)

// declared are gateways of network-r without endpoints, and without saying whose they are.
const declared = `networks:
  network-r:
    gateways:
    - {address: 198.51.100.2, port: 15443}
    - {address: remote.elb.example.com, port: 31443}
`

// labelWins: a gateway that meshNetworks declares is known beside those that are found by the label of their Service, and
// no sidecar is told of it: istiod prefers the gateways of the cluster that an endpoint is in.
// https://github.com/istio/istio/blob/1.31.0/pilot/pkg/xds/endpoints/ep_filters.go (selectNetworkGateways)
func (i *inferences) labelWins(t *testing.T) {
	i.setMeshNetworks(t, declared)
	i.wantGateways(t, labelled+" of remote", translated+" of ", named1+" of ", named2+" of ")
	i.wantNewcomerTold(t, labelled)
}

// meshNetworks: without the label, declared gateways alone are used, names and other ports included. A name is resolved
// again when its answer is no longer good. No CRD of Gateway API is in the cluster.
// https://istio.io/latest/docs/reference/config/istio.mesh.v1alpha1/#MeshNetworks
func (i *inferences) meshNetworks(t *testing.T) {
	i.labelService(t, "null")
	i.wantGateways(t, translated+" of ", named1+" of ", named2+" of ")
	i.wantTold(t, translated, named1, named2)
	i.wantNewcomerTold(t, translated, named1, named2)
	if err := i.lab.SetGateway(context.Background(), "remote", lab.GatewayHostname2); err != nil {
		t.Fatal(err)
	}
	i.wantTold(t, translated, named2)
}

// noGateway: sidecars are told the pods' own addresses in a network without any gateway, and not nothing.
// https://github.com/istio/istio/blob/1.31.0/pilot/pkg/xds/endpoints/ep_filters.go (EndpointsByNetworkFilter)
func (i *inferences) noGateway(t *testing.T) {
	i.setMeshNetworks(t, "networks: {}")
	i.wantGateways(t)
	i.wantTold(t, pod(podIP(t, i.remote)))
}

// remoteGateway: a Gateway of class istio-remote in the primary declares gateways as meshNetworks does, as soon as there
// are CRDs for it, and nothing is deployed for it. Each listener goes with each address.
// https://github.com/istio/istio/blob/1.31.0/pilot/pkg/serviceregistry/kube/controller/network.go (handleGatewayResource)
func (i *inferences) remoteGateway(t *testing.T) {
	i.installGatewayAPI(t)
	gateway := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway",
		"metadata": map[string]any{"name": "network-r", "labels": map[string]any{"topology.istio.io/network": "network-r"}},
		"spec": map[string]any{
			"gatewayClassName": "istio-remote",
			"addresses": []any{
				map[string]any{"type": "IPAddress", "value": "198.51.100.2"},
				map[string]any{"type": "Hostname", "value": "remote.elb.example.com"},
			},
			"listeners": []any{map[string]any{
				"name": "cross-network", "port": int64(31443), "protocol": "TLS",
				"tls": map[string]any{"mode": "Passthrough", "options": map[string]any{"gateway.istio.io/listener-protocol": "auto-passthrough"}},
			}},
		},
	}}
	eventually(t, "Gateway in primary", func(ctx context.Context) error {
		_, err := i.primary.dynamic.Resource(gatewayResource).Namespace("istio-system").Create(ctx, gateway, metav1.CreateOptions{})
		return err
	})
	i.wantGateways(t, "198.51.100.2:31443 of primary", named2+" of primary")
	i.wantTold(t, "198.51.100.2:31443", named2)
	services, err := i.primary.kube.CoreV1().Services("istio-system").List(context.Background(), metav1.ListOptions{
		LabelSelector: "gateway.networking.k8s.io/gateway-name"})
	if err != nil || len(services.Items) > 0 {
		t.Errorf("%d Services were made for the Gateway: %v", len(services.Items), err)
	}
}

// labelWinsAgain: such a Gateway is of the cluster that it is in, so that the gateways of the endpoint's own cluster are
// preferred to it.
func (i *inferences) labelWinsAgain(t *testing.T) {
	i.labelService(t, `"network-r"`)
	const now = "203.0.113.102:15443" // the name leads there alone
	i.wantGateways(t, now+" of remote", "198.51.100.2:31443 of primary", named2+" of primary")
	i.wantTold(t, now)
	if err := i.primary.dynamic.Resource(gatewayResource).Namespace("istio-system").Delete(context.Background(), "network-r", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
}

var gatewayResource = schema.GroupVersionResource{Group: "gateway.networking.k8s.io", Version: "v1", Resource: "gateways"}

// setMeshNetworks gives istiod of primary what values.global.meshNetworks would.
func (i *inferences) setMeshNetworks(t *testing.T, networks string) {
	t.Helper()
	change := fmt.Sprintf(`{"data":{"meshNetworks":%q}}`, networks)
	_, err := i.primary.kube.CoreV1().ConfigMaps("istio-system").Patch(context.Background(), "istio", types.MergePatchType, []byte(change), metav1.PatchOptions{})
	if err != nil {
		t.Fatal(err)
	}
}

// labelService gives the east-west gateway's Service in remote a network, or null.
func (i *inferences) labelService(t *testing.T, network string) {
	t.Helper()
	change := fmt.Sprintf(`{"metadata":{"labels":{"topology.istio.io/network":%s}}}`, network)
	_, err := i.remote.kube.CoreV1().Services("istio-system").Patch(context.Background(), "istio-eastwestgateway", types.MergePatchType, []byte(change), metav1.PatchOptions{})
	if err != nil {
		t.Fatal(err)
	}
}

// installGatewayAPI puts the CRDs of Gateway API into primary.
func (i *inferences) installGatewayAPI(t *testing.T) {
	t.Helper()
	ctx := context.Background()
	cwd, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	source, err := lab.Source(cwd)
	if err != nil {
		t.Fatal(err)
	}
	files, err := lab.GatewayAPICRDs(ctx, source)
	if err != nil {
		t.Fatal(err)
	}
	crds := i.primary.dynamic.Resource(schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"})
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		var crd unstructured.Unstructured
		if err := yaml.Unmarshal(text, &crd.Object); err != nil {
			t.Fatalf("%s: %v", f, err)
		}
		if _, err := crds.Create(ctx, &crd, metav1.CreateOptions{}); err != nil {
			t.Fatalf("%s: %v", f, err)
		}
	}
}

// wantGateways wants the istiod of primary to know these gateways of network-r, each "address:port of cluster".
func (i *inferences) wantGateways(t *testing.T, want ...string) {
	t.Helper()
	slices.Sort(want)
	eventually(t, "debug/networkz", func(ctx context.Context) error {
		var known []struct {
			Network, Cluster, Addr string
			Port                   uint32
		}
		if err := getJSON(ctx, "http://"+i.primary.mustIstiod(t).Addresses.Monitoring+"/debug/networkz", &known); err != nil {
			return err
		}
		var got []string
		for _, g := range known {
			if g.Network == "network-r" {
				got = append(got, fmt.Sprintf("%s:%d of %s", g.Addr, g.Port, g.Cluster))
			}
		}
		slices.Sort(got)
		diff := cmp.Diff(want, got)
		return errorIf(diff != "", "gateways of network-r (-want +got):\n%s", diff)
	})
}

// wantTold wants a sidecar in primary to get, beside the pod in its own network, these endpoints of service hello.
func (i *inferences) wantTold(t *testing.T, want ...string) {
	t.Helper()
	i.told(t, "network-p", append(want, pod(podIP(t, i.primary))))
}

// wantNewcomerTold is wantTold for a sidecar in a network that was never heard of before, for which istiod has no endpoints
// from before a change.
func (i *inferences) wantNewcomerTold(t *testing.T, want ...string) {
	t.Helper()
	i.told(t, "network-"+strings.ToLower(strings.ReplaceAll(t.Name(), "/", "-")), append(want, "203.0.113.1:15443"))
}

func (i *inferences) told(t *testing.T, network string, want []string) {
	t.Helper()
	slices.Sort(want)
	s := sidecar{cluster: "primary", network: network, namespace: "shop", pod: "hello", ip: podIP(t, i.primary)}
	s.wantEndpoints(t, i.primary.mustIstiod(t).Addresses.XDS, helloService, want)
}
