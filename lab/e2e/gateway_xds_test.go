package e2e

import (
	"context"
	"fmt"
	"slices"
	"testing"

	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	listener "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	tcp "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/tcp_proxy/v3"
	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/types/known/structpb"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/setup-mesh/setup-mesh/lab/internal/xds"
)

// wantExposed wants the east-west gateway of a primary to be told to pass on TLS to its own istiod, where it serves
// remote clusters, and nowhere where it does not. What it is told is the evidence.
func (m *sharedMesh) wantExposed(t *testing.T, context string) {
	t.Helper()
	want := map[string]string{}
	for _, one := range m.members {
		if slices.Contains(one.primaries, context) {
			want["15012"] = "outbound|15012||istiod." + m.namespace + ".svc.cluster.local"
			want["15017"] = "outbound|443||istiod." + m.namespace + ".svc.cluster.local"
		}
	}
	if len(want) == 0 {
		return
	}
	c := m.clusters[context]
	istiod := c.mustIstiod(t)
	eventually(t, context+": routes of its gateway to istiod", func(ctx ctx) error {
		node, err := m.gatewayNode(ctx, context)
		if err != nil {
			return err
		}
		got := map[string]string{}
		err = subscribe(ctx, istiod.Addresses.XDS, &discovery.DiscoveryRequest{Node: node, TypeUrl: xds.ListenerType},
			func(answer *discovery.DiscoveryResponse) (bool, error) {
				got, err = passedOn(answer)
				return true, err
			})
		if err != nil {
			return err
		}
		diff := cmp.Diff(want, got)
		return errorIf(diff != "", "passed on (-want +got):\n%s", diff)
	})
	// The clusters of a mesh have a Service istiod each, and a gateway leads to that of its own cluster only.
	s := sidecar{cluster: nameOf(context), network: m.members[context].network, namespace: m.namespace, pod: "istio-eastwestgateway", ip: "10.0.0.1"}
	s.wantEndpoints(t, istiod.Addresses.XDS, want["15012"], []string{istiod.PodIP + ":15012"})
}

// gatewayNode is how the pod of an east-west gateway introduces itself.
func (m *sharedMesh) gatewayNode(ctx context.Context, kubeContext string) (*core.Node, error) {
	pods, err := m.clusters[kubeContext].kube.CoreV1().Pods(m.namespace).List(ctx, metav1.ListOptions{LabelSelector: "istio=eastwestgateway"})
	if err != nil {
		return nil, err
	}
	running := slices.DeleteFunc(pods.Items, func(p corev1.Pod) bool { return p.DeletionTimestamp != nil || p.Status.PodIP == "" })
	if len(running) == 0 {
		return nil, fmt.Errorf("no pod of the gateway runs")
	}
	p := running[0]
	labels := map[string]any{}
	for k, v := range p.Labels {
		labels[k] = v
	}
	metadata, err := structpb.NewStruct(map[string]any{
		"CLUSTER_ID": nameOf(kubeContext), "NETWORK": m.members[kubeContext].network, "NAMESPACE": p.Namespace, "ISTIO_VERSION": "1.31.0", "LABELS": labels,
	})
	return &core.Node{
		Id:       fmt.Sprintf("router~%s~%s.%s~%s.svc.cluster.local", p.Status.PodIP, p.Name, p.Namespace, p.Namespace),
		Metadata: metadata,
	}, err
}

// passedOn are the ports at which a gateway passes TLS on as it is, and where to.
func passedOn(answer *discovery.DiscoveryResponse) (map[string]string, error) {
	out := map[string]string{}
	for _, r := range answer.Resources {
		var l listener.Listener
		if err := r.UnmarshalTo(&l); err != nil {
			return nil, err
		}
		for _, chain := range l.FilterChains {
			for _, f := range chain.Filters {
				var proxy tcp.TcpProxy
				if chain.TransportSocket == nil && f.GetTypedConfig().MessageIs(&proxy) {
					if err := f.GetTypedConfig().UnmarshalTo(&proxy); err != nil {
						return nil, err
					}
					if port := fmt.Sprint(l.Address.GetSocketAddress().GetPortValue()); port != "15443" {
						out[port] = proxy.GetCluster()
					}
				}
			}
		}
	}
	return out, nil
}
