package dns

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestServerKnowsItsNamesAndNoOthers(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	s, err := Serve(l.Addr().(*net.TCPAddr).Port, func(name string) []netip.Addr {
		if name != "east.elb.example.com" {
			return nil
		}
		return []netip.Addr{netip.MustParseAddr("203.0.113.1"), netip.MustParseAddr("203.0.113.101")}
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })

	both := []string{"203.0.113.1", "203.0.113.101"}
	tests := map[string]struct {
		network, name string
		want          []string
		notFound      bool
	}{
		"a name with two addresses": {"ip4", "east.elb.example.com", both, false},
		"in capitals":               {"ip4", "EAST.elb.Example.COM", both, false},
		"both families":             {"ip", "east.elb.example.com", both, false},
		"another name":              {"ip", "istio.io", nil, true},
	}
	for name, tt := range tests {
		for _, transport := range []string{"udp", "tcp"} {
			t.Run(name+" over "+transport, func(t *testing.T) {
				r := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
					return (&net.Dialer{}).DialContext(ctx, transport, s.Address())
				}}
				// The dot at the end keeps the machine's search domains out.
				got, err := r.LookupNetIP(t.Context(), tt.network, tt.name+".")
				if tt.notFound {
					if dnsErr, ok := errors.AsType[*net.DNSError](err); !ok || !dnsErr.IsNotFound {
						t.Fatalf("got %v (%v), want that there is no such name", got, err)
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				var text []string
				for _, a := range got {
					text = append(text, a.Unmap().String())
				}
				if diff := cmp.Diff(tt.want, text); diff != "" {
					t.Errorf("addresses (-want +got):\n%s", diff)
				}
			})
		}
	}
}
