package certs

import (
	"context"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// outsider is a signer that answers what a test wants.
type outsider func(csr *x509.CertificateRequest, id Identity) ([]byte, error)

func (o outsider) Sign(_ context.Context, csr []byte, id Identity) (Answer, error) {
	q, err := parseRequest(csr)
	if err != nil {
		return Answer{}, err
	}
	text, err := o(q, id)
	return Answer{text, noon}, err
}

// answered is a certificate that a CA makes for a CSR, as its extensions ask, after edits.
func answered(t *testing.T, by authority, q *x509.CertificateRequest, edit func(*x509.Certificate)) []byte {
	t.Helper()
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(7), Subject: q.Subject, DNSNames: q.DNSNames, NotBefore: noon.Add(-time.Minute), NotAfter: noon.Add(90 * 24 * time.Hour),
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		BasicConstraintsValid: true, IsCA: true, MaxPathLenZero: true,
	}
	if edit != nil {
		edit(tmpl)
	}
	c, err := sign(rand.Reader, tmpl, by.cert, q.PublicKey, by.key)
	if err != nil {
		t.Fatal(err)
	}
	return certPEM(c)
}

func TestIssueOutside(t *testing.T) {
	company := ca(t, "company", nil, nil)
	region := ca(t, "region", &company, nil)
	other := ca(t, "other", nil, nil)
	twin := ca(t, "company", nil, nil)
	spent := ca(t, "spent", &company, pathLen(0))
	short := ca(t, "short", &company, func(c *x509.Certificate) { c.NotAfter = noon.Add(10 * 24 * time.Hour) })
	edited := func(by authority, edit func(*x509.Certificate), more ...[]byte) outsider {
		return func(q *x509.CertificateRequest, _ Identity) ([]byte, error) {
			return cat(answered(t, by, q, edit), cat(more...)), nil
		}
	}
	says := func(text string) outsider {
		return func(*x509.CertificateRequest, Identity) ([]byte, error) { return []byte(text), nil }
	}
	tests := map[string]struct {
		signer  outsider
		want    []string // names in cert-chain.pem below the cluster's own
		wantErr string
	}{
		"the root signs":            {signer: edited(company, nil), want: []string{"company"}},
		"and shows itself":          {signer: edited(company, nil, company.pem()), want: []string{"company"}},
		"through another CA":        {signer: edited(region, nil, region.pem()), want: []string{"region", "company"}},
		"the whole chain with text": {signer: edited(region, nil, []byte("Certificate:\n"), region.pem(), company.pem()), want: []string{"region", "company"}},
		"strangers are left out":    {signer: edited(company, nil, other.pem(), twin.pem()), want: []string{"company"}},
		"another subject":           {signer: edited(company, func(c *x509.Certificate) { c.Subject = pkix.Name{CommonName: "Acme mesh"} }), want: []string{"company"}},
		"the certificate is not first": {signer: func(q *x509.CertificateRequest, _ Identity) ([]byte, error) {
			return cat(company.pem(), answered(t, company, q, nil)), nil
		}, want: []string{"company"}},

		"it fails":                  {signer: func(*x509.CertificateRequest, Identity) ([]byte, error) { return nil, errors.New("no such key") }, wantErr: "no such key"},
		"no answer":                 {signer: says(""), wantErr: "the signer's answer: holds no PEM block"},
		"something else":            {signer: says("hello"), wantErr: "the signer's answer: holds no PEM block"},
		"a key":                     {signer: says(string(other.pkcs8())), wantErr: "the signer's answer: PEM block 1 is a block PRIVATE KEY, not a certificate"},
		"another key's":             {signer: says(string(region.pem())), wantErr: "the signer's answer: holds no certificate for the key of the request (the first is of CN=region,O=example.com)"},
		"no CA":                     {signer: edited(company, func(c *x509.Certificate) { c.IsCA, c.MaxPathLenZero = false, false }), wantErr: "the signer's answer: the certificate is not a CA's"},
		"no path length":            {signer: edited(company, func(c *x509.Certificate) { c.MaxPathLen, c.MaxPathLenZero = -1, false }), wantErr: "the signer's answer: the certificate allows CAs below it (it lacks pathlen:0), so whoever has its key could make more of them"},
		"pathlen:1":                 {signer: edited(company, func(c *x509.Certificate) { c.MaxPathLen, c.MaxPathLenZero = 1, false }), wantErr: "the signer's answer: the certificate allows CAs below it (it lacks pathlen:0), so whoever has its key could make more of them"},
		"no keyCertSign":            {signer: edited(company, func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageCRLSign }), wantErr: "the signer's answer: the certificate must not sign certificates (its key usage lacks keyCertSign)"},
		"no cRLSign":                {signer: edited(company, func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageCertSign }), wantErr: "the signer's answer: the certificate must not sign revocation lists (its key usage lacks cRLSign), which cannot be added later"},
		"the name of its parent":    {signer: edited(company, func(c *x509.Certificate) { c.Subject = company.cert.Subject }), wantErr: "the signer's answer: the certificate has the name of the CA that signed it (CN=company,O=example.com)"},
		"another root":              {signer: edited(other, nil, other.pem()), wantErr: "the signer's answer: CN=intermediate 2026-11-21.GEN,O=example.com,L=east-1 leads to CN=other,O=example.com, not to the root of the mesh (CN=company,O=example.com, SHORT)"},
		"a root of the same name":   {signer: edited(twin, nil, twin.pem()), wantErr: "the signer's answer: CN=intermediate 2026-11-21.GEN,O=example.com,L=east-1 leads to CN=company,O=example.com, not to the root of the mesh (CN=company,O=example.com, SHORT)"},
		"the CA between is missing": {signer: edited(region, nil), wantErr: "the signer's answer: CN=intermediate 2026-11-21.GEN,O=example.com,L=east-1 leads to CN=region,O=example.com, not to the root of the mesh (CN=company,O=example.com, SHORT)"},
		"below pathlen:0":           {signer: edited(spent, nil, spent.pem()), wantErr: "cert-chain.pem: certificate 2 (CN=spent,O=example.com) allows 0 CAs below it, and there are 1"},
		"longer than the root":      {signer: edited(company, func(c *x509.Certificate) { c.NotAfter = noon.Add(101 * 24 * time.Hour) }), wantErr: "the signer's answer: the certificate is valid until 2027-03-02T12:00:00Z, and CN=company,O=example.com above it until 2027-03-01T12:00:00Z only"},
		"longer than a CA between":  {signer: edited(short, nil, short.pem()), wantErr: "the signer's answer: the certificate is valid until 2027-02-19T12:00:00Z, and CN=short,O=example.com above it until 2026-12-01T12:00:00Z only"},
		"expired":                   {signer: edited(company, func(c *x509.Certificate) { c.NotBefore, c.NotAfter = noon.Add(-time.Hour), noon.Add(-time.Minute) }), wantErr: "ca-cert.pem: expired on 2026-11-21"},
		"not yet valid":             {signer: edited(company, func(c *x509.Certificate) { c.NotBefore = noon.Add(time.Minute) }), wantErr: "ca-cert.pem: is not valid before 2026-11-21T12:01:00Z"},
		"due already":               {signer: edited(company, func(c *x509.Certificate) { c.NotBefore, c.NotAfter = noon.Add(-30*time.Minute), noon.Add(time.Minute) }), wantErr: "the signer's answer: the certificate is valid from 2026-11-21T11:30:00Z until 2026-11-21T12:01:00Z only, so it is due for renewal already"},
		"servers only":              {signer: edited(company, func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} }), wantErr: "cert-chain.pem: certificate 1 (CN=intermediate 2026-11-21.GEN,O=example.com,L=east-1) has an extended key usage without TLS servers or clients; mesh workloads are both, and for Envoy anyExtendedKeyUsage does not stand for them"},
		"another trust domain":      {signer: edited(company, func(c *x509.Certificate) { c.PermittedURIDomains = []string{"example.org"} }), wantErr: `cert-chain.pem: certificate 1 (CN=intermediate 2026-11-21.GEN,O=example.com,L=east-1) has name constraints that rule out what istiod signs: URI "spiffe://cluster.local/ns/default/sa/probe" is not permitted by any constraint`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			root, err := ParseRoot(company.pem(), nil)
			if err != nil {
				t.Fatal(err)
			}
			root = root.SignedBy(tt.signer)
			if !root.CanSign() || !root.Outside() {
				t.Error("nobody signs")
			}
			b, err := root.Issue(t.Context(), rand.Reader, noon.Add(-time.Hour), east) // the answer takes an hour
			want := tt.wantErr
			if want != "" {
				want = `have the intermediate CA of "east-1" signed: ` + want
			}
			got := strings.ReplaceAll(generations.ReplaceAllString(errText(err), ".GEN"), root.Short(), "SHORT")
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("error (-want +got):\n%s", diff)
			}
			if err != nil {
				if b != nil {
					t.Error("a bundle came with the error")
				}
				return
			}
			var names []string
			for _, c := range b.Chain()[1:] {
				names = append(names, c.Subject.CommonName)
			}
			if diff := cmp.Diff(tt.want, names); diff != "" || !b.Chain()[0].Equal(b.Cert()) {
				t.Errorf("cert-chain.pem below the cluster's CA (-want +got):\n%s", diff)
			}
		})
	}
}

