package certs

import (
	"crypto/x509"
	"math"
	"slices"
	"time"
)

// A Description is what people want to know of a certificate; none of it is secret.
type Description struct {
	Subject     string    `json:"subject"`
	Issuer      string    `json:"issuer"`
	SignedBy    string    `json:"signedBy,omitempty"` // fingerprint of the root, "" where it is not known
	Algorithm   string    `json:"algorithm"`
	Fingerprint string    `json:"fingerprint"` // SHA-256
	NotBefore   time.Time `json:"notBefore"`
	NotAfter    time.Time `json:"notAfter"`
	Days        int       `json:"days"` // until NotAfter, rounded
	Due         Urgency   `json:"due"`
}

// An Urgency says how soon a certificate has to be replaced.
type Urgency string

// The urgencies.
const (
	NotDue Urgency = "no"
	Soon   Urgency = "soon" // within [SoonDays]
	Urgent Urgency = "urgent"
	Ended  Urgency = "ended"
)

// Days before the end of a certificate from which it is due: Linkerd warns from 60 days
// on, too (https://linkerd.io/2/tasks/generate-certificates/).
const (
	SoonDays   = 60
	UrgentDays = 14
)

// UrgencyOf is how soon what ends at notAfter has to be replaced.
func UrgencyOf(notAfter, now time.Time) Urgency {
	const day = 24 * time.Hour
	switch left := notAfter.Sub(now); {
	case left < 0:
		return Ended
	case left < UrgentDays*day:
		return Urgent
	case left < SoonDays*day:
		return Soon
	}
	return NotDue
}

// describe is what there is to say of c, which one of roots has signed, be it through
// others of the chain.
func describe(c *x509.Certificate, chain, roots []*x509.Certificate, now time.Time) Description {
	d := Description{
		Subject: subject(c), Issuer: printable(c.Issuer.String()), Algorithm: Algorithm(c), Fingerprint: fingerprint(c),
		NotBefore: c.NotBefore.UTC(), NotAfter: c.NotAfter.UTC(), Days: int(math.Round(c.NotAfter.Sub(now).Hours() / 24)), Due: UrgencyOf(c.NotAfter, now),
	}
	for _, root := range roots {
		if (&Root{certs: []*x509.Certificate{root}}).Issued(slices.Concat([]*x509.Certificate{c}, leaving(chain, c))) {
			d.SignedBy = fingerprint(root)
			break
		}
	}
	return d
}

func leaving(chain []*x509.Certificate, c *x509.Certificate) []*x509.Certificate {
	return slices.DeleteFunc(slices.Clone(chain), c.Equal)
}

// Describe is what there is to say of the certificate that signs workloads.
func (b *Bundle) Describe(now time.Time) Description { return describe(b.cert, b.chain, b.roots, now) }

// Describe is what there is to say of all certificates of the root, the one that signs first.
func (r *Root) Describe(now time.Time) []Description {
	out := make([]Description, len(r.certs))
	for i, c := range r.certs {
		out[i] = describe(c, nil, r.certs, now)
	}
	return out
}
