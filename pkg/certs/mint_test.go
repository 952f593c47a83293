package certs

import (
	"bytes"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// facts are what is promised of a certificate; its bytes differ every time.
type facts struct {
	Subject, Issuer     string
	Key, Signature      string
	NotBefore, NotAfter string
	CA                  bool
	PathLen             int
	Usage               string
	ExtUsage            int
	DNS                 []string
	KeyIDs              bool // has a subject key ID, and its issuer's as authority
}

// generations differ every time.
var generations = regexp.MustCompile(`\.[0-9a-f]{6}\b`)

func factsOf(c, issuer *x509.Certificate) facts {
	usages := []string{"digitalSignature", "contentCommitment", "keyEncipherment", "dataEncipherment", "keyAgreement", "keyCertSign", "cRLSign"}
	var usage []string
	for i, name := range usages {
		if c.KeyUsage&(1<<i) != 0 {
			usage = append(usage, name)
		}
	}
	return facts{
		Subject: generations.ReplaceAllString(c.Subject.String(), ".GEN"),
		Issuer:  generations.ReplaceAllString(c.Issuer.String(), ".GEN"),
		Key:     Algorithm(c), Signature: c.SignatureAlgorithm.String(),
		NotBefore: c.NotBefore.Format(time.RFC3339), NotAfter: c.NotAfter.Format(time.RFC3339),
		CA: c.IsCA, PathLen: c.MaxPathLen,
		Usage: strings.Join(usage, " "), ExtUsage: len(c.ExtKeyUsage) + len(c.UnknownExtKeyUsage),
		DNS:    c.DNSNames,
		KeyIDs: len(c.SubjectKeyId) > 0 && (c == issuer || bytes.Equal(c.AuthorityKeyId, issuer.SubjectKeyId)),
	}
}

func TestNewRoot(t *testing.T) {
	r := newRoot(t, noon.Add(300*time.Millisecond))
	want := facts{
		Subject: "CN=mymeshname root 2026-11-21.GEN,OU=mymeshname,O=example.com",
		Issuer:  "CN=mymeshname root 2026-11-21.GEN,OU=mymeshname,O=example.com",
		Key:     "ECDSA P-384", Signature: "ECDSA-SHA384",
		NotBefore: "2026-11-21T11:55:00Z", NotAfter: "2036-11-18T12:00:00Z",
		CA: true, PathLen: 1, Usage: "keyCertSign cRLSign", KeyIDs: true,
	}
	if diff := cmp.Diff(want, factsOf(r.Cert(), r.Cert())); diff != "" {
		t.Errorf("root (-want +got):\n%s", diff)
	}
	if got := []any{r.Mesh(), r.Organization(), r.CanSign()}; !cmp.Equal(got, []any{"mymeshname", "example.com", true}) {
		t.Errorf("Mesh, Organization, CanSign = %v", got)
	}
	if !bytes.HasPrefix(r.key.Bytes(), []byte("-----BEGIN PRIVATE KEY-----\n")) {
		t.Error("the key is not PKCS#8")
	}
	if !strings.HasPrefix(r.Fingerprint(), r.Short()) || len(r.Fingerprint()) != 32*3-1 || len(r.Short()) != 8 {
		t.Errorf("fingerprint %q, short %q", r.Fingerprint(), r.Short())
	}
}

func TestRootsOfOneMeshDiffer(t *testing.T) {
	a, b := newRoot(t, noon).Cert(), newRoot(t, noon).Cert()
	if a.Subject.String() == b.Subject.String() || a.SerialNumber.Cmp(b.SerialNumber) == 0 {
		t.Errorf("two roots have the subject %s and %s, and the serials %x and %x", a.Subject, b.Subject, a.SerialNumber, b.SerialNumber)
	}
}

func TestNewRootNames(t *testing.T) {
	tests := map[string]struct {
		mesh, org string
		wantErr   string
	}{
		"the longest":        {mesh: strings.Repeat("m", 64), org: strings.Repeat("ö", 64)},
		"nothing at all":     {wantErr: "mesh ID: is empty"},
		"too long":           {mesh: "m", org: strings.Repeat("o", 65), wantErr: "organization: has 65 characters, a certificate holds 64"},
		"control characters": {mesh: "m\x1b[2J", org: "o", wantErr: `mesh ID: "m\x1b[2J" has characters that cannot be printed`},
		"right to left mark": {mesh: "m", org: "o\u202e", wantErr: `organization: "o\u202e" has characters that cannot be printed`},
		"not UTF-8":          {mesh: "m", org: "\xff", wantErr: "organization: is not UTF-8"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			cert, key, err := NewRoot(rand.Reader, noon, tt.mesh, tt.org)
			if diff := cmp.Diff(tt.wantErr, errText(err)); diff != "" {
				t.Fatalf("error (-want +got):\n%s", diff)
			}
			if err != nil {
				return
			}
			r, err := ParseRoot(cert, &key)
			if err != nil {
				t.Fatal(err)
			}
			if r.Mesh() != tt.mesh || r.Organization() != tt.org || len(r.Cert().Subject.CommonName) > maxAttribute {
				t.Errorf("mesh %q, organization %q, name %q", r.Mesh(), r.Organization(), r.Cert().Subject.CommonName)
			}
		})
	}
}

