package main

import (
	"context"
	"net"
	"net/netip"
)

// resolverOf asks a name server, or whom this machine asks if there is none
// given.
func resolverOf(server netip.AddrPort) *net.Resolver {
	if !server.IsValid() {
		return net.DefaultResolver
	}
	var dialer net.Dialer
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return dialer.DialContext(ctx, network, server.String())
	}}
}
