package execute

import (
	"crypto/x509"
	"net/url"
	"testing"
	"time"

	"github.com/setup-mesh/setup-mesh/pkg/apply/observe"
)

// A proxy is waited for by the domain of its identity, and not by where the name occurs.
func TestNamedIn(t *testing.T) {
	tests := map[string]struct{ id, want string }{
		"of the old domain":        {"spiffe://old/ns/shop/sa/default", "has a certificate of trust domain old, until it is restarted, or its certificate renewed by 2026-11-27 12:00 at the latest"},
		"of the new domain":        {"spiffe://new/ns/old/sa/old", ""},
		"of one that begins alike": {"spiffe://old.example/ns/shop/sa/default", ""},
		"not a SPIFFE ID":          {"https://old/ns/shop/sa/default", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			id, err := url.Parse(tt.id)
			if err != nil {
				t.Fatal(err)
			}
			leaf := &x509.Certificate{URIs: []*url.URL{id}, NotAfter: time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)}
			if got := namedIn(observe.ProxyCerts{Chain: []*x509.Certificate{leaf}}, []string{"old"}); got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}
