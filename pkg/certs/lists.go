package certs

import (
	"bytes"
	"crypto/x509"
	"encoding/hex"
	"io"
	"maps"
	"slices"
	"time"
)

// With revocation lists in force, the proxies of a cluster ask for one of every CA that
// they meet: its own, those of all other clusters, and the root. Only the root's says
// something; a cluster's CA signs an empty one, with the key in its Secret.

// WithLists is b with the lists that the proxies of its cluster need to trust the
// workloads of peers, and those that b itself signs. A list that is there and does is kept,
// b's before that of the peer itself; others are signed with the peers' keys, until the root
// ends. Lists of CAs that are not among peers stay: clusters that are not reached have such.
func (b *Bundle) WithLists(rand io.Reader, now time.Time, r *Revoked, peers []*Bundle) (*Bundle, error) {
	all := []*x509.RevocationList{r.list}
	rest := slices.DeleteFunc(slices.Clone(b.crls), func(l *x509.RevocationList) bool {
		read := newList(l)
		return read.unread != nil || read.critical || !read.current(now) || bytes.Equal(l.RawIssuer, r.list.RawIssuer)
	})
	for _, p := range append([]*Bundle{b}, peers...) {
		ca := newLink(CACertFile, 1, p.cert)
		good := func(l *x509.RevocationList) bool { return listsBelow([]list{newList(l)}, ca, now) == nil }
		if slices.ContainsFunc(all, good) {
			continue
		}
		found := slices.IndexFunc(slices.Concat(rest, p.crls), good)
		if found >= 0 {
			all = append(all, slices.Concat(rest, p.crls)[found])
			continue
		}
		key, err := p.signer()
		if err != nil {
			return nil, err
		}
		l, err := signList(rand, now, p.cert, key, r.list.NextUpdate, nil)
		if err != nil {
			return nil, err
		}
		all = append(all, l)
	}
	for _, l := range rest {
		replaced := func(other *x509.RevocationList) bool { return bytes.Equal(other.RawIssuer, l.RawIssuer) }
		if !slices.ContainsFunc(all, replaced) {
			all = append(all, l)
		}
	}
	return b.listing(all), nil
}

// Listing says why the proxies of b's cluster would not trust what peers sign, or what b
// signs, or do not know what is revoked. The error names [CACRLFile].
func (b *Bundle) Listing(r *Revoked, peers []*Bundle, now time.Time) error {
	if !slices.ContainsFunc(b.crls, func(l *x509.RevocationList) bool { return bytes.Equal(l.Raw, r.list.Raw) }) {
		return wrong(CACRLFile, "does not hold the revocation list of the root")
	}
	lists, ierr := readLists(b.crls)
	if ierr != nil {
		return ierr
	}
	for _, p := range append([]*Bundle{b}, peers...) {
		if ierr := listsBelow(lists, newLink(CACertFile, 1, p.cert), now); ierr != nil {
			return ierr
		}
	}
	return nil
}

// listsBelow says why lists do not speak well of what ca signs.
func listsBelow(lists []list, ca link, now time.Time) *InputError {
	return judgeLists(lists, link{Certificate: &x509.Certificate{}, issuer: ca.subject}, ca, now)
}

// ListedIn says whether lists speak well of what b signs: proxies that have them, and so
// ask for a list of every CA, may trust it.
func (b *Bundle) ListedIn(lists []*x509.RevocationList, now time.Time) bool {
	read, ierr := readLists(lists)
	return ierr == nil && listsBelow(read, newLink(CACertFile, 1, b.cert), now) == nil
}

// ParseLists reads revocation lists in PEM, as in [CACRLFile]; none where text is empty.
// Errors are [*InputError]s.
func ParseLists(text []byte) ([]*x509.RevocationList, error) {
	if len(bytes.TrimSpace(text)) == 0 {
		return nil, nil
	}
	lists, ierr := revocations(text)
	if ierr != nil {
		return nil, ierr
	}
	return lists, nil
}

// Lists says whether the bundle holds r's list of the root.
func (b *Bundle) Lists(r *Revoked) bool {
	return slices.ContainsFunc(b.crls, func(l *x509.RevocationList) bool { return r.InForce() && bytes.Equal(l.Raw, r.list.Raw) })
}

// Revokes says whether a list in the bundle holds ca.
func (b *Bundle) Revokes(ca RevokedCA) bool {
	return slices.ContainsFunc(b.crls, func(l *x509.RevocationList) bool { return (&Revoked{list: l}).holds(ca) })
}

// WithoutLists is b without [CACRLFile].
func (b *Bundle) WithoutLists() *Bundle { return b.listing(nil) }

// WithoutListsOf is b without the lists that were signed with certain keys ([Bundle.KeyID]).
func (b *Bundle) WithoutListsOf(keys []string) *Bundle {
	return b.listing(slices.DeleteFunc(slices.Clone(b.crls), func(l *x509.RevocationList) bool {
		return slices.Contains(keys, hex.EncodeToString(l.AuthorityKeyId))
	}))
}

// KeyID is the identifier of the CA's key, hexadecimal, which its lists name; "" if it has none.
func (b *Bundle) KeyID() string { return hex.EncodeToString(b.cert.SubjectKeyId) }

// ListsOf is b with the lists in other, as they are.
func (b *Bundle) ListsOf(other *Bundle) *Bundle { return b.listing(other.crls) }

// SameKey says whether b and other are CAs with the same key.
func (b *Bundle) SameKey(other *Bundle) bool {
	return bytes.Equal(b.cert.RawSubjectPublicKeyInfo, other.cert.RawSubjectPublicKeyInfo)
}

func (b *Bundle) listing(lists []*x509.RevocationList) *Bundle {
	out := *b
	out.files, out.crls = maps.Clone(b.files), lists
	delete(out.files, CACRLFile)
	if len(lists) > 0 {
		out.files[CACRLFile] = listPEM(lists...)
	}
	return &out
}

// Accepts says why the proxies of b's cluster would not trust a workload that peer signs,
// by the roots and the lists in b.
func (b *Bundle) Accepts(peer *Bundle, now time.Time, id Identity) error {
	seen := *peer
	seen.roots, seen.crls = b.roots, nil
	key, err := peer.signer()
	if err != nil {
		return err
	}
	workload, err := seen.probe(key, now, &x509.Certificate{})
	if err != nil {
		return err
	}
	p, err := seen.proxies(workload, now, id)
	if err != nil {
		return err
	}
	if ierr := p.judgeRevocation(b.crls, now); ierr != nil {
		return ierr
	}
	return nil
}

// Repeating is the same CA with each root twice in root-cert.pem. That is no other trust,
// but another file: proxies get new certificates at once when it changes
// (https://github.com/istio/istio/blob/1.31.0/security/pkg/nodeagent/cache/secretcache.go,
// UpdateConfigTrustBundle).
func (b *Bundle) Repeating() *Bundle {
	out := *b
	out.files, out.roots = maps.Clone(b.files), slices.Concat(b.roots, b.roots)
	out.files[RootCertFile] = certPEM(out.roots...)
	return &out
}

// Repeats says whether a root is more than once in root-cert.pem.
func (b *Bundle) Repeats() bool {
	for i, c := range b.roots {
		if slices.ContainsFunc(b.roots[:i], c.Equal) {
			return true
		}
	}
	return false
}
