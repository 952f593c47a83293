package balancer

import (
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"

	"github.com/setup-mesh/setup-mesh/lab/internal/cluster"
)

// A Front is where something outside of the cluster leads to.
type Front struct {
	Port uint16 // of the pods
	Pods []Pod  // ready ones, in the order of their names
}

// A Pod is one behind a [Front].
type Pod struct {
	UID types.UID
	IP  string
}

// Address is "IP:port".
func (p Pod) Address(port uint16) string { return net.JoinHostPort(p.IP, strconv.Itoa(int(port))) }

// eastWest are the ports of east-west gateways: for istiod's xDS and certificates, its webhooks, and for workloads, those of
// sidecars and of ambient. What is
// for others stays outside: a cluster has one address, and its other gateways would contend for ports.
// https://github.com/istio/istio/blob/1.31.0/samples/multicluster/gen-eastwest-gateway.sh
var eastWest = map[int]bool{15012: true, 15017: true, 15443: true, 15008: true}

// fronts are the addresses and ports at which Services take in what is for those ports of ready pods.
func fronts(spec cluster.Spec, kind cluster.Gateway, o objects) map[string]Front {
	out := map[string]Front{}
	for _, s := range o.services {
		pods := behind(s, o)
		if len(pods) == 0 {
			continue
		}
		for _, p := range s.Spec.Ports {
			inside := p.TargetPort.IntValue() // 0 for one with a name, which gateways' Services do not have
			if inside == 0 {
				inside = int(p.Port)
			}
			if !eastWest[inside] {
				continue
			}
			for from := range frontsOfPort(spec, kind, s, p, o) {
				out[from] = Front{uint16(inside), pods}
			}
		}
	}
	return out
}

// behind are the pods that a Service leads to from outside.
func behind(s *corev1.Service, o objects) []Pod {
	outside := s.Spec.Type == corev1.ServiceTypeLoadBalancer || s.Spec.Type == corev1.ServiceTypeNodePort
	if !outside || len(s.Spec.Selector) == 0 {
		return nil
	}
	selector := labels.SelectorFromSet(s.Spec.Selector)
	var found []*corev1.Pod
	for _, p := range o.pods {
		if p.Namespace == s.Namespace && selector.Matches(labels.Set(p.Labels)) && ready(p) {
			found = append(found, p)
		}
	}
	slices.SortFunc(found, func(a, b *corev1.Pod) int { return strings.Compare(a.Name, b.Name) })
	var out []Pod
	for _, p := range found {
		out = append(out, Pod{p.UID, p.Status.PodIP})
	}
	return out
}

func ready(p *corev1.Pod) bool {
	for _, c := range p.Status.Conditions {
		if c.Type == corev1.PodReady {
			return c.Status == corev1.ConditionTrue && p.DeletionTimestamp == nil
		}
	}
	return false
}

// frontsOfPort are those of the load balancer's addresses that the status says, with their name where they have one, the
// nodes' with the node port, and that of the router before the cluster. Where somebody writes another address into the
// status, no load balancer is there.
func frontsOfPort(spec cluster.Spec, kind cluster.Gateway, s *corev1.Service, p corev1.ServicePort, o objects) map[string]bool {
	out := map[string]bool{}
	add := func(address string, port int32) {
		if address != "" && port != 0 {
			out[fmt.Sprintf("%s:%d", address, port)] = true
		}
	}
	add(spec.TranslatedIP(), p.Port)
	for _, i := range s.Status.LoadBalancer.Ingress {
		if slices.Contains(spec.GatewayIPs(), i.IP) {
			add(i.IP, p.Port)
		}
		if i.Hostname == spec.GatewayHostname() {
			add(i.Hostname, p.Port)
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