// A signer of ours takes nothing but the key out of a request.
func TestSignImposesTheProfile(t *testing.T) {
	r := newRoot(t, noon)
	k := rsaKey(t, 2048)
	greedy := asn1.ObjectIdentifier{2, 5, 29, 30} // name constraints
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{
		Subject: pkix.Name{CommonName: "Emperor", Locality: []string{"west-1"}}, DNSNames: []string{"bank.example"},
		ExtraExtensions: []pkix.Extension{{Id: greedy, Critical: true, Value: []byte{0x30, 0}}},
	}, k)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := r.Sign(rand.Reader, noon, block("CERTIFICATE REQUEST", der), east)
	if err != nil {
		t.Fatal(err)
	}
	found, ierr := certificates("", answer)
	if ierr != nil || len(found) != 2 || !found[1].Equal(r.Cert()) {
		t.Fatalf("%d certificates, %v", len(found), ierr)
	}
	want := facts{
		Subject: "CN=intermediate 2026-11-21.GEN,OU=mymeshname,O=example.com,L=east-1",
		Issuer:  "CN=mymeshname root 2026-11-21.GEN,OU=mymeshname,O=example.com",
		Key:     "RSA 2048", Signature: "ECDSA-SHA384",
		NotBefore: "2026-11-21T11:55:00Z", NotAfter: "2027-11-21T12:00:00Z",
		CA: true, PathLen: 0, Usage: "digitalSignature keyCertSign cRLSign",
		DNS: []string{"istiod.istio-system.svc"}, KeyIDs: true,
	}
	if diff := cmp.Diff(want, factsOf(found[0], r.Cert())); diff != "" {
		t.Errorf("certificate (-want +got):\n%s", diff)
	}
	if !k.PublicKey.Equal(found[0].PublicKey) || len(found[0].PermittedDNSDomains) > 0 {
		t.Error("the certificate is not for the key of the request, or has what it asked for")
	}
}

