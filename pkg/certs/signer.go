package certs

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"
)

// A Signer has the key of a CA that signs for a mesh, or reaches somebody who has.
type Signer interface {
	// Sign answers a CSR, in PEM, for the intermediate CA of a cluster with PEM: its
	// certificate, and the CAs above it, as far as it likes. Whoever asks checks the
	// answer ([Root.Accept]).
	Sign(ctx context.Context, csr []byte, id Identity) (Answer, error)
}

// An Answer is what a signer returned.
type Answer struct {
	PEM []byte
	// At is when it was there. What was signed then is seldom valid before: the time
	// at which somebody began to ask would be too early to judge it by.
	At time.Time
}

// SignedBy is r with a signer outside of this process in place of its key.
func (r *Root) SignedBy(s Signer) *Root {
	out := *r
	out.signer, out.key = s, Secret{}
	return &out
}

// Sealed is r with a signer that uses [Root.Sign] with the root's key, once it has opened
// it: what it will sign is known before.
func (r *Root) Sealed(s Signer) *Root {
	out := r.SignedBy(s)
	out.ours = true
	return out
}

// WithKey is r with the key of [Root.Issuer], which must belong to it. Errors are
// [*InputError] that name one of its files.
func (r *Root) WithKey(key Secret) (*Root, error) {
	keyFile, certFile := RootKeyFile, RootCertFile
	if r.Tiered() {
		keyFile, certFile = SigningKeyFile, SigningCertFile
	}
	out := *r
	var ierr *InputError
	if out.key, ierr = ownKey(keyFile, key, certFile, r.path()[:1]); ierr != nil {
		return nil, ierr
	}
	out.signer, out.ours = nil, false
	return &out, nil
}

// Outside says whether the intermediates are signed by somebody who decides about them.
// How long they will be valid is not known before, then.
func (r *Root) Outside() bool { return r.signer != nil && !r.ours }

// Issue has the intermediate CA of a cluster signed, by whoever signs for the root, and
// proves that a mesh can live on it before it returns it, as [Root.Intermediate] does.
func (r *Root) Issue(ctx context.Context, rand io.Reader, now time.Time, id Identity) (*Bundle, error) {
	if r.signer == nil {
		return r.Intermediate(rand, now, id)
	}
	b, err := r.outside(ctx, rand, now, id)
	if err != nil {
		return nil, fmt.Errorf("have the intermediate CA of %q signed: %w", id.Cluster, err)
	}
	return b, nil
}

// Renew is [Root.Issue] for a cluster that keeps the key and the name of its CA: the
// revocation lists that others have of it stay good.
func (r *Root) Renew(ctx context.Context, rand io.Reader, now time.Time, id Identity, old *Bundle) (*Bundle, error) {
	id.name = old.cert.Subject.CommonName
	signer := r.signer
	if signer == nil {
		signer = r.Signer(rand, func() time.Time { return now })
	}
	req, err := r.RequestFor(rand, now, old.key, id)
	var answer Answer
	if err == nil {
		answer, err = signer.Sign(ctx, req.CSR(), id)
	}
	var b *Bundle
	if err == nil {
		b, err = r.Accept(old.key, answer.PEM, answer.At, id)
	}
	if err != nil {
		return nil, fmt.Errorf("renew the intermediate CA of %q: %w", id.Cluster, err)
	}
	return b, nil
}

func (r *Root) outside(ctx context.Context, rand io.Reader, now time.Time, id Identity) (*Bundle, error) {
	req, err := r.Request(rand, now, id)
	if err != nil {
		return nil, err
	}
	answer, err := r.signer.Sign(ctx, req.CSR(), id)
	if err != nil {
		return nil, err
	}
	return r.Accept(req.Key(), answer.PEM, answer.At, id)
}

// Signer is a signer with the root's own key, which is here. The clock is read once for
// each certificate.
func (r *Root) Signer(rand io.Reader, now func() time.Time) Signer { return own{r, rand, now} }

type own struct {
	root *Root
	rand io.Reader
	now  func() time.Time
}

func (o own) Sign(_ context.Context, csr []byte, id Identity) (Answer, error) {
	at := o.now()
	text, err := o.root.Sign(o.rand, at, csr, id)
	return Answer{PEM: text, At: at}, err
}

// Sign signs the intermediate CA of a cluster with the root's key. It takes nothing out
// of the CSR but the public key: what a certificate says, who it is for and how long it
// is valid is [Root.Intermediate]'s affair. The answer is PEM: the certificate, then
// the CAs above it up to the root.
func (r *Root) Sign(rand io.Reader, now time.Time, csr []byte, id Identity) ([]byte, error) {
	if len(r.key.Bytes()) == 0 {
		return nil, ErrNoRootKey
	}
	if err := r.valid(now); err != nil {
		return nil, err
	}
	q, err := parseRequest(csr)
	if err != nil {
		return nil, err
	}
	key, ierr := privateKey(RootKeyFile, r.key.Bytes())
	if ierr != nil {
		return nil, ierr
	}
	serial, err := newSerial(rand)
	if err != nil {
		return nil, err
	}
	c, err := sign(rand, r.template(serial, now, id), r.Issuer(), q.PublicKey, key)
	if err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	return certPEM(append([]*x509.Certificate{c}, r.path()...)...), nil
}

