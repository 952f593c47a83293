package certs

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"time"
)

// IssuedFile is what errors call an [Issued] that cannot be read.
const IssuedFile = "kept answer"

// Issued is the intermediate CA of a cluster that somebody with the root's key signed
// elsewhere, with its own key: all that an apply needs in place of a signer. It is
// immutable.
type Issued struct {
	key   Secret
	chain []*x509.Certificate // the one for the key first, then those above it
}

// Keep is what a bundle was made of that came of a request ([Root.Accept]), for later.
func (b *Bundle) Keep() *Issued { return &Issued{key: b.key, chain: b.chain} }

// ParseIssued reads what [Issued.Encode] wrote. Errors are [*InputError] that name
// [IssuedFile].
func ParseIssued(data Secret) (*Issued, error) {
	found, ierr := blocks(IssuedFile, data.Bytes())
	if ierr != nil {
		return nil, ierr
	}
	key := pem.EncodeToMemory(found[0])
	if _, ierr := privateKey(IssuedFile, key); ierr != nil {
		return nil, ierr
	}
	var answer bytes.Buffer
	for _, b := range found[1:] {
		pem.Encode(&answer, b)
	}
	chain, ierr := certificates(IssuedFile, answer.Bytes())
	if ierr != nil {
		return nil, ierr
	}
	return &Issued{key: NewSecret(key), chain: chain}, nil
}

// Encode is the key and the certificates in one, so that there is never one without the
// other.
func (i *Issued) Encode() Secret {
	return NewSecret(append(i.key.Bytes(), certPEM(i.chain...)...))
}

// Bundle is what a cluster below r would get at now. It is proven again, for the root, the
// time and the names may be others now.
func (i *Issued) Bundle(r *Root, now time.Time, id Identity) (*Bundle, error) {
	return r.assemble(i.key, certPEM(i.chain...), now, id)
}

// Fingerprint is the SHA-256 of the certificate that is to sign workloads.
func (i *Issued) Fingerprint() string { return fingerprint(i.chain[0]) }

// CheckCertificates says why text cannot be certificates that somebody answered. The
// error is an [*InputError] that names [AnswerFile].
func CheckCertificates(text []byte) error {
	if _, ierr := certificates(AnswerFile, text); ierr != nil {
		return ierr
	}
	return nil
}
