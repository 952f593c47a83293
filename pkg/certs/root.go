package certs

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// The names of a root's two files.
const (
	RootCertFile = "root-cert.pem"
	RootKeyFile  = "root-key.pem"
)

// ErrNoRootKey says that an intermediate cannot be minted because only the
// certificate of the root is at hand.
var ErrNoRootKey = errors.New("the root key is needed to sign a cluster's intermediate CA")

var errNoCertSign = errors.New("must not sign certificates (its key usage lacks keyCertSign)")

// minRSABits is the least size of an RSA key that a root may have: BoringSSL in
// Envoy refuses smaller ones in its FIPS build, and so does SP 800-131A.
const minRSABits = 2048

// A Root is what all clusters of a mesh trust. It is immutable.
type Root struct {
	certs  []*x509.Certificate // all are trusted; the first signs, unless there are tiers
	tiers  []*x509.Certificate // the CAs below the root: the one that signs, then each its parent
	anchor *x509.Certificate   // the one of certs that the tiers end at; nil without tiers
	key    Secret              // of the CA that signs; empty when it is not at hand
	signer Signer              // signs in place of the key; mostly nil
	ours   bool                // signer uses [Root.Sign], so that it is known what it will sign
}

// ParseRoot reads a root certificate and, unless key is nil, the key that
// belongs to it. Without a key the Root can verify but not sign.
//
// certPEM may hold several certificates, all of which become trusted; the key
// must belong to the first. Keys are ECDSA P-256 or P-384, or RSA of at least
// 2048 bits, in PKCS#8, PKCS#1 or SEC 1. Every error is an [*InputError] that
// names one of [RootCertFile] and [RootKeyFile]. Validity in time is judged
// where the root is used, by [Root.Intermediate] and [Bundle.Verify].
func ParseRoot(certPEM []byte, key *Secret) (*Root, error) {
	certs, ierr := certificates(RootCertFile, certPEM)
	if ierr != nil {
		return nil, ierr
	}
	for i, c := range certs {
		if err := fitRoot(c); err != nil {
			return nil, wrong(RootCertFile, "certificate %d (%s): %w", i+1, subject(c), err)
		}
	}
	if err := anchors(certs); err != nil {
		return nil, err
	}
	if key == nil {
		return &Root{certs: certs}, nil
	}
	k, ierr := ownKey(RootKeyFile, *key, RootCertFile, certs)
	if ierr != nil {
		return nil, ierr
	}
	return &Root{certs: certs, key: k}, nil
}

// ownKey reads the key in keyFile, which must belong to the first of the certificates
// in certFile.
func ownKey(keyFile string, key Secret, certFile string, certs []*x509.Certificate) (Secret, *InputError) {
	signer, ierr := privateKey(keyFile, withoutECParameters(key.Bytes()))
	if ierr != nil {
		return Secret{}, ierr
	}
	owner := slices.IndexFunc(certs, func(c *x509.Certificate) bool { return samePublic(c, signer) })
	switch {
	case owner < 0:
		return Secret{}, wrong(keyFile, "does not belong to the certificate in %s (%s)", certFile, subject(certs[0]))
	case owner > 0:
		return Secret{}, wrong(certFile, "%s belongs to certificate %d, not to the first", keyFile, owner+1).
			hinted("put the certificate that signs first")
	}
	k, err := keyPEM(signer)
	if err != nil {
		return Secret{}, wrong(keyFile, "%w", err)
	}
	return k, nil
}

// fitRoot says why a certificate cannot be the root of intermediates that Istio
// signs workloads with.
func fitRoot(c *x509.Certificate) error {
	switch {
	case !c.BasicConstraintsValid || !c.IsCA:
		return errors.New("is not a CA certificate")
	case c.MaxPathLen == 0:
		return errors.New("allows no intermediate CA (pathlen:0), at least pathlen:1 is needed")
	case len(c.UnhandledCriticalExtensions) > 0:
		return fmt.Errorf("has a critical extension that Istio and its proxies do not know (%s), so nothing that it signs would be trusted; use a root without it", c.UnhandledCriticalExtensions[0])
	}
	return fitKey(c.PublicKey, Algorithm(c))
}

// fitKey says why a key, called name, cannot be that of a CA in a mesh.
func fitKey(key any, name string) error {
	switch k := key.(type) {
	case *ecdsa.PublicKey:
		if k.Curve == elliptic.P256() || k.Curve == elliptic.P384() {
			return nil
		}
	case *rsa.PublicKey:
		if k.N.BitLen() < minRSABits {
			return fmt.Errorf("key is %s, at least %d bits are needed", name, minRSABits)
		}
		return nil
	}
	return fmt.Errorf("key is %s, which not every Istio proxy can verify; use P-256, P-384 or RSA", name)
}

// bothWays says whether the extended key usage of a CA lets workloads below it
// be servers and clients. Go and BoringSSL apply it to everything below.
func bothWays(c *x509.Certificate) bool {
	if len(c.ExtKeyUsage) == 0 && len(c.UnknownExtKeyUsage) == 0 || slices.Contains(c.ExtKeyUsage, x509.ExtKeyUsageAny) {
		return true
	}
	return slices.Contains(c.ExtKeyUsage, x509.ExtKeyUsageServerAuth) &&
		slices.Contains(c.ExtKeyUsage, x509.ExtKeyUsageClientAuth)
}

