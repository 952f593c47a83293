package certs

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"math/big"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Lifetimes count from the moment of minting.
const (
	RootLifetime         = 3650 * 24 * time.Hour
	IntermediateLifetime = 365 * 24 * time.Hour

	// Backdate is how far NotBefore lies in the past, for clocks that are late.
	Backdate = 5 * time.Minute
)

// maxAttribute is the most characters that a name in a subject may have
// (https://www.rfc-editor.org/rfc/rfc5280#appendix-A.1, ub-common-name and others).
const maxAttribute = 64

// rootWord stands between the mesh and the generation in the name of a root.
const rootWord = " root "

// NewRoot makes the root of a mesh: ECDSA P-384, valid for [RootLifetime], for
// one level of intermediates. It may sign CRLs from the first day, as that
// cannot be added to it later. Its name holds the mesh and a generation, so that
// two roots of one mesh can be told apart.
//
// mesh and org must pass [CheckName].
func NewRoot(rand io.Reader, now time.Time, mesh, org string) (cert []byte, key Secret, err error) {
	if err := CheckName(mesh); err != nil {
		return nil, Secret{}, fmt.Errorf("mesh ID: %w", err)
	}
	if err := CheckName(org); err != nil {
		return nil, Secret{}, fmt.Errorf("organization: %w", err)
	}
	serial, err := newSerial(rand)
	if err != nil {
		return nil, Secret{}, err
	}
	tmpl := &x509.Certificate{
		SerialNumber: serial,
		Subject: pkix.Name{
			Organization:       []string{org},
			OrganizationalUnit: []string{mesh},
			CommonName:         shorten(mesh) + rootWord + generation(now, serial),
		},
		NotBefore:             instant(now.Add(-Backdate)),
		NotAfter:              instant(now.Add(RootLifetime)),
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
		MaxPathLen:            1,
	}
	k, err := ecdsa.GenerateKey(elliptic.P384(), rand)
	if err != nil {
		return nil, Secret{}, fmt.Errorf("generate the root key: %w", err)
	}
	c, err := sign(rand, tmpl, tmpl, k.Public(), k)
	if err != nil {
		return nil, Secret{}, fmt.Errorf("sign the root certificate: %w", err)
	}
	key, err = keyPEM(k)
	return certPEM(c), key, err
}

// An Identity is what the intermediate of a cluster must vouch for.
type Identity struct {
	Cluster     string // the cluster's name in the mesh; the subject's L, as in Istio's tools/certs
	Namespace   string // where istiod runs; the first of its DNS names is istiod.<namespace>.svc
	TrustDomain string // host part of the workloads' SPIFFE IDs

	name string // the CN of the CA that is renewed with its own key, "" for another CA
}

func (r *Root) intermediate(rand io.Reader, now time.Time, id Identity) (*Bundle, error) {
	if len(r.key.Bytes()) == 0 {
		return nil, ErrNoRootKey
	}
	req, err := r.Request(rand, now, id)
	if err != nil {
		return nil, err
	}
	answer, err := r.Sign(rand, now, req.CSR(), id)
	if err != nil {
		return nil, err
	}
	return r.assemble(req.Key(), answer, now, id)
}

// valid says which of the CAs above the intermediates does not let them begin now.
func (r *Root) valid(now time.Time) error {
	for _, c := range r.path() {
		what := "the root"
		if c != r.anchor && r.Tiered() {
			what = "the " + r.title(c)
		}
		if v := Judge(c.NotBefore, c.NotAfter, now); v == Expired || v == NotYetValid {
			return fmt.Errorf("%s is %s at %s: it is valid from %s until %s", what, v, day(now), day(c.NotBefore), day(c.NotAfter))
		}
	}
	return nil
}

// name is the subject of a cluster's intermediate.
func (r *Root) name(serial *big.Int, now time.Time, id Identity) pkix.Name {
	above, name := r.Issuer().Subject, id.name
	if name == "" {
		name = "intermediate " + generation(now, serial)
	}
	return pkix.Name{
		Organization:       above.Organization,
		OrganizationalUnit: above.OrganizationalUnit,
		Locality:           []string{id.Cluster},
		CommonName:         name,
	}
}

// template has the shape of Istio's tools/certs/common.mk, and
// cRLSign, without which istiod takes no CRL from it.
func (r *Root) template(serial *big.Int, now time.Time, id Identity) *x509.Certificate {
	tmpl := &x509.Certificate{
		SerialNumber:          serial,
		Subject:               r.name(serial, now, id),
		DNSNames:              id.istiod()[:1],
		NotBefore:             instant(now.Add(-Backdate)),
		NotAfter:              instant(now.Add(IntermediateLifetime)),
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
		MaxPathLenZero:        true,
	}
	begin, end := r.Span()
	if tmpl.NotAfter.After(end) {
		tmpl.NotAfter = end
	}
	if tmpl.NotBefore.Before(begin) {
		tmpl.NotBefore = begin
	}
	return tmpl
}

// sign makes the certificate that tmpl describes.
func sign(rand io.Reader, tmpl, parent *x509.Certificate, pub crypto.PublicKey, key crypto.Signer) (*x509.Certificate, error) {
	der, err := x509.CreateCertificate(rand, tmpl, parent, pub, key)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

// newSerial returns a random number of 127 bits, which fits 16 bytes without a
// sign. Package x509 refuses to sign the one in 2^127 that is zero.
func newSerial(rand io.Reader) (*big.Int, error) {
	var b [16]byte
	if _, err := io.ReadFull(rand, b[:]); err != nil {
		return nil, fmt.Errorf("read randomness for a serial number: %w", err)
	}
	b[0] &= 0x7f
	return new(big.Int).SetBytes(b[:]), nil
}

// generation tells the certificates of one name apart, for people first: the
// day it was made, and a piece of its serial number.
func generation(now time.Time, serial *big.Int) string {
	return fmt.Sprintf("%s.%06x", day(now), new(big.Int).And(serial, big.NewInt(0xffffff)))
}

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }

// instant is t as a certificate can hold it.
func instant(t time.Time) time.Time { return t.UTC().Truncate(time.Second) }

// shorten cuts a mesh ID so that it fits a common name with what follows it.
func shorten(mesh string) string {
	room := maxAttribute - len(rootWord) - len("2006-01-02.000000")
	r := []rune(mesh)
	return string(r[:min(len(r), room)])
}

// CheckName says why a string cannot be a mesh ID or an organization in a
// certificate's subject.
func CheckName(s string) error {
	switch n := utf8.RuneCountInString(s); {
	case s == "":
		return errors.New("is empty")
	case !utf8.ValidString(s):
		return errors.New("is not UTF-8")
	case n > maxAttribute:
		return fmt.Errorf("has %d characters, a certificate holds %d", n, maxAttribute)
	case printable(s) != s:
		return fmt.Errorf("%q has characters that cannot be printed", s)
	}
	return nil
}

// printable replaces what a terminal could take for more than text.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return utf8.RuneError
		}
		return r
	}, s)
}