func TestIntermediate(t *testing.T) {
	r := newRoot(t, noon)
	b, err := r.Intermediate(rand.Reader, noon, Identity{Cluster: "west-1", Namespace: "mesh-system", TrustDomain: "example.org"})
	if err != nil {
		t.Fatal(err)
	}
	want := facts{
		Subject: "CN=intermediate 2026-11-21.GEN,OU=mymeshname,O=example.com,L=west-1",
		Issuer:  "CN=mymeshname root 2026-11-21.GEN,OU=mymeshname,O=example.com",
		Key:     "ECDSA P-256", Signature: "ECDSA-SHA384",
		NotBefore: "2026-11-21T11:55:00Z", NotAfter: "2027-11-21T12:00:00Z",
		CA: true, PathLen: 0, Usage: "digitalSignature keyCertSign cRLSign",
		DNS: []string{"istiod.mesh-system.svc"}, KeyIDs: true,
	}
	if diff := cmp.Diff(want, factsOf(b.Cert(), r.Cert())); diff != "" {
		t.Errorf("intermediate (-want +got):\n%s", diff)
	}
	data := b.Data()
	wantData := map[string]string{
		CACertFile:    string(certPEM(b.Cert())),
		CertChainFile: string(certPEM(b.Cert(), r.Cert())),
		RootCertFile:  string(r.PEM()),
		CAKeyFile:     string(b.key.Bytes()),
	}
	got := map[string]string{}
	for k, v := range data {
		got[k] = string(v)
	}
	if !cmp.Equal(wantData, got) { // no diff: it would print the key
		t.Errorf("the files of the bundle are not what they should be")
	}
	if b.RootFingerprint() != r.Fingerprint() || b.Cluster() != "west-1" {
		t.Errorf("RootFingerprint %q, want %q; Cluster %q", b.RootFingerprint(), r.Fingerprint(), b.Cluster())
	}
}

func TestIntermediateNeedsAUsableRoot(t *testing.T) {
	constrained := func(c *x509.Certificate) {
		c.PermittedURIDomains, c.PermittedDNSDomainsCritical = []string{"example.org"}, true
	}
	root := func(edit func(*x509.Certificate)) *Root {
		a := ca(t, "own root", nil, edit)
		r, err := ParseRoot(a.pem(), secret(a.pkcs8()))
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	tests := map[string]struct {
		root    *Root
		now     time.Time
		wantErr string
	}{
		"expired":       {root(nil), noon.AddDate(1, 0, 0), "the root is expired at 2027-11-21: it is valid from 2026-11-21 until 2027-03-01"},
		"not yet valid": {root(nil), noon.AddDate(-1, 0, 0), "the root is not yet valid at 2025-11-21: it is valid from 2026-11-21 until 2027-03-01"},
		"constrained":   {root(constrained), noon, `root-cert.pem: certificate 1 (CN=own root,O=example.com) has name constraints that rule out what istiod signs: URI "spiffe://cluster.local/ns/default/sa/probe" is not permitted by any constraint`},
		"without key":   {&Root{certs: root(nil).certs}, noon, "the root key is needed to sign a cluster's intermediate CA"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			b, err := tt.root.Intermediate(rand.Reader, tt.now, east)
			if diff := cmp.Diff(`mint the intermediate CA of "east-1": `+tt.wantErr, errText(err)); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
			if b != nil {
				t.Error("a bundle came with the error")
			}
		})
	}
	if _, err := (&Root{certs: root(nil).certs}).Intermediate(rand.Reader, noon, east); !errors.Is(err, ErrNoRootKey) {
		t.Errorf("without a key: %v is not ErrNoRootKey", err)
	}
}

func TestIntermediateStaysWithinTheRoot(t *testing.T) {
	a := ca(t, "own root", nil, func(c *x509.Certificate) {
		c.NotBefore, c.NotAfter = noon, noon.Add(48*time.Hour)
		c.Subject.Organization = nil
	})
	r, err := ParseRoot(a.pem(), secret(a.pkcs8()))
	if err != nil {
		t.Fatal(err)
	}
	b, err := r.Intermediate(rand.Reader, noon, east)
	if err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprintf("%v %v %q %q %q", b.NotBefore(), b.NotAfter(), b.Cert().Subject.Organization, r.Mesh(), r.Organization())
	if diff := cmp.Diff(fmt.Sprintf("%v %v [] \"\" \"\"", noon, noon.Add(48*time.Hour)), got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestNoRandomnessNoSerial(t *testing.T) {
	broken := iotest.ErrReader(errors.New("broken"))
	if _, _, err := NewRoot(broken, noon, "m", "o"); errText(err) != "read randomness for a serial number: broken" {
		t.Errorf("NewRoot: %v", err)
	}
	if _, err := newRoot(t, noon).Intermediate(broken, noon, east); err == nil {
		t.Error("Intermediate: no error")
	}
}
