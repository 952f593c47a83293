package world

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/topology"
)

// gatewayService is an east-west gateway's Service as an API server has it.
func gatewayService(kind string, notes map[string]any, ingress ...any) *unstructured.Unstructured {
	port := func(port, node int64) any { return map[string]any{"port": port, "nodePort": node} }
	return object.New("v1", "Service", "ns", object.EastWestGateway, map[string]any{"annotations": notes}, map[string]any{
		"spec":   map[string]any{"type": kind, "ports": []any{port(15443, 31443), port(15012, 31012), port(15017, 31017)}},
		"status": map[string]any{"loadBalancer": map[string]any{"ingress": ingress}},
	})
}

func TestReachOf(t *testing.T) {
	nodePorts := map[int]int{15443: 31443, 15012: 31012, 15017: 31017}
	selected := map[string]any{"traffic.istio.io/nodeSelector": `{"edge":"yes"}`}
	behind := topology.Gateway{Addresses: []string{"198.51.100.7", "nat.example.com"}, Port: 443}
	tests := map[string]struct {
		service *unstructured.Unstructured
		address topology.Gateway
		want    Reach
		shown   string
	}{
		"no Service":      {},
		"pending":         {service: gatewayService("LoadBalancer", nil)},
		"an IP":           {service: gatewayService("LoadBalancer", nil, map[string]any{"ip": "192.0.2.1"}), want: Reach{Hosts: []string{"192.0.2.1"}}, shown: "192.0.2.1:15443"},
		"an IPv6 address": {service: gatewayService("LoadBalancer", nil, map[string]any{"ip": "2001:db8::1"}), want: Reach{Hosts: []string{"2001:db8::1"}}, shown: "[2001:db8::1]:15443"},
		"a host name":     {service: gatewayService("LoadBalancer", nil, map[string]any{"hostname": "lb.example.com"}), want: Reach{Hosts: []string{"lb.example.com"}}, shown: "lb.example.com:15443"},
		"several IPs, and an entry that is none": {
			service: gatewayService("LoadBalancer", nil, map[string]any{"ip": "192.0.2.1"}, "broken", map[string]any{"ports": []any{}}, map[string]any{"ip": "192.0.2.2"}),
			want:    Reach{Hosts: []string{"192.0.2.1", "192.0.2.2"}}, shown: "192.0.2.1:15443 and 1 more",
		},
		"addresses of the topology replace the Service's": {
			service: gatewayService("LoadBalancer", nil, map[string]any{"ip": "10.1.1.1"}), address: behind,
			want: Reach{Hosts: behind.Addresses, Ports: map[int]int{15443: 443}}, shown: "198.51.100.7:443 and 1 more",
		},
		"addresses of the topology before node ports": {
			service: gatewayService("NodePort", nil), address: behind,
			want: Reach{Hosts: behind.Addresses, Ports: map[int]int{15443: 443, 15012: 31012, 15017: 31017}}, shown: "198.51.100.7:443 and 1 more",
		},
		"nodes": {
			service: gatewayService("NodePort", selected), want: Reach{Hosts: []string{"203.0.113.8"}, Ports: nodePorts}, shown: "203.0.113.8:31443",
		},
		"node ports of nobody knows which node": {
			service: gatewayService("NodePort", nil), want: Reach{Ports: nodePorts, Nowhere: "Service ns/istio-eastwestgateway is of type NodePort, which has no external address"},
		},
		"an address inside only": {
			service: gatewayService("ClusterIP", nil), want: Reach{Nowhere: "Service ns/istio-eastwestgateway is of type ClusterIP, which has no external address"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := ReachOf(tt.service, tt.address, []string{"203.0.113.8"})
			if diff := cmp.Diff(tt.want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("reach (-want +got):\n%s", diff)
			}
			if shown := got.At(object.GatewayPort).String(); shown != tt.shown {
				t.Errorf("shown as %q, want %q", shown, tt.shown)
			}
		})
	}
}

func TestNodeSelector(t *testing.T) {
	note := func(text string) *unstructured.Unstructured {
		return gatewayService("NodePort", map[string]any{"traffic.istio.io/nodeSelector": text})
	}
	if got := NodeSelector(note("{}")); got == nil || len(got) != 0 {
		t.Errorf("{} selects %v, want all nodes", got)
	}
	if got := NodeSelector(note("not JSON")); got != nil {
		t.Errorf("no JSON selects %v, want nothing", got)
	}
}

// names is a name server.
type names map[string][]string

func (n names) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	ips, ok := n[strings.TrimSuffix(host, ".")]
	if !ok {
		return nil, errors.New("no such host")
	}
	var out []netip.Addr
	for _, ip := range ips {
		out = append(out, netip.MustParseAddr(ip))
	}
	return out, nil
}

func TestResolve(t *testing.T) {
	dns := names{"lb.example.com": {"192.0.2.9", "192.0.2.10", "::ffff:192.0.2.9"}, "six.example.com": {"2001:db8::1"}}
	tests := map[string]struct {
		hosts, ips []string
		want       string // as an EndpointSlice has it
		family     string
	}{
		"an IP":                   {[]string{"192.0.2.1"}, []string{"192.0.2.1"}, "192.0.2.1", "IPv4"},
		"all addresses of a name": {[]string{"lb.example.com"}, []string{"192.0.2.9", "192.0.2.10"}, "192.0.2.9, 192.0.2.10", "IPv4"},
		"each address once":       {[]string{"192.0.2.10", "lb.example.com"}, []string{"192.0.2.9", "192.0.2.10"}, "192.0.2.9, 192.0.2.10", "IPv4"},
		"IPv4 where there is any": {[]string{"six.example.com", "192.0.2.1"}, []string{"192.0.2.1", "2001:db8::1"}, "192.0.2.1", "IPv4"},
		"IPv6 where that is all":  {[]string{"six.example.com"}, []string{"2001:db8::1"}, "2001:db8::1", "IPv6"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r := Reach{Hosts: tt.hosts}
			r.resolve(t.Context(), dns)
			var ips []string
			for _, ip := range r.IPs {
				ips = append(ips, ip.String())
			}
			if diff := cmp.Diff(tt.ips, ips); diff != "" || !r.Known() {
				t.Errorf("error %v, IPs (-want +got):\n%s", r.Err, diff)
			}
			e := r.Endpoints()
			if e.String() != tt.want || e.Fields()["addressType"] != tt.family {
				t.Errorf("endpoints %s of family %v, want %s of %s", e, e.Fields()["addressType"], tt.want, tt.family)
			}
			back := EndpointsOf(&unstructured.Unstructured{Object: e.Fields()})
			if !back.Equal(e) {
				t.Errorf("written %s, and read %s", e, back)
			}
		})
	}
	unknown := Reach{Hosts: []string{"192.0.2.1", "gone.example.com"}}
	unknown.resolve(t.Context(), dns)
	if unknown.Known() || object.ClassOf(unknown.Err) != object.Unreachable || !strings.Contains(object.HintOf(unknown.Err), "--dns-server") {
		t.Errorf("a name that nobody knows: %v, remedy %q", unknown.Err, object.HintOf(unknown.Err))
	}
}
