package certs

import (
	"crypto/x509"
	"slices"
	"time"
)

// maxPath is how many certificates BoringSSL puts one above the other
// (https://github.com/google/boringssl/blob/main/crypto/x509/x509_vpm.cc, depth).
const maxPath = 100

// A link is a certificate of a bundle, where it stands, and what of it decides
// whether it fits to another.
type link struct {
	*x509.Certificate
	file            string
	n               int // counts from 1
	subject, issuer dn
	ids             keyIDs
	broken          error // why Envoy cannot read it, nor anything beside it
	unread          error // why Envoy does not take it for an issuer, or for one that was issued
}

// newLink reads c.
func newLink(file string, n int, c *x509.Certificate) link {
	l := link{Certificate: c, file: file, n: n}
	if l.broken = wellFormed(c); l.broken == nil {
		l.subject, l.broken = parseDN(c.RawSubject)
	}
	if l.broken == nil {
		l.issuer, l.broken = parseDN(c.RawIssuer)
	}
	if l.unread = l.broken; l.unread != nil {
		return l
	}
	if l.ids, l.unread = keyIDsOf(c); l.unread == nil {
		l.unread = readable(c)
	}
	return l
}

// unbroken says which certificate, on the way or not, makes Envoy refuse all that
// it is shown with it, or trust nothing that it is told to trust.
func unbroken(links []link) *InputError {
	for _, l := range links {
		if l.broken != nil {
			return l.wrong("cannot be read by Envoy: it %w", l.broken).hinted("issue it again, or remove it from " + l.file)
		}
	}
	return nil
}

func newLinks(file string, certs []*x509.Certificate) []link {
	var all []link
	for i, c := range certs {
		all = append(all, newLink(file, i+1, c))
	}
	return all
}

// wrong returns an [InputError] about the certificate.
func (l link) wrong(format string, args ...any) *InputError {
	return wrong(l.file, "certificate %d (%s) "+format, append([]any{l.n, subject(l.Certificate)}, args...)...)
}

// issued says whether Envoy takes l for the one that signed child. It looks at
// names, key IDs and the key usage; the signature comes later, and then it does
// not look for another
// (https://github.com/google/boringssl/blob/main/crypto/x509/v3_purp.cc, X509_check_issued).
func (l link) issued(child link) bool {
	return l.named(child) && l.unread == nil && child.unread == nil && !l.contradicts(child) && maySign(l.Certificate) == nil
}

// named says whether l has the name of the one that signed child.
func (l link) named(child link) bool { return l.subject.equal(child.issuer) }

// contradicts says whether the key IDs of child rule out l.
func (l link) contradicts(child link) bool {
	return child.ids.contradict(l.ids, l.SerialNumber, l.issuer)
}

// signed says whether the key of l made the signature of child.
func (l link) signed(child link) bool {
	return l.CheckSignature(child.SignatureAlgorithm, child.RawTBSCertificate, child.Signature) == nil
}

// selfIssued says whether subject and issuer are the same.
func (l link) selfIssued() bool { return l.subject.equal(l.issuer) }

// selfSigned says whether Envoy goes no further than l.
func (l link) selfSigned() bool { return l.issued(l) }

// A path is how Envoy gets from a certificate that it is shown to one that it
// trusts.
type path struct {
	leaf    link
	shown   []link // from the one that signed the leaf upwards
	trusted []link // from the anchor upwards; never empty
}

// above are the certificates above the leaf, in order.
func (p path) above() []link { return slices.Concat(p.shown, p.trusted) }

