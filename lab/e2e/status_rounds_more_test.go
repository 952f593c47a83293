package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"

	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/protobuf/types/known/structpb"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/setup-mesh/setup-mesh/lab/internal/xds"
)

// otherWorkloads: what runs is not what was applied.
func (s *statusFaults) otherWorkloads() []fault {
	return []fault{
		{name: "an istiod of another name", breaks: s.env(west1, "CLUSTER_ID", "west-one"), finds: []string{"istiod/cluster-name west-1", "note istiod/workload west-1"}},
		{name: "an istiod of an old version", breaks: s.image(east1, "istiod", "discovery", "docker.io/istio/pilot:1.29.0"),
			finds: []string{"versions/skew west-1/east-1", "note istiod/workload east-1"}, mayFind: []string{"note proxies/version east-1"}},
		{name: "an image that there is not", breaks: s.noImage(east2), finds: []string{"control-plane/images east-2", "note gateway/workload east-2"},
			mends: func(t *testing.T, remedy string) { s.byItself("setup-mesh apply")(t, remedy) }},
	}
}

// env changes a variable of istiod's, as kubectl set env does.
func (s *faultTable) env(in, name, value string) func(*testing.T) {
	return func(t *testing.T) {
		t.Helper()
		patch := fmt.Sprintf(`{"spec":{"template":{"spec":{"containers":[{"name":"discovery","env":[{"name":%q,"value":%q}]}]}}}}`, name, value)
		s.patch(t, s.at(in, "deployment"), "istiod", types.StrategicMergePatchType, patch)
	}
}

// image changes an image, as kubectl set image does.
func (s *faultTable) image(in, deployment, container, image string) func(*testing.T) {
	return func(t *testing.T) {
		t.Helper()
		patch := fmt.Sprintf(`{"spec":{"template":{"spec":{"containers":[{"name":%q,"image":%q}]}}}}`, container, image)
		s.patch(t, s.at(in, "deployment"), deployment, types.StrategicMergePatchType, patch)
	}
}

// noImage has a gateway want an image that there is not, and says so in the place of the kubelet: the lab's pods have no
// containers.
func (s *statusFaults) noImage(in string) func(*testing.T) {
	const image = "docker.io/istio/proxyv2:there-is-not"
	return func(t *testing.T) {
		t.Helper()
		s.image(in, "istio-eastwestgateway", "istio-proxy", image)(t)
		pods := s.clusters[in].kube.CoreV1().Pods(istioNamespace)
		eventually(t, in+": a pod with the image", func(ctx context.Context) error {
			list, err := pods.List(ctx, metav1.ListOptions{LabelSelector: "istio=eastwestgateway"})
			if err != nil {
				return err
			}
			for _, p := range list.Items {
				if p.Spec.Containers[0].Image != image || p.Status.Phase != corev1.PodRunning || len(p.Status.ContainerStatuses) == 0 {
					continue
				}
				p.Status.ContainerStatuses[0].Image, p.Status.ContainerStatuses[0].Ready = image, false
				p.Status.ContainerStatuses[0].State = corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ImagePullBackOff", Message: "not found"}}
				_, err := pods.UpdateStatus(ctx, &p, metav1.UpdateOptions{})
				return err
			}
			return fmt.Errorf("there is none")
		})
	}
}

// hiddenAddress: topology.yaml says where the gateway is, so its Service must not tell istiod of a network. Somebody
// else's label on it does.
func (s *statusFaults) hiddenAddress() []fault {
	label := func(value string) func(*testing.T) {
		return s.patched(west1, "service", "istio-eastwestgateway", `{"metadata":{"labels":{"topology.istio.io/network":`+value+`}}}`)
	}
	return []fault{{
		name: "somebody else's label hides the addresses", breaks: label(`"network-west"`),
		finds: []string{"gateway/known east-1/west-1", "gateway/known west-1/west-1"},
		mends: func(t *testing.T, remedy string) {
			s.byItself("kubectl --context "+west1+" -n istio-system label service istio-eastwestgateway topology.istio.io/network- ")(t, remedy)
			label("null")(t)
		},
	}}
}

// deafGateway hangs up on whoever comes.
func (s *statusFaults) deafGateway() []fault {
	return []fault{{
		name: "a gateway passes nothing on", breaks: func(*testing.T) { s.gateway.hangUp.Store(true) }, finds: []string{"gateway/answers west-1"},
		mends: func(t *testing.T, remedy string) {
			s.byItself("the log of the gateway's pod")(t, remedy)
			s.gateway.hangUp.Store(false)
		},
	}}
}

// noGateway is that nobody listens at its address.
func (s *statusFaults) noGateway() []fault {
	return []fault{{
		name: "nobody listens at a gateway's address", breaks: func(*testing.T) { s.gateway.close() }, finds: []string{"gateway/answers west-1"},
		mends: func(t *testing.T, remedy string) {
			s.byItself("a load balancer or a firewall")(t, remedy)
			s.gateway.open(t)
		},
	}}
}

