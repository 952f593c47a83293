package main

import (
	"context"
	"fmt"
	"net"
	"net/netip"

	"github.com/urfave/cli/v2"
)

// dnsFlag is for gateways whose names only the clusters' own DNS knows.
func dnsFlag() cli.Flag {
	return &cli.StringFlag{
		Name: "dns-server", EnvVars: []string{"SETUP_MESH_DNS_SERVER"},
		Usage: "ask the name server at `ADDRESS` for gateways' host names (default: as this machine does)",
		Action: func(_ *cli.Context, server string) error {
			_, err := resolverOf(server)
			return err
		},
	}
}

// resolverOf asks the name server at an IP address, with or without a port, or
// whom this machine asks if there is none given.
func resolverOf(server string) (*net.Resolver, error) {
	if server == "" {
		return net.DefaultResolver, nil
	}
	at, err := netip.ParseAddrPort(server)
	if err != nil {
		ip, err := netip.ParseAddr(server)
		if err != nil {
			return nil, withHint(fmt.Errorf("--dns-server: %q is no IP address", server), "such as 10.0.0.2, or 10.0.0.2:5353")
		}
		at = netip.AddrPortFrom(ip, 53)
	}
	var dialer net.Dialer
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return dialer.DialContext(ctx, network, at.String())
	}}, nil
}
