package world

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

// Endpoints are what an EndpointSlice says of a primary's gateway. It holds
// addresses of one family: IPv4, unless there are none.
type Endpoints struct {
	ips                []netip.Addr // sorted
	discovery, Webhook int          // ports
}

// Endpoints are what an EndpointSlice of the gateway says.
func (r Reach) Endpoints() Endpoints {
	e := Endpoints{discovery: r.port(object.DiscoveryPort), Webhook: r.port(object.WebhookPort)}
	v4 := slices.ContainsFunc(r.IPs, netip.Addr.Is4)
	for _, ip := range r.IPs {
		if ip.Is4() == v4 {
			e.ips = append(e.ips, ip)
		}
	}
	return e
}

// EndpointsOf reads an EndpointSlice of ours.
func EndpointsOf(slice *unstructured.Unstructured) Endpoints {
	var e Endpoints
	list, _, _ := unstructured.NestedSlice(slice.Object, "endpoints")
	for _, one := range list {
		m, _ := one.(map[string]any)
		addresses, _, _ := unstructured.NestedStringSlice(m, "addresses")
		for _, a := range addresses {
			if ip, err := netip.ParseAddr(a); err == nil {
				e.ips = append(e.ips, ip)
			}
		}
	}
	slices.SortFunc(e.ips, netip.Addr.Compare)
	ports, _, _ := unstructured.NestedSlice(slice.Object, "ports")
	for _, p := range ports {
		m, _ := p.(map[string]any)
		port, _ := m["port"].(int64)
		switch m["name"] {
		case object.DiscoveryPortName:
			e.discovery = int(port)
		case object.WebhookPortName:
			e.Webhook = int(port)
		}
	}
	return e
}

// Equal says whether e and other lead to the same places.
func (e Endpoints) Equal(other Endpoints) bool {
	return slices.Equal(e.ips, other.ips) && e.discovery == other.discovery && e.Webhook == other.Webhook
}

// String names the addresses, and the ports where they are not the usual ones.
func (e Endpoints) String() string {
	if len(e.ips) == 0 {
		return "(none)"
	}
	names := make([]string, len(e.ips))
	for i, ip := range e.ips {
		names[i] = ip.String()
	}
	s := strings.Join(names, ", ")
	if e.discovery != object.DiscoveryPort || e.Webhook != object.WebhookPort {
		s += fmt.Sprintf(" ports %d and %d", e.discovery, e.Webhook)
	}
	return s
}

// Fields are the content of an EndpointSlice:
// https://kubernetes.io/docs/reference/kubernetes-api/service-resources/endpoint-slice-v1/
func (e Endpoints) Fields() map[string]any {
	family := "IPv6"
	if e.ips[0].Is4() {
		family = "IPv4"
	}
	list := make([]any, len(e.ips))
	for i, ip := range e.ips {
		list[i] = map[string]any{"addresses": []any{ip.String()}}
	}
	port := func(name string, number int) any {
		return map[string]any{"name": name, "port": int64(number), "protocol": "TCP"}
	}
	return map[string]any{
		"addressType": family,
		"endpoints":   list,
		"ports":       []any{port(object.DiscoveryPortName, e.discovery), port(object.WebhookPortName, e.Webhook)},
	}
}
