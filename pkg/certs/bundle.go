package certs

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"maps"
	"slices"
	"strings"
	"time"
)

// The keys of Secret cacerts
// (https://istio.io/latest/docs/tasks/security/cert-management/plugin-ca-cert/).
// root-cert.pem is [RootCertFile].
const (
	CACertFile    = "ca-cert.pem"
	CAKeyFile     = "ca-key.pem"
	CertChainFile = "cert-chain.pem"
	CACRLFile     = "ca-crl.pem" // optional
)

// The keys of a Secret of type kubernetes.io/tls, which istiod reads as well,
// and prefers. Its chain is tls.crt and ca.crt, and a CRL is not read
// (https://github.com/istio/istio/blob/1.31.0/pilot/pkg/bootstrap/istio_ca.go,
// detectSigningCABundleAndCRL).
const (
	tlsCertFile = "tls.crt"
	tlsKeyFile  = "tls.key"
	tlsRootFile = "ca.crt"
)

// A Bundle is what a cluster's istiod signs workloads with: the content of
// Secret cacerts. It is immutable.
type Bundle struct {
	files map[string][]byte // all but the key
	key   Secret
	cert  *x509.Certificate
	chain []*x509.Certificate
	roots []*x509.Certificate
	crls  []*x509.RevocationList
}

// ParseBundle reads the data of a Secret cacerts, in either form that istiod
// reads. It checks each file by itself, which is the first thing istiod does;
// whether they belong together is for [Bundle.Verify]. Errors are
// [*InputError]s.
func ParseBundle(data map[string][]byte) (*Bundle, error) {
	if cert := data[tlsCertFile]; len(cert) > 0 && !bytes.HasSuffix(cert, []byte("\n")) {
		return nil, wrong(tlsCertFile, "does not end with a line break, so istiod cannot read %s, which it puts behind it", tlsRootFile).
			hinted("add a line break at the end of " + tlsCertFile)
	}
	data = opaque(data)
	for _, name := range []string{CACertFile, CAKeyFile, CertChainFile, RootCertFile} {
		if _, ok := data[name]; !ok {
			return nil, wrong(name, "is missing")
		}
	}
	b := &Bundle{files: map[string][]byte{}, key: NewSecret(data[CAKeyFile])}
	for name, content := range data {
		if name != CAKeyFile {
			b.files[name] = slices.Clone(content)
		}
	}
	certs, err := certificates(CACertFile, data[CACertFile])
	if err != nil {
		return nil, err
	}
	b.cert = certs[0]
	if len(data[CertChainFile]) > 0 { // istiod loads an empty one; Verify has more to say
		if b.chain, err = certificates(CertChainFile, data[CertChainFile]); err != nil {
			return nil, err
		}
	}
	if b.roots, err = certificates(RootCertFile, data[RootCertFile]); err != nil {
		return nil, err
	}
	if len(data[CACRLFile]) > 0 {
		if b.crls, err = revocations(data[CACRLFile]); err != nil {
			return nil, err
		}
	}
	if _, err := b.signer(); err != nil {
		return nil, err
	}
	return b, nil
}

// opaque returns the files by the names of an Opaque cacerts: known ones only.
func opaque(data map[string][]byte) map[string][]byte {
	files := map[string][]byte{}
	if IsTLS(data) {
		cert := data[tlsCertFile]
		files[CACertFile] = cert
		if key, ok := data[tlsKeyFile]; ok {
			files[CAKeyFile] = key
		}
		if root, ok := data[tlsRootFile]; ok {
			files[RootCertFile] = root
			files[CertChainFile] = slices.Concat(cert, root) // as istiod does
		}
		return files
	}
	for _, name := range []string{CACertFile, CAKeyFile, CertChainFile, RootCertFile, CACRLFile} {
		if content, ok := data[name]; ok {
			files[name] = content
		}
	}
	return files
}

// revocations reads ca-crl.pem.
func revocations(data []byte) ([]*x509.RevocationList, *InputError) {
	found, err := blocks(CACRLFile, data)
	if err != nil {
		return nil, err
	}
	var crls []*x509.RevocationList
	for i, b := range found {
		if b.Type != "X509 CRL" {
			return nil, wrong(CACRLFile, "PEM block %d is %s, and Envoy skips all but X509 CRL", i+1, kind(b)).
				hinted("keep only X509 CRL blocks in this file; openssl crl writes them")
		}
		crl, err := x509.ParseRevocationList(b.Bytes)
		if err != nil {
			return nil, wrong(CACRLFile, "list %d: %w", i+1, err)
		}
		crls = append(crls, crl)
	}
	return crls, nil
}

// signer is the private key, read each time: it is never held in a form that prints.
func (b *Bundle) signer() (crypto.Signer, error) {
	key, err := privateKey(CAKeyFile, b.key.Bytes())
	if err != nil {
		return nil, err
	}
	return key, nil
}

// Data is the content of Secret cacerts, the private key included: the caller
// owns it, and must not print it.
func (b *Bundle) Data() map[string][]byte {
	data := make(map[string][]byte, len(b.files)+1)
	for name, content := range maps.All(b.files) {
		data[name] = slices.Clone(content)
	}
	data[CAKeyFile] = b.key.Bytes()
	return data
}

// IsTLS says whether istiod reads the data of a Secret cacerts as that of type
// kubernetes.io/tls: it prefers those files where both are there.
func IsTLS(data map[string][]byte) bool {
	_, ok := data[tlsCertFile]
	return ok
}

// TLSData is [Bundle.Data] for a Secret of type kubernetes.io/tls. It has no file for a
// CRL. The CAs between the intermediate and the root follow it in tls.crt, since istiod
// makes the chain of that and ca.crt.
func (b *Bundle) TLSData() map[string][]byte {
	chain := []*x509.Certificate{b.cert}
	for _, c := range b.chain {
		if !c.Equal(b.cert) && !signedBy(c, c) && !slices.ContainsFunc(b.roots, c.Equal) {
			chain = append(chain, c)
		}
	}
	return map[string][]byte{tlsCertFile: certPEM(chain...), tlsKeyFile: b.key.Bytes(), tlsRootFile: certPEM(b.roots...)}
}

// Cert is the certificate that signs workloads. Do not modify it.
func (b *Bundle) Cert() *x509.Certificate { return b.cert }

// NotBefore is when the certificate that signs workloads becomes valid.
func (b *Bundle) NotBefore() time.Time { return b.cert.NotBefore }

// NotAfter is when the certificate that signs workloads expires.
func (b *Bundle) NotAfter() time.Time { return b.cert.NotAfter }

// Fingerprint is the SHA-256 of the certificate that signs workloads.
func (b *Bundle) Fingerprint() string { return fingerprint(b.cert) }

// RootFingerprint is the SHA-256 of the first certificate in root-cert.pem.
func (b *Bundle) RootFingerprint() string { return fingerprint(b.roots[0]) }

// Cluster is the cluster that the intermediate was minted for; "" if its
// subject does not say.
func (b *Bundle) Cluster() string { return strings.Join(b.cert.Subject.Locality, ", ") }
