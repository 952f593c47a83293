package certs

import (
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// pathLen is an edit of a CA's template.
func pathLen(n int) func(*x509.Certificate) {
	return func(c *x509.Certificate) { c.MaxPathLen, c.MaxPathLenZero = n, n == 0 }
}

func TestBelow(t *testing.T) {
	company := ca(t, "company root", nil, pathLen(2))
	ours := ca(t, "ours", &company, pathLen(1))
	oursRSA := caWithKey(t, "ours rsa", &company, rsaKey(t, 2048), nil)
	oursP384 := caWithKey(t, "ours p384", &company, ecKey(t, elliptic.P384()), nil)
	stranger := ca(t, "stranger", nil, nil)
	narrow := ca(t, "narrow root", nil, pathLen(1))
	belowNarrow := ca(t, "below narrow", &narrow, nil)
	wide := ca(t, "wide root", nil, nil)
	region := ca(t, "region", &wide, nil)
	inRegion := ca(t, "in region", &region, pathLen(1))
	tight := ca(t, "tight region", &wide, pathLen(1))
	inTight := ca(t, "in tight", &tight, nil)

	tests := map[string]struct {
		root, chain, key []byte
		want             []string // names in cert-chain.pem below the cluster's own
		wantErr          string
	}{
		"P-256, PKCS#8":             {root: company.pem(), chain: ours.pem(), key: ours.pkcs8(), want: []string{"ours", "company root"}},
		"P-384, SEC 1":              {root: company.pem(), chain: oursP384.pem(), key: sec1(t, oursP384.key), want: []string{"ours p384", "company root"}},
		"RSA, PKCS#1":               {root: company.pem(), chain: oursRSA.pem(), key: pkcs1(oursRSA.key), want: []string{"ours rsa", "company root"}},
		"the root ends the chain":   {root: company.pem(), chain: cat(ours.pem(), company.pem()), key: ours.pkcs8(), want: []string{"ours", "company root"}},
		"two CAs below the root":    {root: wide.pem(), chain: cat(inRegion.pem(), region.pem()), key: inRegion.pkcs8(), want: []string{"in region", "region", "wide root"}},
		"the second of two roots":   {root: cat(stranger.pem(), company.pem()), chain: ours.pem(), key: ours.pkcs8(), want: []string{"ours", "company root"}},
		"only the certificate":      {root: company.pem(), chain: ours.pem()},
		"text and CRLF":             {root: company.pem(), chain: crlf(cat([]byte("Certificate:\n"), ours.pem())), key: ours.pkcs8(), want: []string{"ours", "company root"}},
		"the root itself":           {root: company.pem(), chain: company.pem(), wantErr: "signing-cert.pem: its first certificate (CN=company root,O=example.com) is in root-cert.pem too, so there is no CA below the root"},
		"of another root":           {root: stranger.pem(), chain: ours.pem(), wantErr: "signing-cert.pem: CN=ours,O=example.com was signed by CN=company root,O=example.com, which is not in root-cert.pem"},
		"a CA in between missing":   {root: wide.pem(), chain: inRegion.pem(), wantErr: "signing-cert.pem: CN=in region,O=example.com was signed by CN=region,O=example.com, which is not in root-cert.pem"},
		"the wrong order":           {root: wide.pem(), chain: cat(region.pem(), inRegion.pem()), wantErr: "signing-cert.pem: certificate 1 (CN=region,O=example.com) is not signed by certificate 2 (CN=in region,O=example.com)"},
		"the root allows one CA":    {root: narrow.pem(), chain: belowNarrow.pem(), wantErr: "root-cert.pem: CN=narrow root,O=example.com allows 1 CA below it (pathlen:1), and 2 are needed: those above the clusters, and the clusters' own"},
		"one in between allows one": {root: wide.pem(), chain: cat(inTight.pem(), tight.pem()), wantErr: "signing-cert.pem: CN=tight region,O=example.com allows 1 CA below it (pathlen:1), and 2 are needed: those above the clusters, and the clusters' own"},
		"pathlen:0":                 {root: company.pem(), chain: ca(t, "x", &company, pathLen(0)).pem(), wantErr: "signing-cert.pem: certificate 1 (CN=x,O=example.com): allows no intermediate CA (pathlen:0), at least pathlen:1 is needed"},
		"not a CA":                  {root: company.pem(), chain: ca(t, "x", &company, func(c *x509.Certificate) { c.IsCA = false }).pem(), wantErr: "signing-cert.pem: certificate 1 (CN=x,O=example.com): is not a CA certificate"},
		"key of the root":           {root: company.pem(), chain: ours.pem(), key: company.pkcs8(), wantErr: "signing-key.pem: does not belong to the certificate in signing-cert.pem (CN=ours,O=example.com)"},
		"key that is none":          {root: company.pem(), chain: ours.pem(), key: block("PRIVATE KEY", []byte(canary)), wantErr: "signing-key.pem: the private key in a block PRIVATE KEY cannot be read"},
		"empty":                     {root: company.pem(), wantErr: "signing-cert.pem: holds no PEM block"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			root, err := ParseRoot(tt.root, nil)
			if err != nil {
				t.Fatal(err)
			}
			var key *Secret
			if tt.key != nil {
				key = secret(tt.key)
			}
			r, err := root.Below(tt.chain, key)
			if diff := cmp.Diff(tt.wantErr, errText(err)); diff != "" {
				t.Fatalf("error (-want +got):\n%s", diff)
			}
			if ie, ok := errors.AsType[*InputError](err); err != nil && !ok {
				t.Fatalf("%T (%v) is not an InputError", err, ie)
			}
			if err != nil {
				return
			}
			if !r.Tiered() || r.CanSign() != (key != nil) || r.Fingerprint() != root.Fingerprint() {
				t.Errorf("Tiered %v, CanSign %v, root %s", r.Tiered(), r.CanSign(), r.Name())
			}
			if key == nil {
				return
			}
			b, err := r.Intermediate(rand.Reader, noon, east)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, c := range b.chain[1:] {
				got = append(got, c.Subject.CommonName)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("cert-chain.pem below the cluster's CA (-want +got):\n%s", diff)
			}
			if !b.chain[0].Equal(b.cert) || !sameCerts(b.roots, root.certs) || b.Verify(root, noon, east) != nil {
				t.Error("the bundle is not one of the company's root")
			}
		})
	}
}

// What is signed ends with the first of the CAs above it, and begins with the last.
func TestIntermediateStaysWithinEveryTier(t *testing.T) {
	company := ca(t, "company root", nil, func(c *x509.Certificate) { c.NotAfter = noon.Add(48 * time.Hour) })
	ours := ca(t, "ours", &company, func(c *x509.Certificate) { c.NotBefore, c.NotAfter = noon, noon.Add(72*time.Hour) })
	root, err := ParseRoot(company.pem(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if root, err = root.Below(ours.pem(), secret(ours.pkcs8())); err != nil {
		t.Fatal(err)
	}
	b, err := root.Intermediate(rand.Reader, noon, east)
	if err != nil {
		t.Fatal(err)
	}
	if got := []time.Time{b.NotBefore(), b.NotAfter()}; !cmp.Equal(got, []time.Time{noon, noon.Add(48 * time.Hour)}) {
		t.Errorf("valid %v", got)
	}
	_, err = root.Intermediate(rand.Reader, noon.Add(-time.Minute), east)
	if got, want := errText(err), `mint the intermediate CA of "east-1": the signing CA CN=ours,O=example.com is not yet valid at 2026-11-21: it is valid from 2026-11-21 until 2026-11-24`; got != want {
		t.Errorf("too early: %s", got)
	}
}