// withoutECParameters drops the leading block that openssl ecparam -genkey
// writes before a key. It repeats what the key says.
func withoutECParameters(data []byte) []byte {
	if b, rest := pem.Decode(data); b != nil && b.Type == "EC PARAMETERS" {
		return rest
	}
	return data
}

// samePublic says whether key is the private half of c's key.
func samePublic(c *x509.Certificate, key crypto.Signer) bool {
	pub, ok := key.Public().(interface{ Equal(crypto.PublicKey) bool })
	return ok && pub.Equal(c.PublicKey)
}

// Cert is the first certificate of the root, by which it is known. Do not modify it.
func (r *Root) Cert() *x509.Certificate { return r.certs[0] }

// PEM is every certificate of the root, in the order of the file.
func (r *Root) PEM() []byte { return certPEM(r.certs...) }

// In says whether all certificates of the root are in PEM text.
func (r *Root) In(text []byte) bool {
	found := map[string]bool{}
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type == "CERTIFICATE" {
			found[string(block.Bytes)] = true
		}
	}
	return !slices.ContainsFunc(r.certs, func(c *x509.Certificate) bool { return !found[string(c.Raw)] })
}

// Issued says whether a chain, leaf first, leads to a certificate of the root by its
// signatures, whatever the time is.
func (r *Root) Issued(chain []*x509.Certificate) bool {
	for i, c := range chain {
		if slices.ContainsFunc(r.certs, func(root *x509.Certificate) bool { return c.CheckSignatureFrom(root) == nil }) {
			return true
		}
		if i+1 == len(chain) || c.CheckSignatureFrom(chain[i+1]) != nil {
			return false
		}
	}
	return false
}

// Fingerprint is the SHA-256 of [Root.Cert]: "5F:3A:9C:...", 32 bytes.
func (r *Root) Fingerprint() string { return fingerprint(r.certs[0]) }

// Short is the fingerprint's first three bytes, enough to tell roots apart.
func (r *Root) Short() string { return Short(r.Fingerprint()) }

// Name is the subject of [Root.Cert], fit for a terminal.
func (r *Root) Name() string { return subject(r.certs[0]) }

// Organization is the O of [Root.Issuer], which intermediates take over; "" if it has none.
func (r *Root) Organization() string { return strings.Join(r.Issuer().Subject.Organization, ", ") }

// Mesh is the mesh that [NewRoot] made the root for; "" if it was made elsewhere.
func (r *Root) Mesh() string {
	s := r.certs[0].Subject
	if len(s.OrganizationalUnit) != 1 || !strings.HasPrefix(s.CommonName, shorten(s.OrganizationalUnit[0])+rootWord) {
		return ""
	}
	return s.OrganizationalUnit[0]
}

// CanSign says whether the key of [Root.Issuer] is there, or somebody who has it.
func (r *Root) CanSign() bool { return r.signer != nil || len(r.key.Bytes()) > 0 }

// Intermediate mints the CA of one cluster, valid for a year from now but never
// longer than the root, and proves with [Bundle.Verify] that a mesh can live on
// it before it returns it. Its key is in the Bundle and nowhere else.
//
// Without a key the error is [ErrNoRootKey].
func (r *Root) Intermediate(rand io.Reader, now time.Time, id Identity) (*Bundle, error) {
	b, err := r.intermediate(rand, now, id)
	if err != nil {
		return nil, fmt.Errorf("mint the intermediate CA of %q: %w", id.Cluster, err)
	}
	return b, nil
}

// subject is the name of a certificate, fit for a terminal.
func subject(c *x509.Certificate) string { return printable(c.Subject.String()) }

// fingerprint is the SHA-256 of a certificate, as openssl x509 prints it.
func fingerprint(c *x509.Certificate) string {
	sum := sha256.Sum256(c.Raw)
	return strings.ReplaceAll(fmt.Sprintf("% X", sum[:]), " ", ":")
}

// Short is the first three bytes of a fingerprint: "5F:3A:9C".
func Short(fingerprint string) string { return fingerprint[:min(len(fingerprint), len("5F:3A:9C"))] }

// ShortOf is [Short] of the fingerprint of a certificate.
func ShortOf(c *x509.Certificate) string { return Short(fingerprint(c)) }

// Algorithm names the key of a certificate for people: "ECDSA P-384", "RSA 4096".
func Algorithm(c *x509.Certificate) string { return algorithm(c.PublicKey, c.PublicKeyAlgorithm) }

func algorithm(key any, other x509.PublicKeyAlgorithm) string {
	switch k := key.(type) {
	case *ecdsa.PublicKey:
		return "ECDSA " + k.Curve.Params().Name
	case *rsa.PublicKey:
		return fmt.Sprintf("RSA %d", k.N.BitLen())
	}
	return other.String()
}

// sameCerts says whether a and b hold the same certificates, in any order and
// number, which is how istiod compares roots since 1.30.
func sameCerts(a, b []*x509.Certificate) bool { return within(a, b) && within(b, a) }

func within(a, b []*x509.Certificate) bool {
	return !slices.ContainsFunc(a, func(x *x509.Certificate) bool {
		return !slices.ContainsFunc(b, func(y *x509.Certificate) bool { return bytes.Equal(x.Raw, y.Raw) })
	})
}
