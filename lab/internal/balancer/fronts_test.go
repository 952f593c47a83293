package balancer

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/setup-mesh/setup-mesh/lab/internal/cluster"
)

func TestFronts(t *testing.T) {
	type change struct {
		service func(*corev1.Service)
		pod     func(*corev1.Pod)
		kind    cluster.Gateway
	}
	balanced := func(ingress ...corev1.LoadBalancerIngress) func(*corev1.Service) {
		return func(s *corev1.Service) { s.Status.LoadBalancer.Ingress = ingress }
	}
	tests := map[string]struct {
		change
		want map[string]uint16
	}{
		"two addresses of a load balancer": {
			change{service: balanced(corev1.LoadBalancerIngress{IP: "203.0.113.1"}, corev1.LoadBalancerIngress{IP: "203.0.113.101"})},
			map[string]uint16{
				"203.0.113.1:15012": 15012, "203.0.113.1:443": 15017, "203.0.113.101:15012": 15012, "203.0.113.101:443": 15017,
				"203.0.113.1:15443": 15443, "203.0.113.101:15443": 15443,
				"198.51.100.1:15012": 15012, "198.51.100.1:443": 15017, "198.51.100.1:15443": 15443,
			},
		},
		"a name, and what it leads to": {
			change{kind: cluster.GatewayHostname2, service: balanced(corev1.LoadBalancerIngress{Hostname: "east.elb.example.com"})},
			map[string]uint16{
				"east.elb.example.com:15012": 15012, "east.elb.example.com:443": 15017, "203.0.113.101:15012": 15012, "203.0.113.101:443": 15017,
				"east.elb.example.com:15443": 15443, "203.0.113.101:15443": 15443,
				"198.51.100.1:15012": 15012, "198.51.100.1:443": 15017, "198.51.100.1:15443": 15443,
			},
		},
		"node ports": {
			change{service: func(s *corev1.Service) {
				s.Spec.Type = corev1.ServiceTypeNodePort
				s.Spec.Ports[0].NodePort, s.Spec.Ports[1].NodePort = 30012, 30017
			}},
			map[string]uint16{
				"10.0.0.1:30012": 15012, "10.0.0.1:30017": 15017, "192.0.2.1:30012": 15012, "192.0.2.1:30017": 15017,
				"198.51.100.1:15012": 15012, "198.51.100.1:443": 15017, "198.51.100.1:15443": 15443,
			},
		},
		"an address that no load balancer has": {
			change{service: balanced(corev1.LoadBalancerIngress{IP: "203.0.113.77"}, corev1.LoadBalancerIngress{Hostname: "else.example.com"})},
			map[string]uint16{"198.51.100.1:15012": 15012, "198.51.100.1:443": 15017, "198.51.100.1:15443": 15443},
		},
		"a pending load balancer": {change{}, map[string]uint16{"198.51.100.1:15012": 15012, "198.51.100.1:443": 15017, "198.51.100.1:15443": 15443}},
		"a Service inside":        {change{service: func(s *corev1.Service) { s.Spec.Type = corev1.ServiceTypeClusterIP }}, map[string]uint16{}},
		"no selector":             {change{service: func(s *corev1.Service) { s.Spec.Selector = nil }}, map[string]uint16{}},
		"other ports":             {change{service: func(s *corev1.Service) { s.Spec.Ports = []corev1.ServicePort{{Port: 80}} }}, map[string]uint16{}},
		"no pod is ready": {change{pod: func(p *corev1.Pod) { p.Status.Conditions[0].Status = corev1.ConditionFalse }},
			map[string]uint16{}},
		"the pod is about to go":     {change{pod: func(p *corev1.Pod) { p.DeletionTimestamp = &metav1.Time{} }}, map[string]uint16{}},
		"the pod is somebody else's": {change{pod: func(p *corev1.Pod) { p.Namespace = "shop" }}, map[string]uint16{}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			o := gateway()
			if tt.service != nil {
				tt.service(o.services["service"])
			}
			if tt.pod != nil {
				tt.pod(o.pods["pod"])
			}
			got := fronts(cluster.Spec{Index: 1, Name: "east"}, tt.kind, o)
			ports := map[string]uint16{}
			for from, f := range got {
				ports[from] = f.Port
				if diff := cmp.Diff([]Pod{{"1", "10.129.0.1"}}, f.Pods); diff != "" {
					t.Errorf("pods behind %s (-want +got):\n%s", from, diff)
				}
			}
			if diff := cmp.Diff(tt.want, ports); diff != "" {
				t.Errorf("fronts (-want +got):\n%s", diff)
			}
		})
	}
}

// gateway is one whose load balancer has no address yet, and which listens for webhooks on port 443.
func gateway() objects {
	meta := metav1.ObjectMeta{Namespace: "istio-system", Labels: map[string]string{"istio": "eastwestgateway", "app": "gateway"}}
	pod := *meta.DeepCopy()
	pod.UID = "1"
	return objects{
		services: map[types.UID]*corev1.Service{"service": {ObjectMeta: meta, Spec: corev1.ServiceSpec{
			Type: corev1.ServiceTypeLoadBalancer, Selector: map[string]string{"istio": "eastwestgateway"},
			Ports: []corev1.ServicePort{
				{Port: 15012}, {Port: 443, TargetPort: intstr.FromInt32(15017)}, {Port: 15443, TargetPort: intstr.FromInt32(15443)},
			},
		}}},
		pods: map[types.UID]*corev1.Pod{"pod": {ObjectMeta: pod, Status: corev1.PodStatus{
			PodIP:      "10.129.0.1",
			Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}},
		}}},
		nodes: map[types.UID]*corev1.Node{"node": {Status: corev1.NodeStatus{Addresses: []corev1.NodeAddress{
			{Type: corev1.NodeInternalIP, Address: "10.0.0.1"}, {Type: corev1.NodeHostName, Address: "node-east"},
			{Type: corev1.NodeExternalIP, Address: "192.0.2.1"},
		}}}},
	}
}
