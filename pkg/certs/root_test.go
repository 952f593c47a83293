package certs

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func sec1(t testing.TB, k crypto.Signer) []byte {
	t.Helper()
	der, err := x509.MarshalECPrivateKey(k.(*ecdsa.PrivateKey))
	if err != nil {
		t.Fatal(err)
	}
	return block("EC PRIVATE KEY", der)
}

func pkcs1(k crypto.Signer) []byte {
	return block("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(k.(*rsa.PrivateKey)))
}

func TestParseRoot(t *testing.T) {
	ec := ca(t, "own", nil, nil)
	other := ca(t, "other", nil, nil)
	p384 := caWithKey(t, "p384", nil, ecKey(t, elliptic.P384()), nil)
	rsa2048 := caWithKey(t, "rsa", nil, rsaKey(t, 2048), nil)
	sub := ca(t, "sub", &other, nil)
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	edited := func(edit func(*x509.Certificate)) []byte { return ca(t, "x", nil, edit).pem() }
	ecParameters := block("EC PARAMETERS", []byte{6, 8, 42, 134, 72, 206, 61, 3, 1, 7})

	tests := map[string]struct {
		cert, key []byte // no key: only the certificate
		wantErr   string
		want      *x509.Certificate // the one that signs
	}{
		"P-256, PKCS#8":                 {cert: ec.pem(), key: ec.pkcs8(), want: ec.cert},
		"P-256, SEC 1":                  {cert: ec.pem(), key: sec1(t, ec.key), want: ec.cert},
		"as openssl ecparam writes it":  {cert: ec.pem(), key: cat(ecParameters, sec1(t, ec.key)), want: ec.cert},
		"P-384":                         {cert: p384.pem(), key: sec1(t, p384.key), want: p384.cert},
		"RSA, PKCS#1":                   {cert: rsa2048.pem(), key: pkcs1(rsa2048.key), want: rsa2048.cert},
		"RSA, PKCS#8":                   {cert: rsa2048.pem(), key: rsa2048.pkcs8(), want: rsa2048.cert},
		"certificate alone":             {cert: ec.pem(), want: ec.cert},
		"two roots":                     {cert: cat(ec.pem(), other.pem()), key: ec.pkcs8(), want: ec.cert},
		"below a company's root":        {cert: cat(sub.pem(), other.pem()), key: sub.pkcs8(), want: sub.cert},
		"CRLF and text":                 {cert: crlf(cat([]byte("Certificate:\n  Data:\n"), ec.pem())), key: crlf(ec.pkcs8()), want: ec.cert},
		"no key usage at all":           {cert: edited(func(c *x509.Certificate) { c.KeyUsage = 0 })},
		"usage for servers and clients": {cert: edited(func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{1, 2} })},

		"empty":                  {wantErr: "root-cert.pem: holds no PEM block"},
		"DER":                    {cert: ec.cert.Raw, wantErr: "root-cert.pem: holds no PEM block"},
		"key and cert exchanged": {cert: ec.pkcs8(), key: ec.pem(), wantErr: "root-cert.pem: PEM block 1 is a block PRIVATE KEY, not a certificate"},
		"key beside the cert":    {cert: cat(ec.pem(), ec.pkcs8()), wantErr: "root-cert.pem: PEM block 2 is a block PRIVATE KEY, not a certificate"},
		"a type that is no name": {cert: bytes.ReplaceAll(ec.pem(), []byte(" CERTIFICATE"), []byte(" a\x1b]")), wantErr: "root-cert.pem: PEM block 1 is a block of unknown type, not a certificate"},
		"glued":                  {cert: cat(bytes.TrimSpace(ec.pem()), other.pem()), wantErr: "root-cert.pem: 2 of 2 PEM blocks cannot be read"},
		"cut off":                {cert: cat(ec.pem(), other.pem()[:200]), wantErr: "root-cert.pem: 1 of 2 PEM blocks cannot be read"},
		"junk":                   {cert: cat(ec.pem(), block("CERTIFICATE", []byte("junk"))), wantErr: "root-cert.pem: certificate 2: x509: malformed certificate"},
		"PEM headers":            {cert: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Headers: map[string]string{"a": "b"}, Bytes: ec.cert.Raw}), wantErr: "root-cert.pem: certificate 1 has PEM headers, so Istio skips it"},
		"too large":              {cert: bytes.Repeat(ec.pem(), 2000), wantErr: "root-cert.pem: is larger than 1 MiB"},
		"not a CA":               {cert: edited(func(c *x509.Certificate) { c.IsCA = false }), wantErr: "root-cert.pem: certificate 1 (CN=x,O=example.com): is not a CA certificate"},
		"no constraints":         {cert: edited(func(c *x509.Certificate) { c.BasicConstraintsValid, c.IsCA = false, false }), wantErr: "root-cert.pem: certificate 1 (CN=x,O=example.com): is not a CA certificate"},
		"pathlen:0":              {cert: edited(func(c *x509.Certificate) { c.MaxPathLen, c.MaxPathLenZero = 0, true }), wantErr: "root-cert.pem: certificate 1 (CN=x,O=example.com): allows no intermediate CA (pathlen:0), at least pathlen:1 is needed"},
		"no keyCertSign":         {cert: edited(func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageDigitalSignature }), wantErr: "root-cert.pem: certificate 1 (CN=x,O=example.com): must not sign certificates (its key usage lacks keyCertSign)"},
		"for servers only":       {cert: edited(func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{1} }), wantErr: "root-cert.pem: certificate 1 (CN=x,O=example.com): its extended key usage excludes TLS servers or clients; mesh workloads are both"},
		"unknown critical": {cert: edited(func(c *x509.Certificate) {
			c.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 2, 3}, Critical: true}}
		}), wantErr: "root-cert.pem: certificate 1 (CN=x,O=example.com): has a critical extension that Istio and its proxies do not know (1.2.3), so nothing that it signs would be trusted; use a root without it"},
		"a name with escapes": {cert: edited(func(c *x509.Certificate) { c.Subject.CommonName, c.IsCA = "\x1b[2J", false }), wantErr: "root-cert.pem: certificate 1 (CN=\ufffd[2J,O=example.com): is not a CA certificate"},
		"the second is bad":   {cert: cat(ec.pem(), edited(func(c *x509.Certificate) { c.IsCA = false })), wantErr: "root-cert.pem: certificate 2 (CN=x,O=example.com): is not a CA certificate"},
		"RSA 1024":            {cert: caWithKey(t, "x", nil, rsaKey(t, 1024), nil).pem(), wantErr: "root-cert.pem: certificate 1 (CN=x,O=example.com): key is RSA 1024, at least 2048 bits are needed"},
		"P-521":               {cert: caWithKey(t, "x", nil, ecKey(t, elliptic.P521()), nil).pem(), wantErr: "root-cert.pem: certificate 1 (CN=x,O=example.com): key is ECDSA P-521, which not every Istio proxy can verify; use P-256, P-384 or RSA"},
		"Ed25519":             {cert: caWithKey(t, "x", nil, ed, nil).pem(), wantErr: "root-cert.pem: certificate 1 (CN=x,O=example.com): key is Ed25519, which not every Istio proxy can verify; use P-256, P-384 or RSA"},

		"key is empty":        {cert: ec.pem(), key: []byte{}, wantErr: "root-key.pem: holds no PEM block"},
		"key of another":      {cert: ec.pem(), key: other.pkcs8(), wantErr: "root-key.pem: does not belong to the certificate in root-cert.pem (CN=own,O=example.com)"},
		"key of the second":   {cert: cat(ec.pem(), other.pem()), key: other.pkcs8(), wantErr: "root-cert.pem: root-key.pem belongs to certificate 2, not to the first"},
		"key is a public key": {cert: ec.pem(), key: block("PUBLIC KEY", nil), wantErr: "root-key.pem: holds a block PUBLIC KEY, not a private key"},
		"two keys":            {cert: ec.pem(), key: cat(ec.pkcs8(), ec.pkcs8()), wantErr: "root-key.pem: holds 2 PEM blocks (a block PRIVATE KEY first), one private key expected"},
		"encrypted, PKCS#8":   {cert: ec.pem(), key: block("ENCRYPTED PRIVATE KEY", nil), wantErr: "root-key.pem: the private key is encrypted"},
		"encrypted, OpenSSL":  {cert: ec.pem(), key: pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Headers: map[string]string{"Proc-Type": "4,ENCRYPTED", "DEK-Info": "AES-128-CBC,00"}}), wantErr: "root-key.pem: the private key is encrypted"},
		"wrong label":         {cert: ec.pem(), key: bytes.ReplaceAll(ec.pkcs8(), []byte("PRIVATE KEY"), []byte("RSA PRIVATE KEY")), wantErr: "root-key.pem: the private key in a block RSA PRIVATE KEY cannot be read"},
		"garbled":             {cert: ec.pem(), key: block("PRIVATE KEY", []byte(canary)), wantErr: "root-key.pem: the private key in a block PRIVATE KEY cannot be read"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var key *Secret
			if tt.key != nil {
				key = secret(tt.key)
			}
			r, err := ParseRoot(tt.cert, key)
			if diff := cmp.Diff(tt.wantErr, errText(err)); diff != "" {
				t.Fatalf("error (-want +got):\n%s", diff)
			}
			if ie, ok := errors.AsType[*InputError](err); err != nil && (!ok || ie.File != RootCertFile && ie.File != RootKeyFile) {
				t.Fatalf("%T does not name one of the two files", err)
			}
			if err != nil {
				return
			}
			if tt.want != nil && !r.Cert().Equal(tt.want) {
				t.Errorf("the root that signs is %s, want %s", r.Cert().Subject, tt.want.Subject)
			}
			if r.CanSign() != (key != nil) {
				t.Errorf("CanSign = %v", r.CanSign())
			}
			if !r.CanSign() {
				return
			}
			if _, err := r.Intermediate(rand.Reader, noon, east); err != nil {
				t.Errorf("a root that was accepted cannot mint: %v", err)
			}
		})
	}
}

