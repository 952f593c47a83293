package world

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/topology"
)

// A Resolver finds the IP addresses of a host name; [net.Resolver] is one.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// A Reach is where a cluster's east-west gateway is reached from outside. The
// zero Reach is that of a gateway that is not there, or has no address yet.
type Reach struct {
	Hosts []string // IP addresses and host names, in their order
	// IPs are those of Hosts, sorted, without duplicates. They are looked up
	// where remote clusters need them only: an EndpointSlice takes no names.
	IPs   []netip.Addr
	Ports map[int]int // port of the gateway to the one outside, where it differs
	// Nowhere says why there never will be an address, "" if there may.
	Nowhere string
	Err     error // why the above is not known
}

// Known says whether it is known at which IP addresses the gateway is reached.
func (r Reach) Known() bool { return r.Err == nil && len(r.IPs) > 0 }

// port is the one outside for a port of the gateway.
func (r Reach) port(inside int) int {
	if outside, ok := r.Ports[inside]; ok {
		return outside
	}
	return inside
}

// A GatewayAddress is how plans and status name the address of a gateway. The zero
// GatewayAddress is that of one that has none.
type GatewayAddress struct {
	Host string `json:"host"` // an IP address or a host name, the first of all
	Port int    `json:"port"` // the one outside
	More int    `json:"more,omitempty"`
}

// At is the gateway's address, with the one outside for a port of the gateway.
func (r Reach) At(port int) GatewayAddress {
	if len(r.Hosts) == 0 {
		return GatewayAddress{}
	}
	return GatewayAddress{r.Hosts[0], r.port(port), len(r.Hosts) - 1}
}

// String is "192.0.2.1:15443 and 1 more", "" for no address.
func (a GatewayAddress) String() string {
	if a.Host == "" {
		return ""
	}
	return net.JoinHostPort(a.Host, strconv.Itoa(a.Port)) + a.more()
}

// WithoutPort is "192.0.2.1 and 1 more", "" for no address.
func (a GatewayAddress) WithoutPort() string { return a.Host + a.more() }

func (a GatewayAddress) more() string {
	if a.More == 0 {
		return ""
	}
	return fmt.Sprintf(" and %d more", a.More)
}

// ReachOf reads the addresses out of the gateway's Service, which may be nil.
// Those of the topology go before the Service's. nodes are the addresses of the
// nodes that the Service's annotation selects.
func ReachOf(service *unstructured.Unstructured, address topology.Gateway, nodes []string) Reach {
	var r Reach
	if service == nil {
		return r
	}
	kind, _, _ := unstructured.NestedString(service.Object, "spec", "type")
	if kind == "NodePort" {
		r.Ports = nodePorts(service)
	}
	switch {
	case len(address.Addresses) > 0:
		r.Hosts = address.Addresses
		if r.Ports == nil {
			r.Ports = map[int]int{}
		}
		r.Ports[object.GatewayPort] = address.Port
	case kind == "LoadBalancer":
		r.Hosts = IngressHosts(service)
	case kind == "NodePort" && NodeSelector(service) != nil:
		r.Hosts = nodes
	default:
		r.Nowhere = fmt.Sprintf("Service %s/%s is of type %s, which has no external address", service.GetNamespace(), service.GetName(), kind)
	}
	return r
}

// IngressHosts are all addresses of a LoadBalancer Service.
func IngressHosts(service *unstructured.Unstructured) []string {
	var hosts []string
	ingress, _, _ := unstructured.NestedSlice(service.Object, "status", "loadBalancer", "ingress")
	for _, in := range ingress {
		m, _ := in.(map[string]any)
		for _, key := range []string{"ip", "hostname"} {
			if a, _ := m[key].(string); a != "" {
				hosts = append(hosts, a)
				break
			}
		}
	}
	return hosts
}

