// Package certstest makes CAs for tests: roots and what is below them, as a company's
// PKI would, with the mistakes that a test asks for.
package certstest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"slices"
	"time"
)

// A CA is a certificate with its key.
type CA struct {
	Cert *x509.Certificate
	Key  crypto.Signer
}

// New makes a CA below parent, or a root if parent is nil, after edits to a template
// that would do: valid for 100 days from an hour before now, without a path length.
// A nil key is a new one, ECDSA P-256.
func New(name string, parent *CA, now time.Time, key crypto.Signer, edit func(*x509.Certificate)) (*CA, error) {
	if key == nil {
		var err error
		if key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
			return nil, err
		}
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, err
	}
	tmpl := &x509.Certificate{
		SerialNumber:          serial,
		Subject:               pkix.Name{Organization: []string{"company.example"}, CommonName: name},
		NotBefore:             now.Add(-time.Hour).UTC().Truncate(time.Second),
		NotAfter:              now.Add(100 * 24 * time.Hour).UTC().Truncate(time.Second),
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
		MaxPathLen:            -1,
	}
	if edit != nil {
		edit(tmpl)
	}
	issuer := &CA{Cert: tmpl, Key: key}
	if parent != nil {
		issuer = parent
	}
	c, err := issuer.Sign(tmpl, key.Public())
	if err != nil {
		return nil, err
	}
	return &CA{Cert: c, Key: key}, nil
}

// Sign signs the certificate that tmpl describes, whatever it says.
func (c *CA) Sign(tmpl *x509.Certificate, pub crypto.PublicKey) (*x509.Certificate, error) {
	der, err := x509.CreateCertificate(rand.Reader, tmpl, c.Cert, pub, c.Key)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

// CertPEM is the certificate, and the others after it.
func (c *CA) CertPEM(others ...*CA) []byte {
	out := block("CERTIFICATE", c.Cert.Raw)
	for _, o := range others {
		out = append(out, block("CERTIFICATE", o.Cert.Raw)...)
	}
	return out
}

// The forms in which tools write keys.
const (
	PKCS8   = "pkcs8"
	SEC1    = "sec1"
	PKCS1   = "pkcs1"
	ECParam = "ecparam" // SEC 1 after a block EC PARAMETERS, as openssl ecparam -genkey prints
)

// KeyPEM is the key in a form.
func (c *CA) KeyPEM(form string) ([]byte, error) {
	switch form {
	case PKCS8:
		der, err := x509.MarshalPKCS8PrivateKey(c.Key)
		return block("PRIVATE KEY", der), err
	case PKCS1:
		if k, ok := c.Key.(*rsa.PrivateKey); ok {
			return block("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(k)), nil
		}
	case SEC1, ECParam:
		k, ok := c.Key.(*ecdsa.PrivateKey)
		if !ok {
			break
		}
		der, err := x509.MarshalECPrivateKey(k)
		out := block("EC PRIVATE KEY", der)
		if form == ECParam {
			prime256v1 := []byte{6, 8, 42, 134, 72, 206, 61, 3, 1, 7}
			out = slices.Concat(block("EC PARAMETERS", prime256v1), out)
		}
		return out, err
	}
	return nil, fmt.Errorf("a %T has no form %q", c.Key, form)
}

// PathLen is an edit for [New]: the path length constraint, -1 for none.
func PathLen(n int) func(*x509.Certificate) {
	return func(c *x509.Certificate) { c.MaxPathLen, c.MaxPathLenZero = n, n == 0 }
}

func block(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}
