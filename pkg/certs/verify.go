package certs

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"math/big"
	"net/url"
	"slices"
	"strings"
	"time"
)

// ErrOtherRoot says that a bundle belongs to another root than the one asked
// about. It may be sound in itself.
var ErrOtherRoot = errors.New("belongs to another root")

// probeLifetime is Istio's default for workloads
// (https://istio.io/latest/docs/reference/commands/pilot-discovery/,
// DEFAULT_WORKLOAD_CERT_TTL).
const probeLifetime = 24 * time.Hour

// Verify proves that a mesh can live on the bundle: istiod would load it, and
// workloads and istiod with certificates signed by it would be trusted, as
// servers and as clients, by everyone who trusts root-cert.pem. It says no to
// what istiod loads without a word although no connection would come about:
// a root with pathlen:0, a key usage without keyCertSign, an extended key usage
// that excludes clients, a chain that lacks the issuing certificate, name
// constraints that miss the trust domain.
//
// root-cert.pem must hold root's certificates, in any order; the error wraps
// [ErrOtherRoot] if it does not. A nil root skips that question.
func (b *Bundle) Verify(root *Root, now time.Time, id Identity) error {
	if root != nil && !sameCerts(root.certs, b.roots) {
		return fmt.Errorf("%s holds %s, not %s: %w", RootCertFile, shorts(b.roots), shorts(root.certs), ErrOtherRoot)
	}
	key, err := b.signer()
	if err != nil {
		return err
	}
	if err := b.loads(key, now); err != nil {
		return err
	}
	return b.serves(key, now, id)
}

// loads repeats what istiod checks when it starts
// (https://github.com/istio/istio/blob/1.31.0/security/pkg/pki/util/keycertbundle.go,
// Verify, and ca.NewPluggedCertIstioCAOptions), in an order that names the
// cause first.
func (b *Bundle) loads(key crypto.Signer, now time.Time) error {
	switch v := Judge(b.cert.NotBefore, b.cert.NotAfter, now); {
	case !samePublic(b.cert, key):
		return wrong(CAKeyFile, "does not belong to the certificate in %s", CACertFile)
	case v == Expired:
		return wrong(CACertFile, "expired on %s", day(b.cert.NotAfter))
	case v == NotYetValid:
		return wrong(CACertFile, "is not valid before %s", b.cert.NotBefore.UTC().Format(time.RFC3339))
	case !b.cert.BasicConstraintsValid || !b.cert.IsCA:
		return wrong(CACertFile, "is not a CA certificate")
	}
	opts := b.trust(now)
	opts.KeyUsages = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} // istiod's choice; serves asks for more
	if _, err := b.cert.Verify(opts); err != nil {
		return wrong(CACertFile, "does not verify against %s: %w", RootCertFile, err)
	}
	return b.revocable()
}

// revocable checks that a CRL, if there is any, is there for every certificate
// of the chain: without, Envoy refuses all of them.
func (b *Bundle) revocable() error {
	if len(b.crls) == 0 {
		return nil
	}
	for _, c := range b.chain {
		signed := func(l *x509.RevocationList) bool {
			return bytes.Equal(l.RawIssuer, c.RawSubject) && l.CheckSignatureFrom(c) == nil
		}
		if !slices.ContainsFunc(b.crls, signed) {
			return wrong(CACRLFile, "holds no revocation list signed by %s, which is in %s", subject(c), CertChainFile)
		}
	}
	return nil
}

// serves signs two probes, as istiod would, and judges them as their peers
// would: a workload's, and istiod's own.
func (b *Bundle) serves(key crypto.Signer, now time.Time, id Identity) error {
	if !slices.ContainsFunc(b.chain, b.cert.Equal) {
		return wrong(CertChainFile, "does not hold the certificate in %s, so peers could not verify the certificate of a workload", CACertFile)
	}
	if b.cert.KeyUsage != 0 && b.cert.KeyUsage&x509.KeyUsageCertSign == 0 {
		return wrong(CACertFile, "%w", errNoCertSign)
	}
	spiffe := &url.URL{Scheme: "spiffe", Host: id.TrustDomain, Path: "/ns/default/sa/probe"}
	workload := &x509.Certificate{URIs: []*url.URL{spiffe}}
	if err := b.probe(key, now, workload, ""); err != nil {
		return fmt.Errorf("a workload %s signed by %s would not be trusted: %w", spiffe, CACertFile, err)
	}
	istiod := &x509.Certificate{DNSNames: []string{id.istiod()}}
	if err := b.probe(key, now, istiod, id.istiod()); err != nil {
		return fmt.Errorf("%s with a certificate signed by %s would not be trusted: %w", id.istiod(), CACertFile, err)
	}
	return nil
}

// probe signs leaf and verifies it, once as a server and once as a client.
// Randomness is not an argument here, for nothing of the probe is kept.
func (b *Bundle) probe(key crypto.Signer, now time.Time, leaf *x509.Certificate, dns string) error {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("generate a key: %w", err)
	}
	leaf.SerialNumber = big.NewInt(1)
	leaf.NotBefore, leaf.NotAfter = instant(now.Add(-Backdate)), instant(now.Add(probeLifetime))
	leaf.KeyUsage = x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment
	leaf.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	leaf.BasicConstraintsValid = true
	c, err := sign(rand.Reader, leaf, b.cert, k.Public(), key)
	if err != nil {
		return err
	}
	for _, usage := range leaf.ExtKeyUsage {
		opts := b.trust(now)
		opts.DNSName, opts.KeyUsages = dns, []x509.ExtKeyUsage{usage}
		if _, err := c.Verify(opts); err != nil {
			return err
		}
	}
	return nil
}

// trust is what a peer knows: the roots it was given and the chain it is shown.
func (b *Bundle) trust(now time.Time) x509.VerifyOptions {
	opts := x509.VerifyOptions{Roots: x509.NewCertPool(), Intermediates: x509.NewCertPool(), CurrentTime: now}
	for _, c := range b.roots {
		opts.Roots.AddCert(c)
	}
	for _, c := range b.chain {
		opts.Intermediates.AddCert(c)
	}
	return opts
}

// shorts names certificates by their fingerprints.
func shorts(certs []*x509.Certificate) string {
	var names []string
	for _, c := range certs {
		names = append(names, Short(fingerprint(c)))
	}
	return "root " + strings.Join(names, " and ")
}
