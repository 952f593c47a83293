package certcheck

import (
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"testing"
	"time"

	zcrypto "github.com/zmap/zcrypto/x509"
	"github.com/zmap/zlint/v3"
	"github.com/zmap/zlint/v3/lint"

	"github.com/setup-mesh/setup-mesh/pkg/certs"
)

// TestLint has the linter of public CAs look at all that setup-mesh signs. Rules of browsers
// (CABF, Mozilla, Apple) are left out: they ask for names and places in the public internet.
func TestLint(t *testing.T) {
	rules, err := lint.GlobalRegistry().Filter(lint.FilterOptions{IncludeSources: lint.SourceList{
		lint.RFC3279, lint.RFC5280, lint.RFC5480, lint.RFC5891, lint.RFC8813, lint.Community,
	}})
	if err != nil {
		t.Fatal(err)
	}
	for name, found := range signed(t) {
		t.Run(name, func(t *testing.T) {
			looked := 0
			for block, rest := pem.Decode(found); block != nil; block, rest = pem.Decode(rest) {
				result := linted(t, block, rules)
				looked++
				for rule, r := range result.Results {
					if r.Status > lint.Pass {
						t.Errorf("block %d: %s: %s %s", looked, rule, r.Status, r.Details)
					}
				}
			}
			if looked == 0 {
				t.Error("there is nothing to look at")
			}
		})
	}
}

func linted(t *testing.T, block *pem.Block, rules lint.Registry) *zlint.ResultSet {
	t.Helper()
	if block.Type == "X509 CRL" {
		l, err := zcrypto.ParseRevocationList(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		return zlint.LintRevocationListEx(l, rules)
	}
	c, err := zcrypto.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return zlint.LintCertificateEx(c, rules)
}

// signed is what setup-mesh signs, as PEM.
func signed(t *testing.T) map[string][]byte {
	t.Helper()
	now := time.Now()
	cert, key, err := certs.NewRoot(rand.Reader, now, "mymeshname", "example.com")
	if err != nil {
		t.Fatal(err)
	}
	root, err := certs.ParseRoot(cert, &key)
	if err != nil {
		t.Fatal(err)
	}
	minted, err := root.Intermediate(rand.Reader, now, east)
	if err != nil {
		t.Fatal(err)
	}
	renewed, err := root.Renew(t.Context(), rand.Reader, now, east, minted)
	if err != nil {
		t.Fatal(err)
	}
	request, err := root.Request(rand.Reader, now, east)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := root.Sign(rand.Reader, now, request.CSR(), east)
	if err != nil {
		t.Fatal(err)
	}
	var none *certs.Revoked
	revoked, err := none.Adding(certs.RevokedCA{Cluster: "east-1", Serial: certs.SerialOf(minted.Cert()), Since: now}).List(rand.Reader, now, root)
	if err != nil {
		t.Fatal(err)
	}
	listed, err := renewed.WithLists(rand.Reader, now, revoked, nil)
	if err != nil {
		t.Fatal(err)
	}
	return map[string][]byte{
		"root":                        cert,
		"intermediate":                minted.Data()[certs.CACertFile],
		"renewed with its key":        renewed.Data()[certs.CACertFile],
		"below a CA of the company's": belowCompany(t, now),
		"answer to a CSR":             answer,
		"revocation lists":            listed.Data()[certs.CACRLFile],
	}
}

// belowCompany is the intermediate of a cluster in a chain of three.
func belowCompany(t *testing.T, now time.Time) []byte {
	t.Helper()
	top := made(t, "company root", nil, p256(t), func(c *x509.Certificate) { c.MaxPathLen = 2 })
	below := made(t, "signing CA", &top, p256(t), func(c *x509.Certificate) { c.MaxPathLen = 1 })
	company, err := certs.ParseRoot(text(top.Raw), nil)
	if err != nil {
		t.Fatal(err)
	}
	key := certs.NewSecret(pkcs8(t, below.key))
	tiered, err := company.Below(text(below.Raw), &key)
	if err != nil {
		t.Fatal(err)
	}
	b, err := tiered.Intermediate(rand.Reader, now, east)
	if err != nil {
		t.Fatal(err)
	}
	return b.Data()[certs.CACertFile]
}
