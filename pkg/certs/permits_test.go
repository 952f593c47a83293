package certs

import (
	"crypto/x509"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRootPermits(t *testing.T) {
	tests := map[string]struct {
		edit    func(c *x509.Certificate)
		wantErr string
	}{
		"no constraints": {},
		"constraints that fit": {edit: func(c *x509.Certificate) {
			c.PermittedURIDomains, c.PermittedDNSDomains, c.PermittedDNSDomainsCritical = []string{"cluster.local"}, east.istiod(), true
		}},
		"another trust domain": {
			edit:    func(c *x509.Certificate) { c.PermittedURIDomains = []string{"example.org"} },
			wantErr: `URI "spiffe://cluster.local/ns/default/sa/probe" is not permitted by any constraint`,
		},
		"istiod has another name": {
			edit:    func(c *x509.Certificate) { c.PermittedDNSDomains = []string{"example.org"} },
			wantErr: `DNS name "istiod.istio-system.svc" is not permitted by any constraint`,
		},
		"the trust domain is excluded": {
			edit:    func(c *x509.Certificate) { c.ExcludedURIDomains = []string{"cluster.local"} },
			wantErr: `URI "spiffe://cluster.local/ns/default/sa/probe" is excluded by constraint URI "cluster.local"`,
		},
		"the root has expired, which is judged elsewhere": {
			edit: func(c *x509.Certificate) {
				c.PermittedURIDomains, c.NotAfter = []string{"cluster.local"}, noon.AddDate(0, 0, -1)
			},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r, err := ParseRoot(ca(t, "own", nil, tt.edit).pem(), nil) // without a key
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.wantErr, errText(r.Permits(noon, east))); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
		})
	}
}