// walk finds the path from a certificate that the bundle signed to its roots, in
// the way of BoringSSL: at each step it takes the first certificate that fits,
// from what it trusts if it can and else from what it was shown, and does not
// come back to try another
// (https://github.com/google/boringssl/blob/main/crypto/x509/x509_vfy.cc, X509_verify_cert).
// Where that ends at a certificate that did not sign, or is not valid now, the
// error says which one is in the way.
func (b *Bundle) walk(leaf *x509.Certificate, now time.Time) (path, *InputError) {
	p := path{leaf: newLink(CACertFile, 1, leaf)}
	chain, roots := newLinks(CertChainFile, b.chain), newLinks(RootCertFile, b.roots)
	if err := unbroken(slices.Concat(chain, roots)); err != nil {
		return p, err
	}
	child := p.leaf
	for !child.selfSigned() && len(p.shown) < maxPath && first(roots, child) < 0 {
		i := first(chain, child)
		if i < 0 {
			break
		}
		child = chain[i]
		p.shown = append(p.shown, child)
		chain = slices.Delete(chain, i, i+1)
	}
	if n := len(p.shown); n > 0 && child.selfSigned() {
		p.shown = p.shown[:n-1] // not a root that is trusted, or the loop would have ended before it
		child = slices.Concat([]link{p.leaf}, p.shown)[n-1]
	}
	for !child.selfSigned() && len(p.above()) < maxPath {
		i := first(roots, child)
		if i < 0 {
			break
		}
		child = roots[i]
		p.trusted = append(p.trusted, child)
	}
	if err := p.inTheWay(now); err != nil {
		return p, err
	}
	if len(p.trusted) == 0 {
		return p, missing(child, len(p.shown) == 0, slices.Concat(newLinks(CertChainFile, b.chain), roots))
	}
	return p, nil
}

// first is the place of the first certificate that Envoy takes for the one that
// signed child, -1 if there is none.
func first(among []link, child link) int {
	return slices.IndexFunc(among, func(l link) bool { return l.issued(child) })
}

// inTheWay finds the first certificate of the path that did not sign the one
// below it, or is not valid now.
func (p path) inTheWay(now time.Time) *InputError {
	child := p.leaf
	for _, l := range p.above() {
		if !l.signed(child) {
			return l.wrong("has the name of the CA that signed %s, but did not sign it; Envoy takes the first that has the name, and looks no further", p.named(child)).
				hinted("remove it from " + l.file + ", or move it behind the one that signed")
		}
		switch v := Judge(l.NotBefore, l.NotAfter, now); v {
		case Expired:
			return l.wrong("expired on %s, and Envoy looks for no other of its name", day(l.NotAfter)).
				hinted("remove it from " + l.file + ", or replace it with one that is valid")
		case NotYetValid:
			return l.wrong("is not valid before %s, and Envoy looks for no other of its name", day(l.NotBefore)).
				hinted("remove it from " + l.file + " until then")
		}
		child = l
	}
	return nil
}

// named is how an error calls a certificate of the path.
func (p path) named(l link) string {
	if l.Certificate == p.leaf.Certificate {
		return "what istiod signs"
	}
	return subject(l.Certificate)
}

// missing says why there is no way up from child, which was signed by one of
// among, or by none of them.
func missing(child link, isLeaf bool, among []link) *InputError {
	for _, l := range among {
		if !l.named(child) || !l.signed(child) {
			continue
		}
		switch {
		case l.unread != nil:
			return l.wrong("cannot be read by Envoy: %w", l.unread).hinted("issue it again")
		case child.unread != nil:
			return child.wrong("cannot be read by Envoy: %w", child.unread).hinted("issue it again")
		case maySign(l.Certificate) != nil:
			return l.wrong("%w", maySign(l.Certificate)).hinted("issue it again, with keyCertSign in its key usage")
		case l.contradicts(child):
			return child.wrong("has an authority key identifier that is not that of %s (certificate %d in %s), so Envoy does not take that one for its issuer", subject(l.Certificate), l.n, l.file).
				hinted("issue it again, below the certificate of its issuer that is in the bundle")
		}
	}
	if isLeaf {
		return wrong(CertChainFile, "does not hold the certificate in %s, so peers could not verify the certificate of a workload", CACertFile).
			hinted("put the certificate in " + CACertFile + " first in " + CertChainFile)
	}
	return child.wrong("was not signed by any certificate in %s or %s", CertChainFile, RootCertFile).
		hinted("add the certificates between it and the root to " + CertChainFile)
}
