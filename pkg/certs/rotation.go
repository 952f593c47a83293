package certs

import (
	"crypto/x509"
	"fmt"
	"slices"
	"strings"
)

// A Phase is how far a rotation from one root to another is. In each, all that is
// signed by the roots of the phase before and after it is trusted.
type Phase string

// The phases of a rotation, in their order. Nobody notices the step from one to the
// next if everybody has taken the one before.
const (
	OldOnly   Phase = "old only"   // where a rotation begins, and where going back ends
	TrustBoth Phase = "trust both" // the old root signs
	SignNew   Phase = "sign new"   // the new root signs, both are trusted
	NewOnly   Phase = "new only"   // where a rotation ends
)

// Phases lists all phases in their order.
func Phases() []Phase { return []Phase{OldOnly, TrustBoth, SignNew, NewOnly} }

// Words are what is so in a mesh that has reached p.
func (p Phase) Words() string {
	switch p {
	case TrustBoth:
		return "both roots are trusted, and the old one signs"
	case SignNew:
		return "both roots are trusted, and the new one signs"
	case NewOnly:
		return "only the new root is trusted"
	}
	return "only the old root is trusted"
}

// Next is the phase after p, and the one before it if back; false where there is none.
func (p Phase) Next(back bool) (Phase, bool) {
	all := Phases()
	at := slices.Index(all, p)
	to := at + 1
	if back {
		to = at - 1
	}
	if at < 0 || to < 0 || to >= len(all) {
		return "", false
	}
	return all[to], true
}

// A Rotation leads a mesh from one root to another.
type Rotation struct {
	Phase    Phase
	Old, New *Root
}

// NewRotation is one between two different roots.
func NewRotation(p Phase, from, to *Root) (*Rotation, error) {
	switch {
	case !slices.Contains(Phases(), p):
		return nil, fmt.Errorf("%q is not a phase of a rotation", p)
	case from.Cert().Equal(to.Cert()):
		return nil, fmt.Errorf("the new root is the old one (%s)", from.Short())
	}
	return &Rotation{Phase: p, Old: from, New: to}, nil
}

// Root is what clusters trust in the phase of r, and what signs for them.
func (r *Rotation) Root() *Root {
	switch r.Phase {
	case TrustBoth:
		return r.Old.trusting(r.New)
	case SignNew:
		return r.New.trusting(r.Old)
	case NewOnly:
		return r.New
	}
	return r.Old
}

// Signing is the one of the two roots that signs in the phase of r, and whether it is the
// new one.
func (r *Rotation) Signing() (root **Root, isNew bool) {
	if r.Phase == SignNew || r.Phase == NewOnly {
		return &r.New, true
	}
	return &r.Old, false
}

// Begins says whether nothing was done yet on the way that r is led.
func (r *Rotation) Begins(back bool) bool {
	if back {
		return r.Phase == NewOnly
	}
	return r.Phase == OldOnly
}

// trusting is r, which signs, with what other trusts.
func (r *Root) trusting(other *Root) *Root {
	out := *r
	out.certs = slices.Clone(r.certs)
	for _, c := range other.certs {
		if !slices.ContainsFunc(out.certs, c.Equal) {
			out.certs = append(out.certs, c)
		}
	}
	return &out
}

// Certs are all that are trusted, the one that signs first. Do not modify them.
func (r *Root) Certs() []*x509.Certificate { return slices.Clone(r.certs) }

// Under says whether the bundle is signed by the root that signs now, be it through
// others, and not by one that is just trusted as well. Dates are not looked at.
func (b *Bundle) Under(r *Root) bool {
	opts := x509.VerifyOptions{
		Roots: x509.NewCertPool(), Intermediates: x509.NewCertPool(),
		CurrentTime: b.cert.NotBefore, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	}
	opts.Roots.AddCert(r.top())
	for _, c := range b.chain {
		if !slices.ContainsFunc(b.roots, c.Equal) {
			opts.Intermediates.AddCert(c)
		}
	}
	_, err := b.cert.Verify(opts)
	return err == nil
}

// Trusting is the same CA with the certificates of r as root-cert.pem. Whether a mesh
// can live on it is for [Bundle.Verify].
func (b *Bundle) Trusting(r *Root) *Bundle {
	out := *b
	out.files = map[string][]byte{}
	for name, content := range b.files {
		out.files[name] = content
	}
	out.files[RootCertFile] = r.PEM()
	out.roots = slices.Clone(r.certs)
	return &out
}

// Meets says whether what the bundle signs gets on with all that is in the phase of r: it
// trusts every root that is trusted there, and one of them signs for it. Dates are not
// looked at.
func (r *Rotation) Meets(b *Bundle) bool {
	trusted := r.Root().certs
	return within(trusted, b.roots) && slices.ContainsFunc([]*Root{r.Old, r.New}, func(s *Root) bool {
		return slices.ContainsFunc(trusted, s.top().Equal) && b.Under(s)
	})
}

// Drops says whether the bundle trusts something that r does not.
func (b *Bundle) Drops(r *Root) bool { return !within(b.roots, r.certs) }

// Root is what the bundle trusts, without a key: what cannot be a root of ours too.
func (b *Bundle) Root() *Root { return &Root{certs: slices.Clone(b.roots)} }

// Same says whether r and other trust the same, in any order.
func (r *Root) Same(other *Root) bool { return sameCerts(r.certs, other.certs) }

// Related says whether istiod goes from one to the other without a restart: one has to
// hold all of the other
// (https://github.com/istio/istio/blob/1.31.0/pilot/pkg/bootstrap/istio_ca.go,
// pemBundleHasSubsetRelation).
func (r *Root) Related(other *Root) bool {
	return within(r.certs, other.certs) || within(other.certs, r.certs)
}

// Shorts names all certificates by the beginnings of their fingerprints.
func (r *Root) Shorts() string {
	var names []string
	for _, c := range r.certs {
		names = append(names, Short(fingerprint(c)))
	}
	return strings.Join(names, " and ")
}

// top is the certificate of the root that all that is signed now leads to.
func (r *Root) top() *x509.Certificate {
	if r.anchor != nil {
		return r.anchor
	}
	return r.certs[0]
}

// Alone is just the certificate of the root that all that is signed now leads to.
func (r *Root) Alone() *Root {
	out := *r
	out.certs = []*x509.Certificate{r.top()}
	return &out
}
