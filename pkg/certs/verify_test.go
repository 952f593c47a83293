package certs

import (
	"bytes"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// cacerts is the Secret in its usual form.
func cacerts(signer authority, chain, roots []byte) map[string][]byte {
	return map[string][]byte{CACertFile: signer.pem(), CAKeyFile: signer.pkcs8(), CertChainFile: chain, RootCertFile: roots}
}

// with is data with one file replaced.
func with(data map[string][]byte, file string, content []byte) map[string][]byte {
	data = maps.Clone(data)
	data[file] = content
	return data
}

// without is data with one file missing.
func without(data map[string][]byte, file string) map[string][]byte {
	data = maps.Clone(data)
	delete(data, file)
	return data
}

func TestVerify(t *testing.T) {
	root, other := ca(t, "root", nil, nil), ca(t, "other root", nil, nil)
	good := ca(t, "intermediate", &root, nil)
	data := cacerts(good, cat(good.pem(), root.pem()), root.pem())

	// below mints an intermediate that was edited, in the usual files.
	below := func(edit func(*x509.Certificate)) map[string][]byte {
		c := ca(t, "intermediate", &root, edit)
		return cacerts(c, cat(c.pem(), root.pem()), root.pem())
	}
	// under mints a usual intermediate below a root that was edited.
	under := func(edit func(*x509.Certificate)) map[string][]byte {
		r := ca(t, "root", nil, edit)
		c := ca(t, "intermediate", &r, nil)
		return cacerts(c, cat(c.pem(), r.pem()), r.pem())
	}
	keyed := func(r, i authority) map[string][]byte { return cacerts(i, cat(i.pem(), r.pem()), r.pem()) }
	rsaRoot := caWithKey(t, "rsa root", nil, rsaKey(t, 2048), nil)
	p384Root := caWithKey(t, "p384 root", nil, ecKey(t, elliptic.P384()), nil)
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	make14 := func(c *x509.Certificate) {
		c.KeyUsage = x509.KeyUsageDigitalSignature | x509.KeyUsageContentCommitment | x509.KeyUsageKeyEncipherment | x509.KeyUsageCertSign
	}
	makeRoot := caWithKey(t, "Root CA", nil, rsaKey(t, 4096), make14)
	makeCA := caWithKey(t, "Intermediate CA", &makeRoot, rsaKey(t, 4096), func(c *x509.Certificate) {
		make14(c)
		c.MaxPathLen, c.MaxPathLenZero = 0, true
		c.DNSNames = []string{"istiod.istio-system.svc"}
	})
	narrowRoot := ca(t, "root", nil, func(c *x509.Certificate) { c.MaxPathLen = 1 })
	mid := ca(t, "mid", &narrowRoot, nil)
	deep := ca(t, "deep", &mid, nil)
	anchored := ca(t, "anchored", &mid, nil)
	crlless := ca(t, "crlless", &root, func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageCertSign })
	crllessData := cacerts(crlless, cat(crlless.pem(), root.pem()), root.pem())

	const (
		noWorkload = "a workload spiffe://cluster.local/ns/default/sa/probe signed by ca-cert.pem would not be trusted: "
		ruledOut   = "root-cert.pem: certificate 1 (CN=root,O=example.com) has name constraints that rule out what istiod signs: "
		notForTLS  = "cert-chain.pem: certificate 1 (CN=intermediate,O=example.com) has an extended key usage without TLS servers or clients; mesh workloads are both, and for Envoy anyExtendedKeyUsage does not stand for them"
		noChain    = "cert-chain.pem: does not hold the certificate in ca-cert.pem, so peers could not verify the certificate of a workload"
	)
	tests := map[string]struct {
		data    map[string][]byte
		wantErr string // of ParseBundle, else of Verify
	}{
		"as we mint it":                     {data: data},
		"as make in 1.4 minted it":          {data: keyed(makeRoot, makeCA)},
		"RSA root, ECDSA intermediate":      {data: keyed(rsaRoot, ca(t, "i", &rsaRoot, nil))},
		"ECDSA root, RSA intermediate":      {data: keyed(p384Root, caWithKey(t, "i", &p384Root, rsaKey(t, 2048), nil))},
		"P-224":                             {data: keyed(root, caWithKey(t, "i", &root, ecKey(t, elliptic.P224()), nil))},
		"P-521":                             {data: keyed(root, caWithKey(t, "i", &root, ecKey(t, elliptic.P521()), nil))},
		"Ed25519":                           {data: keyed(root, caWithKey(t, "i", &root, ed, nil))},
		"key in SEC 1":                      {data: with(data, CAKeyFile, sec1(t, good.key))},
		"old and new root":                  {data: with(data, RootCertFile, cat(other.pem(), root.pem()))},
		"new and old root":                  {data: with(data, RootCertFile, cat(root.pem(), other.pem()))},
		"old, new and new root":             {data: with(data, RootCertFile, cat(other.pem(), root.pem(), root.pem()))},
		"chain without root":                {data: with(data, CertChainFile, good.pem())},
		"chain in the wrong order":          {data: with(data, CertChainFile, cat(root.pem(), good.pem()))},
		"CRLF":                              {data: with(data, RootCertFile, crlf(root.pem()))},
		"text before the root":              {data: with(data, RootCertFile, cat([]byte("Certificate:\n"), root.pem()))},
		"anchored below the company's root": {data: cacerts(anchored, anchored.pem(), mid.pem())},
		"kubernetes.io/tls":                 {data: map[string][]byte{"tls.crt": good.pem(), "tls.key": good.pkcs8(), "ca.crt": root.pem()}},
		"CRLs of the whole chain":           {data: with(data, CACRLFile, cat(crl(t, root), crl(t, good)))},
		"name constraints that fit": {data: under(func(c *x509.Certificate) {
			c.PermittedURIDomains, c.PermittedDNSDomains = []string{"cluster.local"}, east.istiod()
		})},

		"chain empty":               {data: with(data, CertChainFile, nil), wantErr: noChain},
		"chain is the root only":    {data: with(data, CertChainFile, root.pem()), wantErr: noChain},
		"root pathlen:0":            {data: under(func(c *x509.Certificate) { c.MaxPathLen, c.MaxPathLenZero = 0, true }), wantErr: noWorkload + "x509: too many intermediates for path length constraint"},
		"two levels under one":      {data: cacerts(deep, cat(deep.pem(), mid.pem()), narrowRoot.pem()), wantErr: noWorkload + "x509: too many intermediates for path length constraint"},
		"no keyCertSign":            {data: below(func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageDigitalSignature }), wantErr: "ca-cert.pem: must not sign certificates (its key usage lacks keyCertSign)"},
		"for servers only":          {data: below(func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} }), wantErr: notForTLS},
		"for clients only":          {data: below(func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} }), wantErr: notForTLS},
		"constrained to other URIs": {data: under(func(c *x509.Certificate) { c.PermittedURIDomains = []string{"evil.example"} }), wantErr: ruledOut + `URI "spiffe://cluster.local/ns/default/sa/probe" is not permitted by any constraint`},
		"constrained to other DNS":  {data: under(func(c *x509.Certificate) { c.PermittedDNSDomains = []string{"example.com"} }), wantErr: ruledOut + `DNS name "istiod.istio-system.svc" is not permitted by any constraint`},
		"not a CA":                  {data: below(func(c *x509.Certificate) { c.IsCA = false }), wantErr: "ca-cert.pem: is not a CA certificate"},
		"expired":                   {data: below(func(c *x509.Certificate) { c.NotAfter = noon.Add(-time.Minute) }), wantErr: "ca-cert.pem: expired on 2026-11-21"},
		"valid in ten minutes":      {data: below(func(c *x509.Certificate) { c.NotBefore = noon.Add(10 * time.Minute) }), wantErr: "ca-cert.pem: is not valid before 2026-11-21T12:10:00Z"},
		"root expired":              {data: under(func(c *x509.Certificate) { c.NotAfter = noon.Add(-time.Minute) }), wantErr: "root-cert.pem: certificate 1 (CN=root,O=example.com) expired on 2026-11-21, and Envoy looks for no other of its name"},
		"another root":              {data: with(data, RootCertFile, other.pem()), wantErr: "cert-chain.pem: certificate 1 (CN=intermediate,O=example.com) was not signed by any certificate in cert-chain.pem or root-cert.pem"},
		"another's key":             {data: with(data, CAKeyFile, other.pkcs8()), wantErr: "ca-key.pem: does not belong to the certificate in ca-cert.pem"},
		"CRL of the chain missing":  {data: with(data, CACRLFile, crl(t, good)), wantErr: "ca-crl.pem: holds no revocation list signed by CN=root,O=example.com, which is in cert-chain.pem"},
		"CRL signer without cRLSign": {data: with(crllessData, CACRLFile, cat(crl(t, crlless), crl(t, root))),
			wantErr: "ca-crl.pem: holds no revocation list signed by CN=crlless,O=example.com, which is in cert-chain.pem"},

		"a file is missing":      {data: without(data, CertChainFile), wantErr: "cert-chain.pem: is missing"},
		"the key is missing":     {data: without(data, CAKeyFile), wantErr: "ca-key.pem: is missing"},
		"nothing is there":       {wantErr: "ca-cert.pem: is missing"},
		"tls without ca.crt":     {data: map[string][]byte{"tls.crt": good.pem(), "tls.key": good.pkcs8()}, wantErr: "cert-chain.pem: is missing"},
		"encrypted key":          {data: with(data, CAKeyFile, block("ENCRYPTED PRIVATE KEY", nil)), wantErr: "ca-key.pem: the private key is encrypted"},
		"EC PARAMETERS first":    {data: with(data, CAKeyFile, cat(block("EC PARAMETERS", nil), sec1(t, good.key))), wantErr: "ca-key.pem: holds 2 PEM blocks (a block EC PARAMETERS first), one private key expected"},
		"a key among the roots":  {data: with(data, RootCertFile, cat(root.pem(), root.pkcs8())), wantErr: "root-cert.pem: PEM block 2 is a block PRIVATE KEY, not a certificate"},
		"junk among the roots":   {data: with(data, RootCertFile, cat(root.pem(), block("CERTIFICATE", []byte("junk")))), wantErr: "root-cert.pem: certificate 2: x509: malformed certificate"},
		"glued roots":            {data: with(data, RootCertFile, cat(bytes.TrimSpace(root.pem()), other.pem())), wantErr: "root-cert.pem: 2 of 2 PEM blocks cannot be read"},
		"junk in the chain":      {data: with(data, CertChainFile, block("CERTIFICATE", []byte("junk"))), wantErr: "cert-chain.pem: certificate 1: x509: malformed certificate"},
		"junk in the revocation": {data: with(data, CACRLFile, block("X509 CRL", []byte("junk"))), wantErr: "ca-crl.pem: list 1: x509: malformed crl"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			b, err := ParseBundle(tt.data)
			if err == nil {
				err = b.Verify(nil, noon, east)
			}
			if diff := cmp.Diff(tt.wantErr, errText(err)); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
		})
	}
}

