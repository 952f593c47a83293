package execute

import (
	"crypto/rand"
	"crypto/x509"
	"testing"
	"time"

	"github.com/setup-mesh/setup-mesh/pkg/certs"
)

// A proxy that has lists needs one of each CA that is to come; one without asks for none.
func TestUnlisted(t *testing.T) {
	now := time.Now()
	cert, key, err := certs.NewRoot(rand.Reader, now, "demo", "example.com")
	if err != nil {
		t.Fatal(err)
	}
	root, err := certs.ParseRoot(cert, &key)
	if err != nil {
		t.Fatal(err)
	}
	ca := func(cluster string) *certs.Bundle {
		b, err := root.Intermediate(rand.Reader, now, certs.Identity{Cluster: cluster, Namespace: "istio-system", TrustDomain: "cluster.local"})
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	east, west, later := ca("east"), ca("west"), ca("east")
	var none *certs.Revoked
	revoked, err := none.Adding(certs.RevokedCA{Cluster: "east", Serial: "1", Since: now}).List(rand.Reader, now, root)
	if err != nil {
		t.Fatal(err)
	}
	lists := func(of *certs.Bundle, peers ...*certs.Bundle) []*x509.RevocationList {
		b, err := of.WithLists(rand.Reader, now, revoked, peers)
		if err != nil {
			t.Fatal(err)
		}
		out, err := certs.ParseLists(b.Data()[certs.CACRLFile])
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	tests := map[string]struct {
		lists  []*x509.RevocationList
		coming map[string]*certs.Bundle
		at     time.Time
		want   string
	}{
		"nothing is to come":            {lists(west), nil, now, ""},
		"no lists":                      {nil, map[string]*certs.Bundle{"east": later}, now, ""},
		"those of the CAs of now":       {lists(west, east), map[string]*certs.Bundle{"east": later}, now, "east"},
		"one of the CA that is to come": {lists(west, east, later), map[string]*certs.Bundle{"east": later}, now, ""},
		"one of two that are to come":   {lists(east, later), map[string]*certs.Bundle{"east": later, "west": west}, now, "west"},
		"lists that have ended":         {lists(west, later), map[string]*certs.Bundle{"east": later}, now.Add(20 * 365 * 24 * time.Hour), "east"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := unlisted(tt.lists, tt.coming, tt.at); got != tt.want {
				t.Errorf("unlisted is the CA of %q, want %q", got, tt.want)
			}
		})
	}
}