func nodePorts(service *unstructured.Unstructured) map[int]int {
	out := map[int]int{}
	ports, _, _ := unstructured.NestedSlice(service.Object, "spec", "ports")
	for _, p := range ports {
		m, _ := p.(map[string]any)
		port, ok1 := m["port"].(int64)
		node, ok2 := m["nodePort"].(int64)
		if ok1 && ok2 {
			out[int(port)] = int(node)
		}
	}
	return out
}

// NodeSelector is which nodes a NodePort Service is reached at, nil where it
// does not say; {} is all of them.
// https://istio.io/latest/docs/reference/config/annotations/#TrafficNodeSelector
func NodeSelector(service *unstructured.Unstructured) labels.Set {
	text, ok := service.GetAnnotations()["traffic.istio.io/nodeSelector"]
	if !ok {
		return nil
	}
	set := labels.Set{}
	if json.Unmarshal([]byte(text), &set) != nil {
		return nil
	}
	return set
}

// ReadReach asks where the gateway of l is reached now, host names resolved.
func ReadReach(ctx context.Context, l *Connected) Reach {
	service, err := l.Cluster.Get(ctx, object.GatewayServiceRef(l.Namespace))
	if err != nil && !object.Absent(err) {
		return Reach{Err: err}
	}
	return l.GatewayReach(ctx, service)
}

// GatewayReach is where the gateway with that Service, which may be nil, is reached:
// it asks for nodes and resolves names where that is needed.
func (l *Connected) GatewayReach(ctx context.Context, service *unstructured.Unstructured) Reach {
	var nodes []string
	if service != nil {
		if selector := NodeSelector(service); selector != nil {
			var err error
			if nodes, err = externalIPs(ctx, l.Cluster, selector); err != nil {
				return Reach{Err: err}
			}
		}
	}
	r := ReachOf(service, l.Address, nodes)
	if l.Resolver != nil {
		r.resolve(ctx, l.Resolver)
	}
	return r
}

// externalIPs are the addresses of nodes that istiod takes too:
// https://github.com/istio/istio/blob/1.31.0/pilot/pkg/serviceregistry/kube/controller/controller.go (updateServiceNodePortAddresses)
func externalIPs(ctx context.Context, c object.Reader, selector labels.Set) ([]string, error) {
	nodes, err := c.List(ctx, schema.GroupKind{Kind: "Node"}, "", selector.String())
	if err != nil {
		return nil, err
	}
	var out []string
	for _, n := range nodes {
		addresses, _, _ := unstructured.NestedSlice(n.Object, "status", "addresses")
		for _, a := range addresses {
			if m, _ := a.(map[string]any); m["type"] == "ExternalIP" {
				if ip, _ := m["address"].(string); ip != "" {
					out = append(out, ip)
				}
			}
		}
	}
	slices.Sort(out)
	return out, nil
}

// Addresses are the IP addresses of a gateway, which are looked up where a plan did not
// need them. Names that are not found have none.
func (r Reach) Addresses(ctx context.Context, resolver Resolver) []netip.Addr {
	if len(r.IPs) == 0 {
		r.resolve(ctx, resolver)
	}
	return r.IPs
}

// resolve fills in IPs.
func (r *Reach) resolve(ctx context.Context, resolver Resolver) {
	for _, host := range r.Hosts {
		if ip, err := netip.ParseAddr(host); err == nil {
			r.IPs = append(r.IPs, ip.Unmap())
			continue
		}
		ips, err := resolver.LookupNetIP(ctx, "ip", strings.TrimSuffix(host, ".")+".") // no search domains
		if err != nil {
			r.Err = &object.Error{
				Class: object.Unreachable, Op: "resolve the gateway's host name " + strconv.Quote(host), Message: err.Error(), Err: err,
				Hint: "does this machine's DNS know the name? --dns-server asks another one",
			}
			continue
		}
		for _, ip := range ips {
			r.IPs = append(r.IPs, ip.Unmap())
		}
	}
	slices.SortFunc(r.IPs, netip.Addr.Compare)
	r.IPs = slices.Compact(r.IPs)
}