func TestSignRefuses(t *testing.T) {
	r := newRoot(t, noon)
	request := func(k any) []byte {
		der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, k)
		if err != nil {
			t.Fatal(err)
		}
		return block("CERTIFICATE REQUEST", der)
	}
	forged := request(ecKey(t, elliptic.P256()))
	b, _ := pem.Decode(forged)
	b.Bytes[len(b.Bytes)-1] ^= 1 // of the signature
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		csr     []byte
		wantErr string
	}{
		"nothing":       {nil, "request: holds no PEM block"},
		"a certificate": {r.PEM(), "request: holds 1 PEM blocks (a block CERTIFICATE first), one CERTIFICATE REQUEST expected"},
		"a key":         {r.key.Bytes(), "request: holds 1 PEM blocks (a block PRIVATE KEY first), one CERTIFICATE REQUEST expected"},
		"two":           {cat(forged, forged), "request: holds 2 PEM blocks (a block CERTIFICATE REQUEST first), one CERTIFICATE REQUEST expected"},
		"forged":        {pem.EncodeToMemory(b), "request: is not signed by the key that it is about: x509: ECDSA verification failure"},
		"a small key":   {request(small), "request: key is RSA 1024, at least 2048 bits are needed"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := r.Sign(rand.Reader, noon, tt.csr, east)
			if diff := cmp.Diff(tt.wantErr, errText(err)); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
		})
	}
	if _, err := (&Root{certs: r.certs}).Sign(rand.Reader, noon, forged, east); !errors.Is(err, ErrNoRootKey) {
		t.Errorf("without the key: %v", err)
	}
}

// A request asks for all that an answer must have, so that a signer can go by it.
func TestRequest(t *testing.T) {
	r := newRoot(t, noon)
	req, err := r.Request(rand.Reader, noon, east)
	if err != nil {
		t.Fatal(err)
	}
	q, err := parseRequest(req.CSR())
	if err != nil {
		t.Fatal(err)
	}
	rootKey, ierr := privateKey(RootKeyFile, r.key.Bytes())
	if ierr != nil {
		t.Fatal(ierr)
	}
	// As openssl x509 -req -copy_extensions copy does it.
	c, err := sign(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: q.Subject, NotBefore: noon, NotAfter: noon.Add(time.Hour), ExtraExtensions: q.Extensions,
	}, r.Cert(), q.PublicKey, rootKey)
	if err != nil {
		t.Fatal(err)
	}
	want := facts{
		Subject: "CN=intermediate 2026-11-21.GEN,OU=mymeshname,O=example.com,L=east-1",
		Issuer:  "CN=mymeshname root 2026-11-21.GEN,OU=mymeshname,O=example.com",
		Key:     "ECDSA P-256", Signature: "ECDSA-SHA384", NotBefore: "2026-11-21T12:00:00Z", NotAfter: "2026-11-21T13:00:00Z",
		CA: true, Usage: "digitalSignature keyCertSign cRLSign", DNS: []string{"istiod.istio-system.svc"},
	}
	got := factsOf(c, r.Cert())
	got.KeyIDs = false
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("certificate (-want +got):\n%s", diff)
	}
	if name, err := RequestedFor(req.CSR()); name != "east-1" || err != nil {
		t.Errorf("for %q: %v", name, err)
	}
	if _, err := r.Accept(req.Key(), certPEM(c), noon, east); err != nil {
		t.Errorf("what a request asks for is not accepted: %v", err)
	}
	noMaterial(t, string(req.CSR()), req.Key().Bytes())
}
