package balancer

import (
	"fmt"
	"maps"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/setup-mesh/setup-mesh/lab/internal/cluster"
)

// passed are the ports on which an east-west gateway passes TLS through to istiod: xDS and certificates, webhooks.
// https://github.com/istio/istio/blob/1.31.0/samples/multicluster/expose-istiod.yaml
var passed = map[int]bool{15012: true, 15017: true}

// fronts are the addresses and ports at which a Service takes in what is for passed ports of ready pods.
//
// No Envoy runs in those pods: they are taken for gateways that do with a connection what Gateway istiod-gateway and its
// VirtualService tell them, so that it ends at an istiod of the cluster.
func fronts(spec cluster.Spec, kind cluster.Gateway, o objects) map[string]int {
	out := map[string]int{}
	for _, s := range o.services {
		if !leadsToPods(s, o) {
			continue
		}
		for _, p := range s.Spec.Ports {
			inside := p.TargetPort.IntValue() // 0 for one with a name, which gateways' Services do not have
			if inside == 0 {
				inside = int(p.Port)
			}
			if passed[inside] {
				maps.Copy(out, frontsOfPort(spec, kind, s, p, o, inside))
			}
		}
	}
	return out
}

// leadsToPods says whether a Service can be reached from outside and has a pod to lead to.
func leadsToPods(s *corev1.Service, o objects) bool {
	outside := s.Spec.Type == corev1.ServiceTypeLoadBalancer || s.Spec.Type == corev1.ServiceTypeNodePort
	if !outside || len(s.Spec.Selector) == 0 {
		return false
	}
	selector := labels.SelectorFromSet(s.Spec.Selector)
	for _, p := range o.pods {
		if p.Namespace == s.Namespace && selector.Matches(labels.Set(p.Labels)) && ready(p) {
			return true
		}
	}
	return false
}

func ready(p *corev1.Pod) bool {
	for _, c := range p.Status.Conditions {
		if c.Type == corev1.PodReady {
			return c.Status == corev1.ConditionTrue && p.DeletionTimestamp == nil
		}
	}
	return false
}

// frontsOfPort are the load balancer's addresses, with their name where they have one, the nodes' with the node port,
// and that of the router before the cluster.
func frontsOfPort(spec cluster.Spec, kind cluster.Gateway, s *corev1.Service, p corev1.ServicePort, o objects, inside int) map[string]int {
	out := map[string]int{}
	add := func(address string, port int32) {
		if address != "" && port != 0 {
			out[fmt.Sprintf("%s:%d", address, port)] = inside
		}
	}
	add(spec.TranslatedIP(), p.Port)
	for _, i := range s.Status.LoadBalancer.Ingress {
		add(i.IP, p.Port)
		add(i.Hostname, p.Port)
		if i.Hostname == spec.GatewayHostname() {
			for _, address := range spec.Resolve(kind) {
				add(address, p.Port)
			}
		}
	}
	for _, n := range o.nodes {
		for _, a := range n.Status.Addresses {
			if a.Type == corev1.NodeInternalIP || a.Type == corev1.NodeExternalIP {
				add(a.Address, p.NodePort)
			}
		}
	}
	return out
}
