package certcheck

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"math/big"
	"slices"
	"testing"
	"time"

	"istio.io/istio/security/pkg/pki/ca"

	"github.com/setup-mesh/setup-mesh/pkg/certs"
)

var east = certs.Identity{Cluster: "east-1", Namespace: "istio-system", TrustDomain: "cluster.local"}

// now is one for all, so that what was made first is not older than what judges.
func now() time.Time { return time.Now().UTC().Truncate(time.Second) }

// An authority is a CA.
type authority struct {
	*x509.Certificate
	key crypto.Signer
}

// An edit changes the template of a certificate.
type edit = func(*x509.Certificate)

// made makes a CA below a parent, or a root.
func made(t testing.TB, name string, parent *authority, key crypto.Signer, edits ...edit) authority {
	t.Helper()
	a, err := issue(name, parent, key, edits...)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// issue is made, where x509 may refuse to make or to read it.
func issue(name string, parent *authority, key crypto.Signer, edits ...edit) (authority, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return authority{}, err
	}
	tmpl := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{Organization: []string{"example.com"}, CommonName: name},
		NotBefore: now().Add(-time.Hour), NotAfter: now().Add(1000 * time.Hour),
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		BasicConstraintsValid: true, IsCA: true, MaxPathLen: -1,
	}
	for _, edit := range edits {
		if edit != nil {
			edit(tmpl)
		}
	}
	issuer := authority{tmpl, key}
	if parent != nil {
		issuer = *parent
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, issuer.Certificate, key.Public(), issuer.key)
	if err != nil {
		return authority{}, err
	}
	c, err := x509.ParseCertificate(der)
	return authority{c, key}, err
}

func p256(t testing.TB) crypto.Signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// text is PEM.
func text(ders ...[]byte) []byte {
	var all []byte
	for _, der := range ders {
		all = append(all, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	}
	return all
}

func pkcs8(t testing.TB, key crypto.Signer) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

// crl is a revocation list of a.
func crl(t testing.TB, a authority, edit func(*x509.RevocationList)) []byte {
	t.Helper()
	list := &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: now().Add(-time.Hour), NextUpdate: now().Add(time.Hour)}
	if edit != nil {
		edit(list)
	}
	issuer := *a.Certificate
	issuer.KeyUsage |= x509.KeyUsageCRLSign // or x509 would not make what is to be refused
	if len(issuer.SubjectKeyId) == 0 {
		issuer.SubjectKeyId = []byte{0}
	}
	der, err := x509.CreateRevocationList(rand.Reader, list, &issuer, a.key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: der})
}

// cacerts is a Secret.
func cacerts(t testing.TB, signer authority, chain, roots []byte, lists ...[]byte) map[string][]byte {
	t.Helper()
	data := map[string][]byte{
		ca.CACertFile: text(signer.Raw), ca.CAPrivateKeyFile: pkcs8(t, signer.key), ca.CertChainFile: chain, ca.RootCertFile: roots,
	}
	if len(lists) > 0 {
		data[ca.CACRLFile] = bytes.Join(lists, nil)
	}
	return data
}

// raw is an edit that puts an extension in as it stands.
func raw(id asn1.ObjectIdentifier, critical bool, value ...byte) edit {
	return func(c *x509.Certificate) {
		c.ExtraExtensions = append(c.ExtraExtensions, pkix.Extension{Id: id, Critical: critical, Value: value})
	}
}

// seq is a DER value with a tag.
func seq(tag byte, parts ...[]byte) []byte {
	content := slices.Concat(parts...)
	length := []byte{byte(len(content))}
	switch n := len(content); {
	case n > 0xffff:
		length = []byte{0x83, byte(n >> 16), byte(n >> 8), byte(n)}
	case n > 0xff:
		length = []byte{0x82, byte(n >> 8), byte(n)}
	case n > 0x7f:
		length = []byte{0x81, byte(n)}
	}
	return slices.Concat([]byte{tag}, length, content)
}

// resigned is a certificate with another content, signed by a key on P-256.
func resigned(t testing.TB, tbs, algorithm []byte, key crypto.Signer) []byte {
	t.Helper()
	digest := sha256.Sum256(tbs)
	signature, err := key.Sign(rand.Reader, digest[:], crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	return seq(0x30, tbs, algorithm, seq(3, []byte{0}, signature))
}