func FuzzParseRoot(f *testing.F) {
	own := ca(f, "own", nil, nil)
	f.Add(own.pem(), own.pkcs8())
	f.Add(cat(own.pem(), own.pem()), sec1(f, own.key))
	f.Add([]byte("-----BEGIN "), []byte("-----BEGIN EC PARAMETERS-----\n-----END EC PARAMETERS-----\n"))
	f.Add(own.pkcs8(), own.pem())
	f.Fuzz(func(t *testing.T, cert, key []byte) {
		r, err := ParseRoot(cert, secret(key))
		if err != nil {
			if _, ok := errors.AsType[*InputError](err); !ok {
				t.Fatalf("%T, want *InputError", err)
			}
			noMaterial(t, err.Error(), key)
			return
		}
		again, err := ParseRoot(r.PEM(), &r.key)
		if err != nil || !bytes.Equal(again.PEM(), r.PEM()) || again.Fingerprint() != r.Fingerprint() {
			t.Fatalf("what was read cannot be read again: %v", err)
		}
	})
}

// noMaterial checks that text repeats no 12 bytes of what is in a private key's
// block of file, as it is there or decoded.
func noMaterial(t *testing.T, text string, file []byte) {
	t.Helper()
	for rest := file; ; {
		var b *pem.Block
		if b, rest = pem.Decode(rest); b == nil {
			return
		}
		if !strings.HasSuffix(b.Type, "PRIVATE KEY") {
			continue
		}
		for _, form := range [][]byte{b.Bytes, []byte(base64.StdEncoding.EncodeToString(b.Bytes))} {
			for i := 0; i+12 <= len(form); i++ {
				if bytes.Contains([]byte(text), form[i:i+12]) {
					t.Fatalf("an error repeats key material: %q", text)
				}
			}
		}
	}
}
