package e2e

import (
	"fmt"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"

	"github.com/setup-mesh/setup-mesh/lab"
)

// rounds are all faults of an ambient mesh. Those of one round are in different clusters, or of different checks.
func (s *ambientFaults) rounds() [][]fault {
	return [][]fault{s.objects(), s.nodes(), s.otherWorkloads(), s.addresses(), s.gateways(), s.noGateways()}
}

// objects: what apply has made is gone, or otherwise.
func (s *ambientFaults) objects() []fault {
	return []fault{
		{name: "a namespace is not enrolled", finds: []string{"ambient/namespaces east-1"},
			breaks: s.patched(east1, "namespace", "shop", `{"metadata":{"labels":{"istio.io/dataplane-mode":null}}}`)},
		{name: "a namespace is enrolled in nothing", finds: []string{"ambient/namespaces west-1"},
			breaks: s.patched(west1, "namespace", "shop", `{"metadata":{"labels":{"istio.io/dataplane-mode":"none"}}}`)},
		{name: "the account of ztunnel is deleted", breaks: s.deleted(east1, "serviceaccount", "ztunnel"), finds: []string{"ztunnel/configuration east-1"}},
		{name: "the configuration of node agents is deleted", breaks: s.deleted(west1, "configmap", "istio-cni-config"), finds: []string{"cni/configuration west-1"}},
		{name: "a gateway does not say of which network it is", finds: []string{"ambient-gateway/gateway east-1", "ambient-gateway/told west-1/east-1"},
			breaks: s.patched(east1, k8sGateway, ambientGateway, `{"metadata":{"labels":{"topology.istio.io/network":null}}}`)},
		{name: "nothing stands for the gateway of another cluster", finds: []string{"ambient-gateway/peers east-1/west-1", "ambient-gateway/told east-1/west-1"},
			breaks: s.deleted(east1, k8sGateway, "setup-mesh-gateway-west-1")},
	}
}

// nodes: enrolled pods need two agents on their node.
func (s *ambientFaults) nodes() []fault {
	return []fault{
		{name: "ztunnel is deleted", breaks: s.deleted(east1, "daemonset", "ztunnel"), finds: []string{"ztunnel/running east-1"}},
		{name: "node agents are deleted", breaks: s.deleted(west1, "daemonset", "istio-cni-node"), finds: []string{"cni/running west-1"}},
		{name: "a node agent is not ready", breaks: s.agentIs(east1, corev1.ConditionFalse), finds: []string{"cni/running east-1"},
			mends: func(t *testing.T, remedy string) {
				s.byItself("kubectl --context "+east1+" -n istio-system describe daemonset istio-cni-node")(t, remedy)
				s.agentIs(east1, corev1.ConditionTrue)(t)
			}},
		{name: "ztunnel is for no node", finds: []string{"note ztunnel/workload west-1", "ztunnel/running west-1"},
			breaks: s.onNodes(west1, "ztunnel", `{"nodeSelector":{"example.com/none":"true"}}`)},
		{name: "something stands where no gateway is", finds: []string{"ambient-gateway/peers east-1/west-1", "ambient-gateway/told east-1/west-1"},
			breaks: s.patched(east1, k8sGateway, "setup-mesh-gateway-west-1", `{"spec":{"addresses":[{"type":"IPAddress","value":"203.0.113.98"}]}}`)},
		{name: "a remote secret is deleted", breaks: s.deleted(west1, "secret", "istio-remote-secret-east-1"), finds: []string{"access/remote-secret west-1/east-1"}},
	}
}