// ErrOtherKey says that an answer is not for the key that it was asked for.
var ErrOtherKey = errors.New("holds no certificate for the key of the request")

// AnswerFile is what errors call the answer of a signer.
const AnswerFile = "the signer's answer"

// Accept makes the bundle of a cluster of the key that was made with [Root.Request] and
// of what a signer outside of this package answered: a certificate for that key, and
// CAs above it. It takes no answer on trust: the certificate must be a CA's that allows
// no other below it and may sign certificates and CRLs, must lead to the root and end
// no later than what is above it, must not be due for renewal, and a mesh must be able
// to live on it ([Bundle.Verify]). What else the answer holds is left out. Errors about
// the answer are [*InputError] that name [AnswerFile].
func (r *Root) Accept(key Secret, answer []byte, now time.Time, id Identity) (*Bundle, error) {
	b, err := r.assemble(key, answer, now, id)
	if err != nil {
		return nil, err
	}
	if Judge(b.NotBefore(), b.NotAfter(), now) == Due {
		return nil, wrong(AnswerFile, "the certificate is valid from %s until %s only, so it is due for renewal already",
			b.NotBefore().Format(time.RFC3339), b.NotAfter().Format(time.RFC3339)).
			hinted("have it signed for a year, or for as long as the CA above it is valid")
	}
	return b, nil
}

// assemble is Accept without a word about how long the certificate is valid.
func (r *Root) assemble(key Secret, answer []byte, now time.Time, id Identity) (*Bundle, error) {
	found, ierr := certificates(AnswerFile, answer)
	if ierr != nil {
		return nil, ierr
	}
	own, ierr := privateKey(CAKeyFile, key.Bytes())
	if ierr != nil {
		return nil, ierr
	}
	i := slices.IndexFunc(found, func(c *x509.Certificate) bool { return samePublic(c, own) })
	if i < 0 {
		return nil, wrong(AnswerFile, "%w (the first is of %s)", ErrOtherKey, subject(found[0]))
	}
	c := found[i]
	if ierr := fitIssuing(c); ierr != nil {
		return nil, ierr
	}
	above, ierr := r.above(c, slices.Concat(found, r.tiers))
	if ierr != nil {
		return nil, ierr
	}
	b, err := ParseBundle(map[string][]byte{
		CACertFile:    certPEM(c),
		CAKeyFile:     key.Bytes(),
		CertChainFile: certPEM(append([]*x509.Certificate{c}, above...)...), // the issuing certificate first
		RootCertFile:  r.PEM(),
	})
	if err != nil {
		return nil, err
	}
	return b, b.Verify(r, now, id)
}

// fitIssuing says why a certificate cannot be the one that a cluster's istiod signs
// workloads with. Others are content with less; this is what setup-mesh itself makes.
func fitIssuing(c *x509.Certificate) *InputError {
	const needed = "it must be a CA with pathlen:0 and the key usages keyCertSign and cRLSign, as the request asks"
	switch {
	case !c.BasicConstraintsValid || !c.IsCA:
		return wrong(AnswerFile, "the certificate is not a CA's").hinted(needed)
	case c.MaxPathLen != 0 || !c.MaxPathLenZero:
		return wrong(AnswerFile, "the certificate allows CAs below it (it lacks pathlen:0), so whoever has its key could make more of them").hinted(needed)
	case c.KeyUsage&x509.KeyUsageCertSign == 0:
		return wrong(AnswerFile, "the certificate %w", errNoCertSign).hinted(needed)
	case c.KeyUsage&x509.KeyUsageCRLSign == 0:
		return wrong(AnswerFile, "the certificate must not sign revocation lists (its key usage lacks cRLSign), which cannot be added later").hinted(needed)
	case bytes.Equal(c.RawSubject, c.RawIssuer):
		return wrong(AnswerFile, "the certificate has the name of the CA that signed it (%s)", subject(c)).
			hinted("give it the subject of the request, or another one of its own")
	}
	return nil
}

// maxAbove is how many CAs may be between a cluster's own and the root; no PKI has as many.
const maxAbove = 8

// above is the way from a certificate to the root, through some of others, each of which
// must be valid at least as long as the certificate.
func (r *Root) above(c *x509.Certificate, others []*x509.Certificate) ([]*x509.Certificate, *InputError) {
	var path []*x509.Certificate
	for top := c; ; top = path[len(path)-1] {
		parent := func(p *x509.Certificate) bool { return !p.Equal(top) && signedBy(top, p) }
		if i := slices.IndexFunc(r.certs, parent); i >= 0 {
			path = append(path, r.certs[i])
			break
		}
		i := slices.IndexFunc(others, parent)
		if i < 0 || len(path) == maxAbove {
			return nil, wrong(AnswerFile, "%s leads to %s, not to the root of the mesh (%s, %s)",
				subject(c), printable(top.Issuer.String()), r.Name(), r.Short()).
				hinted("have it signed below that root, and print the certificates in between after it")
		}
		path = append(path, others[i])
	}
	for _, p := range path {
		if c.NotAfter.After(p.NotAfter) {
			return nil, wrong(AnswerFile, "the certificate is valid until %s, and %s above it until %s only",
				c.NotAfter.UTC().Format(time.RFC3339), subject(p), p.NotAfter.UTC().Format(time.RFC3339)).
				hinted("have it signed for a shorter time")
		}
	}
	return path, nil
}
