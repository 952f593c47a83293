package envoy

import (
	"net/netip"
	"testing"

	listener "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// chains are those of istiod 1.31 for a workload with port 5000, where plaintext is allowed, and of a gateway.
func chains() *listener.Listener {
	chain := func(name string, m *listener.FilterChainMatch) *listener.FilterChain {
		return &listener.FilterChain{Name: name, FilterChainMatch: m}
	}
	mesh := []string{"istio", "istio-peer-exchange", "istio-http/1.1"}
	return &listener.Listener{FilterChains: []*listener.FilterChain{
		chain("blackhole", &listener.FilterChainMatch{DestinationPort: wrapperspb.UInt32(15006)}),
		chain("mesh http", &listener.FilterChainMatch{TransportProtocol: "tls", ApplicationProtocols: []string{"istio-http/1.1"}}),
		chain("any tls", &listener.FilterChainMatch{TransportProtocol: "tls"}),
		chain("5000 mesh", &listener.FilterChainMatch{DestinationPort: wrapperspb.UInt32(5000), TransportProtocol: "tls", ApplicationProtocols: mesh}),
		chain("5000 plain", &listener.FilterChainMatch{DestinationPort: wrapperspb.UInt32(5000), TransportProtocol: "raw_buffer"}),
		chain("7000 mesh", &listener.FilterChainMatch{DestinationPort: wrapperspb.UInt32(7000), TransportProtocol: "tls"}),
		chain("hello", &listener.FilterChainMatch{ServerNames: []string{"outbound_.5000_._.hello"}, ApplicationProtocols: mesh}),
		chain("example", &listener.FilterChainMatch{ServerNames: []string{"*.example.com"}}),
		chain("deep example", &listener.FilterChainMatch{ServerNames: []string{"*.deep.example.com"}}),
	}}
}

func TestPick(t *testing.T) {
	tests := map[string]struct {
		port uint16
		hello
		want string // empty: the connection is closed
	}{
		"mutual TLS to a known port":                 {5000, hello{"tls", "", []string{"istio-http/1.1", "istio"}}, "5000 mesh"},
		"plaintext to a port that allows it":         {5000, hello{"raw_buffer", "", nil}, "5000 plain"},
		"plaintext where mutual TLS is a must":       {7000, hello{"raw_buffer", "", nil}, ""},
		"TLS of the application's to a known port":   {5000, hello{"tls", "", []string{"h2"}}, ""},
		"HTTP of the mesh to an unknown port":        {9, hello{"tls", "", []string{"istio-http/1.1"}}, "mesh http"},
		"something of the mesh to an unknown port":   {9, hello{"tls", "", []string{"istio"}}, "any tls"},
		"plaintext to an unknown port":               {9, hello{"raw_buffer", "", nil}, ""},
		"a name that the gateway knows":              {15443, hello{"tls", "outbound_.5000_._.hello", []string{"istio"}}, "hello"},
		"a name that it knows, but not of the mesh":  {15443, hello{"tls", "outbound_.5000_._.hello", []string{"h2"}}, ""},
		"a name that ends like one it knows":         {15443, hello{"tls", "www.example.com", nil}, "example"},
		"a name that ends like two, the longer wins": {15443, hello{"tls", "www.deep.example.com", nil}, "deep example"},
		"the port of the proxy itself":               {15006, hello{"raw_buffer", "", nil}, "blackhole"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			to := netip.AddrPortFrom(netip.MustParseAddr("10.129.0.1"), tt.port)
			if got := pick(chains(), to, tt.hello).GetName(); got != tt.want {
				t.Errorf("pick = %q, want %q", got, tt.want)
			}
		})
	}
}
