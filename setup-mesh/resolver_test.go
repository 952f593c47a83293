package main

import (
	"net"
	"testing"
)

// TestResolverOf looks at whom a resolver would ask. Nothing is sent: a UDP
// connection is only an address.
func TestResolverOf(t *testing.T) {
	tests := map[string]struct {
		server  string
		asks    string // "" for whom this machine asks
		wantErr string
	}{
		"none":                    {server: ""},
		"an address":              {server: "127.0.0.1", asks: "127.0.0.1:53"},
		"with a port":             {server: "127.0.0.1:5353", asks: "127.0.0.1:5353"},
		"an IPv6 address":         {server: "::1", asks: "[::1]:53"},
		"with a port too":         {server: "[::1]:5353", asks: "[::1]:5353"},
		"a name":                  {server: "dns.example.com", wantErr: `--dns-server: "dns.example.com" is no IP address`},
		"a name with a port":      {server: "dns.example.com:53", wantErr: `--dns-server: "dns.example.com:53" is no IP address`},
		"a port that is too high": {server: "127.0.0.1:65536", wantErr: `--dns-server: "127.0.0.1:65536" is no IP address`},
		"two":                     {server: "127.0.0.1,127.0.0.2", wantErr: `--dns-server: "127.0.0.1,127.0.0.2" is no IP address`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r, err := resolverOf(tt.server)
			if err != nil || tt.wantErr != "" {
				if err == nil || err.Error() != tt.wantErr {
					t.Errorf("error %v, want %q", err, tt.wantErr)
				}
				return
			}
			if tt.asks == "" {
				if r != net.DefaultResolver {
					t.Errorf("asks %+v", r)
				}
				return
			}
			conn, err := r.Dial(t.Context(), "udp", "192.0.2.1:53") // of /etc/resolv.conf
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if got := conn.RemoteAddr().String(); got != tt.asks {
				t.Errorf("asks %s, want %s", got, tt.asks)
			}
		})
	}
}
