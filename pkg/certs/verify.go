package certs

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"math/big"
	"net/url"
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
// servers and as clients, by everyone who trusts root-cert.pem. That everyone is
// written in Go (istiod, and the agent beside each Envoy) and in C++ (Envoy, with
// BoringSSL), and both must agree: it says no to what istiod loads without a word
// although no connection would come about, such as a chain in which a certificate
// of the same name stands before the one that signed, name constraints that miss
// one of istiod's names, or a CRL that has expired.
//
// root-cert.pem must hold root's certificates, in any order that leads to the one
// that signed; the error wraps [ErrOtherRoot] if it does not. A nil root skips that
// question. Other errors are [*InputError]s where one file is the cause: they name
// it, the certificate in it, and what to do.
func (b *Bundle) Verify(root *Root, now time.Time, id Identity) error {
	if root != nil && !sameCerts(root.certs, b.roots) {
		return fmt.Errorf("%s holds %s, not %s: %w", RootCertFile, shorts(b.roots), shorts(root.certs), ErrOtherRoot)
	}
	if err := fits(b.chain, b.roots); err != nil {
		return err
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

// loads repeats what istiod asks of single files when it starts, in an order that
// names the cause first
// (https://github.com/istio/istio/blob/1.31.0/security/pkg/pki/util/keycertbundle.go,
// Verify, and ca.NewPluggedCertIstioCAOptions).
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
	case maySign(b.cert) != nil:
		return wrong(CACertFile, "%w", maySign(b.cert))
	}
	// minTTL of https://github.com/istio/istio/blob/1.31.0/security/pkg/pki/ca/ca.go
	if len(b.chain) > 0 && now.After(b.chain[0].NotAfter) {
		return wrong(CertChainFile, "certificate 1 (%s) expired on %s, so istiod does not start: it takes the first for the one that ends the life of all", subject(b.chain[0]), day(b.chain[0].NotAfter)).
			hinted("put the certificate in " + CACertFile + " first, and take what has expired out of " + CertChainFile)
	}
	return nil
}

// serves signs two probes, as istiod would, and judges them as their peers
// would: a workload's, and istiod's own. Envoy's way comes first, for it names the
// certificate that is in the way; Go's, which is that of istiod and of the agent
// beside Envoy, follows.
func (b *Bundle) serves(key crypto.Signer, now time.Time, id Identity) error {
	workload, err := b.probe(key, now, &x509.Certificate{URIs: []*url.URL{id.workload()}})
	if err != nil {
		return err
	}
	p, err := b.proxies(workload, now, id)
	if err != nil {
		return err
	}
	opts := b.trust(now)
	opts.KeyUsages = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} // istiod's choice; trusted asks for more
	if _, err := b.cert.Verify(opts); err != nil {
		if named := p.judgeNames(id, id.ofIstiod()); named != nil {
			return named
		}
		return wrong(CACertFile, "does not verify against %s: %w", RootCertFile, err)
	}
	if err := b.trusted(workload, now); err != nil {
		return fmt.Errorf("a workload %s signed by %s would not be trusted: %w", id.workload(), CACertFile, err)
	}
	istiod, err := b.probe(key, now, &x509.Certificate{DNSNames: id.istiod()})
	if err != nil {
		return err
	}
	if err := b.trusted(istiod, now, id.istiod()...); err != nil {
		if named := p.judgeNames(id, id.ofIstiod()); named != nil {
			return named
		}
		return fmt.Errorf("%s with a certificate signed by %s would not be trusted: %w", id.istiod()[0], CACertFile, err)
	}
	return nil
}

// proxies judges a workload's certificate as the Envoys of its peers do, and
// returns their way to the root.
func (b *Bundle) proxies(workload *x509.Certificate, now time.Time, id Identity) (path, error) {
	p, err := b.walk(workload, now)
	if err == nil {
		err = p.judgeTiers()
	}
	if err == nil {
		err = p.judgeNames(id, id.ofWorkload())
	}
	if err == nil {
		err = b.revocable()
	}
	if err == nil {
		err = p.judgeRevocation(b.crls, now)
	}
	if err != nil {
		return p, err
	}
	return p, nil
}

// probe signs leaf. Randomness is not an argument here, for nothing of the probe
// is kept.
func (b *Bundle) probe(key crypto.Signer, now time.Time, leaf *x509.Certificate) (*x509.Certificate, error) {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("generate a key: %w", err)
	}
	leaf.SerialNumber = big.NewInt(1)
	leaf.NotBefore, leaf.NotAfter = instant(now.Add(-Backdate)), instant(now.Add(probeLifetime))
	leaf.KeyUsage = x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment
	leaf.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	leaf.BasicConstraintsValid = true
	c, err := sign(rand.Reader, leaf, b.cert, k.Public(), key)
	if err != nil {
		return nil, wrong(CACertFile, "cannot sign a workload: %w", err)
	}
	return c, nil
}

// trusted says why Go does not trust a probe as a server, by each of its DNS
// names, or as a client.
func (b *Bundle) trusted(probe *x509.Certificate, now time.Time, dns ...string) error {
	opts := b.trust(now)
	for _, usage := range probe.ExtKeyUsage {
		opts.KeyUsages = []x509.ExtKeyUsage{usage}
		if _, err := probe.Verify(opts); err != nil {
			return err
		}
	}
	for _, name := range dns {
		if err := probe.VerifyHostname(name); err != nil {
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
