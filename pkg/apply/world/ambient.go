package world

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

// A GatewayState is how far an ambient gateway is.
type GatewayState struct {
	Waits string // why it is not reached yet; "" if it is
	Never bool   // it will not be, as it is
	Taken bool   // its Service is not istiod's
}

// Remedy is what to do about a gateway of l that will never be reached.
func (s GatewayState) Remedy(l *Live) string {
	if s.Taken {
		return fmt.Sprintf("if nobody else needs it: kubectl --context %s -n %s delete service %s; istiod makes its own then", l.Context, l.Namespace, object.AmbientGateway)
	}
	return "take the setting out that makes it so, or set contexts." + l.Context + ".gateway.addresses to those at which other networks reach it"
}

// AmbientGatewayState judges a Gateway between networks and the Service that istiod makes
// for it, each nil if it is not there. Where topology.yaml has its addresses, those of
// the Service are nobody's business.
//
// Conditions alone do not tell: they are of an earlier generation for a while, peers read
// addresses without looking at them, and an address that is pending is the Service's
// ClusterIP.
// https://github.com/istio/istio/blob/1.31.0/pilot/pkg/config/kube/gateway/conversion.go (reportGatewayStatus)
func AmbientGatewayState(gateway, service *unstructured.Unstructured, addressed bool) GatewayState {
	wait := func(format string, args ...any) GatewayState {
		return GatewayState{Waits: "ambient gateway: " + fmt.Sprintf(format, args...)}
	}
	switch {
	case gateway == nil:
		return wait("there is no Gateway %s", object.AmbientGateway)
	case service == nil:
		return wait("istiod has not made its Service yet")
	case service.GetLabels()[object.LabelManaged] == "":
		return GatewayState{Waits: fmt.Sprintf("%s is not of a Gateway, so that istiod leaves it alone", object.RefOf(service)), Never: true, Taken: true}
	}
	if why := condition(gateway, "Accepted"); why != "" {
		return wait("%s", why)
	}
	if addressed {
		return GatewayState{}
	}
	if kind, _, _ := unstructured.NestedString(service.Object, "spec", "type"); kind != "LoadBalancer" && len(external(service)) == 0 {
		return GatewayState{Waits: fmt.Sprintf("%s is of type %s, which has no external address", object.RefOf(service), kind), Never: true}
	}
	if why := condition(gateway, "Programmed"); why != "" {
		return wait("%s", why)
	}
	says := statusAddresses(gateway)
	if len(says) == 0 {
		return wait("it has no address yet")
	}
	for _, a := range says {
		if !slices.Contains(external(service), a) {
			return wait("it says %s, which is not an address of its load balancer", a)
		}
	}
	return GatewayState{}
}

// TunnelState is how far the ambient gateway of l is.
func (l *Live) TunnelState() GatewayState {
	if l.Tunnelled.Err != nil {
		return GatewayState{Waits: l.Tunnelled.Err.Error()}
	}
	return AmbientGatewayState(l.Object(object.AmbientGatewayRef(l.Namespace)), l.Tunnelled.Object, len(l.Address.Addresses) > 0)
}

// TunnelAddress is where the ambient gateway of l is reached, zero while it is not.
func (l *Live) TunnelAddress() GatewayAddress {
	hosts, port := l.TunnelHosts()
	if len(hosts) == 0 {
		return GatewayAddress{}
	}
	return GatewayAddress{hosts[0], port, len(hosts) - 1}
}

// TunnelHosts are the addresses at which node proxies of other networks find the ambient
// gateway of l, and the port there; none while it is not reached.
func (l *Live) TunnelHosts() ([]string, int) {
	if hosts := l.Address.Addresses; len(hosts) > 0 {
		return hosts, l.Address.HBONEPort()
	}
	if l.TunnelState().Waits != "" {
		return nil, 0
	}
	return statusAddresses(l.Object(object.AmbientGatewayRef(l.Namespace))), int(object.HBONEPort)
}

// condition is why a condition of an object is not true in its current generation, "" if
// it is.
func condition(o *unstructured.Unstructured, kind string) string {
	all, _, _ := unstructured.NestedSlice(o.Object, "status", "conditions")
	for _, c := range all {
		m, _ := c.(map[string]any)
		generation, _ := m["observedGeneration"].(int64)
		switch {
		case m["type"] != kind:
		case generation < o.GetGeneration():
			return "istiod has not seen its last change yet"
		case m["status"] == "True":
			return ""
		default:
			return strings.TrimSpace(fmt.Sprintf("not %s: %v %v", strings.ToLower(kind), m["reason"], m["message"]))
		}
	}
	return "istiod has not seen it yet"
}

// external are the addresses at which a Service is reached from outside.
func external(service *unstructured.Unstructured) []string {
	ips, _, _ := unstructured.NestedStringSlice(service.Object, "spec", "externalIPs")
	return append(IngressHosts(service), ips...)
}

// statusAddresses are those that a Gateway says it has.
func statusAddresses(gateway *unstructured.Unstructured) []string {
	list, _, _ := unstructured.NestedSlice(gateway.Object, "status", "addresses")
	var out []string
	for _, a := range list {
		if m, ok := a.(map[string]any); ok {
			out = append(out, fmt.Sprint(m["value"]))
		}
	}
	return out
}
