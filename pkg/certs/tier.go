package certs

import (
	"bytes"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"slices"
)

// knownCritical are the extensions that may be critical on a certificate that
// Envoy is shown
// (https://github.com/google/boringssl/blob/main/crypto/x509/v3_purp.cc, X509_supported_extension).
func knownCritical(id asn1.ObjectIdentifier) bool {
	known := []asn1.ObjectIdentifier{
		oidKeyUsage, oidSubjectAltName, oidBasicConstraints, oidPolicies, oidExtKeyUsage,
		oidPolicyLimits, oidNameConstraints, oidPolicyMappings, oidInhibitAnyPolicy,
	}
	return slices.ContainsFunc(known, id.Equal)
}

// maySign says why a certificate must not sign others. A key usage without a bit
// forbids everything, which package x509 takes for no key usage at all.
func maySign(c *x509.Certificate) error {
	if _, ok := extension(c, oidKeyUsage); ok && c.KeyUsage&x509.KeyUsageCertSign == 0 {
		return errNoCertSign
	}
	return nil
}

// judgeTiers says which certificate between workloads and the anchor makes Envoy
// refuse what is below it. The anchor is not judged, as Envoy does not judge it;
// Go does, and the probes tell
// (https://github.com/google/boringssl/blob/main/crypto/x509/x509_vfy.cc, check_chain_extensions).
func (p path) judgeTiers() *InputError {
	below := 0 // CAs that count against a path length
	for _, l := range p.shown {
		if i := slices.IndexFunc(l.Extensions, func(e pkix.Extension) bool { return e.Critical && !knownCritical(e.Id) }); i >= 0 {
			return l.wrong("has a critical extension that Envoy does not know (%s), so it refuses everything below", l.Extensions[i].Id).
				hinted("issue it again without that extension, or with the extension not critical")
		}
		switch {
		case !l.BasicConstraintsValid || !l.IsCA:
			return l.wrong("is not a CA certificate").hinted("issue it again as a CA")
		case !forTLS(l.Certificate):
			return l.wrong("has an extended key usage without TLS servers or clients; mesh workloads are both, and for Envoy anyExtendedKeyUsage does not stand for them").
				hinted("issue it again without an extended key usage, or with serverAuth and clientAuth")
		case l.MaxPathLen >= 0 && below > l.MaxPathLen:
			return l.wrong("allows %d CAs below it, and there are %d", l.MaxPathLen, below).
				hinted("sign workloads with a CA nearer to the root, or issue it again with a longer path length")
		}
		if !l.selfIssued() {
			below++
		}
	}
	return nil
}

// forTLS says whether the extended key usage of a CA names TLS servers and
// clients, if it has one.
func forTLS(c *x509.Certificate) bool {
	_, ok := extension(c, oidExtKeyUsage)
	return !ok || slices.Contains(c.ExtKeyUsage, x509.ExtKeyUsageServerAuth) && slices.Contains(c.ExtKeyUsage, x509.ExtKeyUsageClientAuth)
}

// anchors says which certificate of a root would be refused as an anchor, by
// rules that ask for more than the certificate itself.
func anchors(roots []*x509.Certificate) *InputError {
	for _, l := range newLinks(RootCertFile, roots) {
		// Envoy does not ask an anchor for its extended key usage, and Go is content
		// if another certificate of the same key and name has none.
		twin := func(c *x509.Certificate) bool {
			return bothWays(c) && bytes.Equal(c.RawSubject, l.RawSubject) && bytes.Equal(c.RawSubjectPublicKeyInfo, l.RawSubjectPublicKeyInfo)
		}
		switch {
		case l.unread != nil:
			return wrong(RootCertFile, "certificate %d (%s): cannot be read by Envoy: %w", l.n, subject(l.Certificate), l.unread)
		case maySign(l.Certificate) != nil:
			return wrong(RootCertFile, "certificate %d (%s): %w", l.n, subject(l.Certificate), maySign(l.Certificate)).
				hinted("issue the root again, with keyCertSign in its key usage")
		case !slices.ContainsFunc(roots, twin):
			return wrong(RootCertFile, "certificate %d (%s): its extended key usage excludes TLS servers or clients; mesh workloads are both", l.n, subject(l.Certificate)).
				hinted("use a root without an extended key usage")
		}
	}
	return fits(nil, roots)
}