// agentIs has the kubelet say of the node agents of a cluster whether they are ready.
func (s *ambientFaults) agentIs(in string, ready corev1.ConditionStatus) func(*testing.T) {
	return func(t *testing.T) {
		t.Helper()
		pods := s.clusters[in].kube.CoreV1().Pods(istioNamespace)
		list, err := pods.List(t.Context(), metav1.ListOptions{LabelSelector: "k8s-app=istio-cni-node"})
		if err != nil || len(list.Items) == 0 {
			t.Fatalf("%s: %d node agents: %v", in, len(list.Items), err)
		}
		patch := fmt.Sprintf(`{"status":{"conditions":[{"type":"Ready","status":%q}]}}`, ready)
		for _, p := range list.Items {
			if _, err := pods.Patch(t.Context(), p.Name, types.StrategicMergePatchType, []byte(patch), metav1.PatchOptions{}, "status"); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// onNodes changes the pods of a DaemonSet.
func (s *ambientFaults) onNodes(in, name, spec string) func(*testing.T) {
	return func(t *testing.T) {
		t.Helper()
		s.patch(t, s.at(in, "daemonset"), name, types.StrategicMergePatchType, `{"spec":{"template":{"spec":`+spec+`}}}`)
	}
}

// otherWorkloads: what runs is not what was applied, and something stands for a gateway that is there.
func (s *ambientFaults) otherWorkloads() []fault {
	return []fault{
		{name: "an istiod looks at its own network only", breaks: s.env(east1, "AMBIENT_ENABLE_MULTI_NETWORK", "false"),
			finds: []string{"note istiod/workload east-1", "ambient-gateway/told east-1/west-1"}},
		{name: "a ztunnel of another version", finds: []string{"note ztunnel/workload east-1"},
			breaks: s.onNodes(east1, "ztunnel", `{"containers":[{"name":"istio-proxy","image":"docker.io/istio/ztunnel:1.29.0-distroless"}]}`)},
		{name: "a node agent of another version", finds: []string{"note cni/workload west-1"},
			breaks: s.onNodes(west1, "istio-cni-node", `{"containers":[{"name":"install-cni","image":"docker.io/istio/install-cni:1.29.0-distroless"}]}`)},
		{name: "an intermediate is deleted", breaks: s.deleted(west1, "secret", "cacerts"), finds: []string{"trust/certificate west-1"}},
		{name: "something else stands for a gateway", finds: []string{"note ambient-gateway/candidates west-1", "ambient-gateway/told west-1/east-1"},
			breaks: s.gateway(west1, istioNamespace, "second", "istio-remote", map[string]string{"topology.istio.io/network": networkOf(east1)}),
			mends: func(t *testing.T, remedy string) {
				s.byItself("delete it, or take its label off: kubectl --context "+west1+" -n istio-system label "+k8sGateway+" second topology.istio.io/network-")(t, remedy)
				s.deleted(west1, k8sGateway, "second")(t)
			}},
	}
}

// gateway makes a Gateway of the Gateway API. One that stands for another says that this is at 203.0.113.99.
func (s *ambientFaults) gateway(in, namespace, name, class string, labels map[string]string) func(*testing.T) {
	return func(t *testing.T) {
		t.Helper()
		spec := map[string]any{"gatewayClassName": class, "listeners": []any{map[string]any{"name": "mesh", "port": int64(15008), "protocol": "HBONE"}}}
		if class == "istio-remote" {
			spec["addresses"] = []any{map[string]any{"type": "IPAddress", "value": "203.0.113.99"}}
		}
		g := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway", "spec": spec}}
		g.SetName(name)
		g.SetLabels(labels)
		if _, err := s.in(in, k8sGateway, namespace).Create(t.Context(), g, metav1.CreateOptions{FieldManager: "helm"}); err != nil {
			t.Fatal(err)
		}
	}
}

func (s *ambientFaults) in(context, resource, namespace string) dynamic.ResourceInterface {
	return s.clusters[context].dynamic.Resource(breakable[resource]).Namespace(namespace)
}

// addresses: a gateway is elsewhere than it says, and Services are not alike.
func (s *ambientFaults) addresses() []fault {
	balancer := func(kind lab.Gateway) func(*testing.T) {
		return func(t *testing.T) {
			t.Helper()
			if err := s.lab.SetGateway(t.Context(), east1, kind); err != nil {
				t.Fatal(err)
			}
		}
	}
	network := func(value string) func(*testing.T) {
		return s.patched(west1, k8sGateway, ambientGateway, `{"metadata":{"labels":{"topology.istio.io/network":`+value+`}}}`)
	}
	global, waypoint := map[string]string{"istio.io/global": "true"}, map[string]string{"istio.io/global": "true", "istio.io/use-waypoint": "none-such"}
	return []fault{
		{name: "a gateway has no address", breaks: balancer(lab.GatewayPending), finds: []string{"ambient-gateway/programmed east-1"},
			mends: func(t *testing.T, remedy string) {
				s.byItself("kubectl --context "+east1+" -n istio-system describe "+k8sGateway+" "+ambientGateway)(t, remedy)
				balancer(lab.GatewayIP)(t)
			}},
		{name: "a gateway says where it is beside topology.yaml", breaks: network(`"` + networkOf(west1) + `"`),
			finds: []string{"note ambient-gateway/candidates west-1", "ambient-gateway/told east-1/west-1"},
			mends: func(t *testing.T, remedy string) {
				if want := "take its label off: kubectl --context " + west1 + " -n istio-system label " + k8sGateway + " " + ambientGateway + " topology.istio.io/network-"; remedy != want {
					t.Errorf("remedy %q, want %q", remedy, want)
				}
				network("null")(t)
			}},
		{name: "an istiod is stopped", breaks: s.stopped(west1), mends: s.scaled(west1, "istiod"),
			finds: []string{"istiod/running west-1", "control-plane/injection west-1", "control-plane/validation west-1", "discovery/synced west-1/east-1"}},
		{name: "a gateway is gone where nobody makes it again", breaks: s.deleted(west1, "deployment", ambientGateway), finds: []string{"ambient-gateway/running west-1"},
			mends: s.byItself("do first what istiod/running says of west-1")},
		{name: "a Service is global in one cluster", breaks: all(s.shopService(east1, "cart", nil), s.shopService(west1, "cart", global)),
			finds: []string{"note services/same-scope west-1/east-1"},
			mends: func(t *testing.T, remedy string) {
				s.byItself("the same labels in both clusters")(t, remedy)
				s.patch(t, s.in(east1, "service", "shop"), "cart", types.MergePatchType, `{"metadata":{"labels":{"istio.io/global":"true"}}}`)
			}},
		{name: "there is no waypoint", breaks: all(s.shopService(east1, "till", waypoint), s.shopService(west1, "till", waypoint)),
			finds: []string{"note services/same-scope east-1", "note services/same-scope west-1"},
			mends: func(t *testing.T, remedy string) {
				s.byItself("take the label istio.io/use-waypoint off")(t, remedy)
				for _, in := range []string{east1, west1} {
					s.patch(t, s.in(in, "service", "shop"), "till", types.MergePatchType, `{"metadata":{"labels":{"istio.io/use-waypoint":null}}}`)
				}
			}},
	}
}

// shopService makes a Service in namespace shop, with labels.
func (s *ambientFaults) shopService(in, name string, labels map[string]string) func(*testing.T) {
	return func(t *testing.T) {
		t.Helper()
		service := newService(name, corev1.ServiceSpec{})
		for k, v := range labels {
			service.Labels[k] = v
		}
		s.clusters[in].create(t, "shop", service)
	}
}

// gateways: what istiod has made of a Gateway does not run, or is not istiod's any more.
func (s *ambientFaults) gateways() []fault {
	waypoint := func(in, traffic string) func(*testing.T) {
		return all(
			s.gateway(in, "shop", "door", "istio-waypoint", map[string]string{"istio.io/waypoint-for": traffic, "istio.io/global": "true"}),
			s.shopService(in, "desk", map[string]string{"istio.io/global": "true", "istio.io/use-waypoint": "door"}),
		)
	}
	return []fault{
		{name: "a gateway is scaled to nothing", breaks: s.patched(east1, "deployment", ambientGateway, `{"spec":{"replicas":0}}`),
			finds: []string{"ambient-gateway/running east-1"}, mayFind: []string{"ambient-gateway/programmed east-1"}, mends: s.scaled(east1, ambientGateway)},
		{name: "the Service of a gateway is not istiod's", finds: []string{"ambient-gateway/programmed west-1"},
			breaks: s.patched(west1, "service", ambientGateway, `{"metadata":{"labels":{"gateway.istio.io/managed":null}}}`),
			mends: func(t *testing.T, remedy string) {
				s.byItself("kubectl --context "+west1+" -n istio-system delete service "+ambientGateway+"; istiod makes its own then")(t, remedy)
				s.deleted(west1, "service", ambientGateway)(t)
			}},
		{name: "a waypoint is for other traffic", breaks: all(waypoint(east1, "service"), waypoint(west1, "workload")),
			finds: []string{"note services/same-scope west-1/east-1"},
			mends: func(t *testing.T, remedy string) {
				s.byItself("apply the same waypoint in both clusters")(t, remedy)
				s.patch(t, s.in(west1, k8sGateway, "shop"), "door", types.MergePatchType, `{"metadata":{"labels":{"istio.io/waypoint-for":"service"}}}`)
			}},
	}
}

// noGateways: with a CRD, all go that are of its kind.
func (s *ambientFaults) noGateways() []fault {
	return []fault{
		{name: "the CRD of Gateways is deleted", finds: []string{"gateway-api/crds west-1", "ambient-gateway/gateway west-1"},
			breaks: all(s.endsShop(west1), s.deleted(west1, "crd", k8sGateway))},
		{name: "the Gateway of a cluster is deleted", breaks: s.deleted(east1, k8sGateway, ambientGateway), finds: []string{"ambient-gateway/gateway east-1"}},
	}
}

// endsShop takes the Service out that has a waypoint.
func (s *ambientFaults) endsShop(in string) func(*testing.T) {
	return func(t *testing.T) {
		t.Helper()
		if err := s.clusters[in].kube.CoreV1().Services("shop").Delete(t.Context(), "desk", metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
	}
}