func TestVerifyKnowsTheRoot(t *testing.T) {
	ours, theirs := newRoot(t, noon), newRoot(t, noon)
	b, err := theirs.Intermediate(rand.Reader, noon, east)
	if err != nil {
		t.Fatal(err)
	}
	err = b.Verify(ours, noon, east)
	want := fmt.Sprintf("root-cert.pem holds root %s, not root %s: belongs to another root", theirs.Short(), ours.Short())
	if diff := cmp.Diff(want, errText(err)); diff != "" || !errors.Is(err, ErrOtherRoot) {
		t.Errorf("error %v (-want +got):\n%s", err, diff)
	}
	both, err := ParseRoot(cat(theirs.PEM(), ours.PEM()), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Verify(both, noon, east); !errors.Is(err, ErrOtherRoot) {
		t.Errorf("a root that is wanted as well is missing: %v is not ErrOtherRoot", err)
	}
	live, err := ParseBundle(with(b.Data(), RootCertFile, cat(ours.PEM(), theirs.PEM(), theirs.PEM())))
	if err != nil {
		t.Fatal(err)
	}
	if err := live.Verify(both, noon, east); err != nil {
		t.Errorf("the same roots in another order and number: %v", err)
	}
}

// A bundle that was minted for a year holds for all of it, and not an instant longer.
func TestVerifyOverTime(t *testing.T) {
	r := newRoot(t, noon)
	b, err := r.Intermediate(rand.Reader, noon, east)
	if err != nil {
		t.Fatal(err)
	}
	for _, now := range []time.Time{b.NotBefore(), noon, b.NotAfter()} {
		if err := b.Verify(r, now, east); err != nil {
			t.Errorf("at %s: %v", now, err)
		}
	}
	for _, now := range []time.Time{b.NotBefore().Add(-1), b.NotAfter().Add(1)} {
		if b.Verify(r, now, east) == nil {
			t.Errorf("at %s: no error", now)
		}
	}
}

// Signing is random, and with it the coverage: run the fuzzers with
// -fuzzminimizetime=1x, or they spend a minute on every input they keep.
func FuzzParseBundle(f *testing.F) {
	root := ca(f, "root", nil, nil)
	good := ca(f, "intermediate", &root, nil)
	f.Add(good.pem(), good.pkcs8(), cat(good.pem(), root.pem()), root.pem(), []byte{})
	f.Add(good.pem(), sec1(f, good.key), []byte{}, root.pem(), cat(crl(f, root), crl(f, good)))
	f.Add([]byte("x"), root.pem(), []byte{}, []byte{0}, []byte("-----BEGIN"))
	f.Add(crowd(f, good), good.pkcs8(), crowd(f, good), crowd(f, root), []byte{})
	f.Fuzz(func(t *testing.T, cert, key, chain, roots, crl []byte) {
		defer bounded(t, len(cert)+len(key)+len(chain)+len(roots)+len(crl))()
		data := map[string][]byte{CACertFile: cert, CAKeyFile: key, CertChainFile: chain, RootCertFile: roots, CACRLFile: crl}
		b, err := ParseBundle(data)
		if err != nil {
			if _, ok := errors.AsType[*InputError](err); !ok {
				t.Fatalf("%T, want *InputError", err)
			}
			noMaterial(t, err.Error(), key)
			return
		}
		if !cmp.Equal(data, b.Data()) {
			t.Fatal("Data differs from what was read")
		}
		noMaterial(t, errText(b.Verify(nil, noon, east)), key)
	})
}

// crowd is a file of half a MiB.
func crowd(t testing.TB, a authority) []byte {
	t.Helper()
	return bytes.Repeat(a.pem(), maxInput/2/len(a.pem()))
}

// bounded fails where judging takes more memory, all in all, than an input of some
// size is worth.
func bounded(t *testing.T, size int) func() {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	return func() {
		runtime.ReadMemStats(&after)
		if took, limit := after.TotalAlloc-before.TotalAlloc, uint64(16<<20+128*size); took > limit {
			t.Errorf("took %d bytes for an input of %d", took, size)
		}
	}
}
