package certs

import (
	"bytes"
	"crypto/x509"
	"slices"
	"time"
)

// The names of the two files of a CA that signs in place of the root, where the root
// itself is somebody else's.
const (
	SigningCertFile = "signing-cert.pem"
	SigningKeyFile  = "signing-key.pem"
)

// Below is r with a signing CA below it, which signs the intermediates in its place:
// the root may be a company's, and its key is not needed. Chains are longer by that:
// a cluster's intermediate, the signing CA, the root.
//
// chainPEM holds the signing CA first, then those above it, each signed by the next;
// the root may be at the end. key is that of the first, nil if it is not at hand. Each
// CA must allow as many below it as there will be
// (https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1.9). Every error is an
// [*InputError] that names one of [SigningCertFile] and [SigningKeyFile]. Validity in
// time is judged where the root is used.
func (r *Root) Below(chainPEM []byte, key *Secret) (*Root, error) {
	chain, ierr := certificates(SigningCertFile, chainPEM)
	if ierr != nil {
		return nil, ierr
	}
	out := &Root{certs: r.certs}
	for i, c := range chain {
		if out.anchor = r.find(c); out.anchor != nil && i > 0 {
			break // the root itself ends the chain
		}
		if out.anchor != nil {
			return nil, wrong(SigningCertFile, "its first certificate (%s) is in %s too, so there is no CA below the root", subject(c), RootCertFile).
				hinted("the CA that signs comes first; leave this file out where the root itself signs")
		}
		if i > 0 && !signedBy(out.tiers[i-1], c) {
			return nil, wrong(SigningCertFile, "certificate %d (%s) is not signed by certificate %d (%s)", i, subject(out.tiers[i-1]), i+1, subject(c)).
				hinted("the CA that signs comes first, then each with the one that signed it next")
		}
		if err := fitRoot(c); err != nil {
			return nil, wrong(SigningCertFile, "certificate %d (%s): %w", i+1, subject(c), err)
		}
		out.tiers = append(out.tiers, c)
	}
	if ierr := out.anchored(); ierr != nil {
		return nil, ierr
	}
	if key == nil {
		return out, nil
	}
	out.key, ierr = ownKey(SigningKeyFile, *key, SigningCertFile, chain)
	if ierr != nil {
		return nil, ierr
	}
	return out, nil
}

// anchored looks for the root that signed the last of the tiers, and whether all allow
// as many CAs below them as there are, that of a cluster included.
func (r *Root) anchored() *InputError {
	top := r.tiers[len(r.tiers)-1]
	if r.anchor != nil && !signedBy(top, r.anchor) {
		r.anchor = nil
	}
	if r.anchor == nil {
		if i := slices.IndexFunc(r.certs, func(c *x509.Certificate) bool { return signedBy(top, c) }); i >= 0 {
			r.anchor = r.certs[i]
		}
	}
	if r.anchor == nil {
		return wrong(SigningCertFile, "%s was signed by %s, which is not in %s", subject(top), printable(top.Issuer.String()), RootCertFile).
			hinted("put the certificates between it and the root after it, or trust the root that signed it")
	}
	for i, c := range r.path() {
		if below := i + 1; c.MaxPathLen >= 0 && c.MaxPathLen < below { // -1: no limit; fitRoot refused 0
			file := SigningCertFile
			if c == r.anchor {
				file = RootCertFile
			}
			return wrong(file, "%s allows %d CA below it (pathlen:%d), and %d are needed: those above the clusters, and the clusters' own", subject(c), c.MaxPathLen, c.MaxPathLen, below)
		}
	}
	return nil
}

// signedBy says whether parent signed c.
func signedBy(c, parent *x509.Certificate) bool {
	return bytes.Equal(c.RawIssuer, parent.RawSubject) && c.CheckSignatureFrom(parent) == nil
}

// find is the root's own copy of c, nil if c is none of its certificates.
func (r *Root) find(c *x509.Certificate) *x509.Certificate {
	if i := slices.IndexFunc(r.certs, c.Equal); i >= 0 {
		return r.certs[i]
	}
	return nil
}

// path is the CAs from the one that signs the intermediates up to the root.
func (r *Root) path() []*x509.Certificate {
	if len(r.tiers) == 0 {
		return r.certs[:1]
	}
	return append(slices.Clone(r.tiers), r.anchor)
}

// Issuer is the certificate that signs the intermediates: the root's own, or that of a
// CA below it ([Root.Below]). Do not modify it.
func (r *Root) Issuer() *x509.Certificate { return r.path()[0] }

// Tiered says whether another CA signs the intermediates in place of the root.
func (r *Root) Tiered() bool { return len(r.tiers) > 0 }

// IssuerName is the subject of [Root.Issuer], fit for a terminal.
func (r *Root) IssuerName() string { return subject(r.Issuer()) }

// Span is when all of the CAs above the intermediates are valid: none of what they sign
// is longer.
func (r *Root) Span() (notBefore, notAfter time.Time) {
	path := r.path()
	notBefore, notAfter = path[0].NotBefore, path[0].NotAfter
	for _, c := range path[1:] {
		if c.NotBefore.After(notBefore) {
			notBefore = c.NotBefore
		}
		if c.NotAfter.Before(notAfter) {
			notAfter = c.NotAfter
		}
	}
	return notBefore, notAfter
}

// Forbids looks for a CA above the intermediates with name constraints that rule out
// what id names ([Root.Permits]): which it is, and what it rules out. The error is nil
// if there is none.
func (r *Root) Forbids(now time.Time, id Identity) (ca string, err error) {
	for _, c := range r.path() {
		if err := (&Root{certs: []*x509.Certificate{c}}).Permits(now, id); err != nil {
			return r.title(c), err
		}
	}
	return "", nil
}

// title is what a CA of the path is called in a sentence.
func (r *Root) title(c *x509.Certificate) string {
	if slices.Contains(r.tiers, c) {
		return "signing CA " + subject(c)
	}
	return "root " + subject(c)
}

// SameCertificates says whether two PEM texts hold the same certificates in the same
// order. Text that cannot be read is the same as nothing.
func SameCertificates(a, b []byte) bool {
	one, err := certificates("", a)
	other, oerr := certificates("", b)
	return err == nil && oerr == nil && slices.EqualFunc(one, other, (*x509.Certificate).Equal)
}

// Chain is what peers of the cluster's workloads are shown: the certificate that signs
// them first, then those above it. Do not modify them.
func (b *Bundle) Chain() []*x509.Certificate { return b.chain }