// strangers are proxies that were injected under another name or by an earlier Istio, and Services that are not alike.
func (s *statusFaults) strangers() []fault {
	restarted := func(t *testing.T, remedy string) {
		s.byItself("kubectl rollout restart")(t, remedy)
		for _, end := range s.ends {
			end()
		}
		s.ends = nil
	}
	return []fault{
		{name: "a proxy of a cluster that there is not", finds: []string{"proxies/cluster east-1"}, mends: restarted,
			breaks: s.connects(east1, sidecar{cluster: "tsae", network: "network-east", namespace: "shop", pod: "old-name", ip: "10.129.0.77"}, "1.31.0")},
		{name: "a proxy of an old version", finds: []string{"note proxies/version west-1"}, mends: restarted,
			breaks: s.connects(west1, sidecar{cluster: "west-1", network: "network-west", namespace: "shop", pod: "old-version", ip: "10.131.0.78"}, "1.30.2")},
		{name: "a Service has other ports", finds: []string{"note services/same-shape west-1/east-1"}, mends: s.sameService("ports"),
			breaks: all(s.service(east1, "ports", 80, ""), s.service(west1, "ports", 81, ""))},
		{name: "a Service is headless", finds: []string{"note services/same-shape west-1/east-2"}, mends: s.sameService("kind"),
			breaks: all(s.service(east2, "kind", 80, "None"), s.service(west1, "kind", 80, ""))},
	}
}

// connects has a proxy ask an istiod, and stay.
func (s *statusFaults) connects(to string, p sidecar, version string) func(*testing.T) {
	return func(t *testing.T) {
		t.Helper()
		node, err := p.node()
		if err != nil {
			t.Fatal(err)
		}
		node.Metadata.Fields["ISTIO_VERSION"] = structpb.NewStringValue(version)
		ctx, end := context.WithCancel(t.Context())
		s.ends = append(s.ends, end)
		at := s.clusters[to].mustIstiod(t).Addresses.XDS
		go func() {
			ask := &discovery.DiscoveryRequest{Node: node, TypeUrl: xds.ClusterType}
			_ = subscribe(ctx, at, ask, func(*discovery.DiscoveryResponse) (bool, error) { return false, nil }) // until it is ended
		}()
	}
}

// service makes one in namespace shop.
func (s *statusFaults) service(in, name string, port int32, ip string) func(*testing.T) {
	return func(t *testing.T) {
		t.Helper()
		s.clusters[in].create(t, "shop", &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: corev1.ServiceSpec{
			ClusterIP: ip, Selector: map[string]string{"app": name}, Ports: []corev1.ServicePort{{Name: "http", Port: port}}}})
	}
}

// sameService makes a Service of west-1 as it is elsewhere. It is made again, since a headless Service stays headless.
func (s *statusFaults) sameService(name string) func(*testing.T, string) {
	return func(t *testing.T, remedy string) {
		t.Helper()
		s.byItself("make it the same in both clusters")(t, remedy)
		if err := s.clusters[west1].kube.CoreV1().Services("shop").Delete(t.Context(), name, metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
		ip := ""
		if name == "kind" {
			ip = "None"
		}
		s.service(west1, name, 80, ip)(t)
	}
}

// outage cuts a cluster off.
func (s *statusFaults) outage() []fault {
	return []fault{{
		name: "a cluster is cut off", finds: []string{"unknown cluster/reached west-1", "unknown discovery/credential-valid east-1/west-1"},
		breaks: func(t *testing.T) {
			if err := s.lab.StopAPI(t.Context(), west1); err != nil {
				t.Fatal(err)
			}
		},
		mends: func(t *testing.T, _ string) {
			if err := s.lab.StartAPI(t.Context(), west1); err != nil {
				t.Fatal(err)
			}
		},
	}}
}

// otherRoot puts the root of another mesh into the work directory.
func (s *statusFaults) otherRoot() []fault {
	mine := map[string]string{"certs/root-cert.pem": "", "certs/root-key.pem": ""}
	return []fault{{
		name: "the root is another", finds: []string{"trust/same-root east-1", "trust/same-root east-2", "trust/same-root west-1"},
		breaks: func(t *testing.T) {
			other := newUser(t, s.kubeconfig)
			other.run(t, 0, "prep", "--mesh-id", "other", "--org", "example.com")
			for name := range mine {
				mine[name] = s.read(t, name)
				s.write(t, name, other.read(t, name))
			}
		},
		mends: func(t *testing.T, remedy string) {
			if !strings.HasPrefix(remedy, "restore this mesh's certs/root-cert.pem") {
				t.Errorf("remedy %q", remedy)
			}
			for name, text := range mine {
				s.write(t, name, text)
			}
		},
	}}
}
