package certs

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"slices"
	"testing"
	"time"
)

// noon is the now of every test.
var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

var east = Identity{Cluster: "east-1", Namespace: "istio-system", TrustDomain: "cluster.local"}

// authority is a CA under construction.
type authority struct {
	cert *x509.Certificate
	key  crypto.Signer
}

func (a authority) pem() []byte { return certPEM(a.cert) }

func (a authority) pkcs8() []byte {
	s, err := keyPEM(a.key)
	if err != nil {
		panic(err)
	}
	return s.Bytes()
}

// ca makes a CA below parent, or a root if parent is nil, after edits to a
// template that would do.
func ca(t testing.TB, name string, parent *authority, edit func(*x509.Certificate)) authority {
	t.Helper()
	return caWithKey(t, name, parent, ecKey(t, elliptic.P256()), edit)
}

func caWithKey(t testing.TB, name string, parent *authority, key crypto.Signer, edit func(*x509.Certificate)) authority {
	t.Helper()
	serial, err := newSerial(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{
		SerialNumber:          serial,
		Subject:               pkix.Name{Organization: []string{"example.com"}, CommonName: name},
		NotBefore:             noon.Add(-time.Hour),
		NotAfter:              noon.Add(100 * 24 * time.Hour),
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
		MaxPathLen:            -1,
	}
	if edit != nil {
		edit(tmpl)
	}
	a := authority{key: key}
	issuer := authority{cert: tmpl, key: key}
	if parent != nil {
		issuer = *parent
	}
	if a.cert, err = sign(rand.Reader, tmpl, issuer.cert, key.Public(), issuer.key); err != nil {
		t.Fatal(err)
	}
	return a
}

func ecKey(t testing.TB, c elliptic.Curve) *ecdsa.PrivateKey {
	t.Helper()
	k, err := ecdsa.GenerateKey(c, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func rsaKey(t testing.TB, bits int) *rsa.PrivateKey {
	t.Helper()
	k, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// block is one PEM block.
func block(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

// cat is its arguments, one after the other.
func cat(parts ...[]byte) []byte { return slices.Concat(parts...) }

// secret is a pointer to a Secret, for ParseRoot.
func secret(b []byte) *Secret {
	s := NewSecret(b)
	return &s
}

// newRoot is a root made and read back by the package itself.
func newRoot(t testing.TB, now time.Time) *Root {
	t.Helper()
	cert, key, err := NewRoot(rand.Reader, now, "mymeshname", "example.com")
	if err != nil {
		t.Fatal(err)
	}
	r, err := ParseRoot(cert, &key)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// crl is a revocation list of nothing.
func crl(t testing.TB, a authority) []byte {
	t.Helper()
	issuer := *a.cert
	issuer.KeyUsage |= x509.KeyUsageCRLSign // or x509 would not let us make a bad one
	der, err := x509.CreateRevocationList(rand.Reader, &x509.RevocationList{
		Number: big.NewInt(1), ThisUpdate: noon, NextUpdate: noon.Add(time.Hour),
	}, &issuer, a.key)
	if err != nil {
		t.Fatal(err)
	}
	return block("X509 CRL", der)
}

// errText is the message of an error, "" for none.
func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func crlf(b []byte) []byte { return bytes.ReplaceAll(b, []byte("\n"), []byte("\r\n")) }
