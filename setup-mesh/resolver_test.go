package main

import (
	"net"
	"net/netip"
	"testing"
)

// TestResolverOf looks at whom a resolver would ask. Nothing is sent: a UDP
// connection is only an address.
func TestResolverOf(t *testing.T) {
	if r := resolverOf(netip.AddrPort{}); r != net.DefaultResolver {
		t.Errorf("without a name server it asks %+v", r)
	}
	for _, server := range []string{"127.0.0.1:53", "[::1]:5353"} {
		conn, err := resolverOf(netip.MustParseAddrPort(server)).Dial(t.Context(), "udp", "192.0.2.1:53") // of /etc/resolv.conf
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if got := conn.RemoteAddr().String(); got != server {
			t.Errorf("asks %s, want %s", got, server)
		}
	}
}
