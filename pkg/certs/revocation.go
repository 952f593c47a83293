package certs

import (
	"bytes"
	"crypto/x509"
	"slices"
	"time"
)

// revocable checks that a CRL, if there is any, is there for every certificate
// of the chain: without, istiod does not start
// (https://github.com/istio/istio/blob/1.31.0/security/pkg/pki/util/keycertbundle.go, Verify).
func (b *Bundle) revocable() *InputError {
	if len(b.crls) == 0 {
		return nil
	}
	for _, c := range b.chain {
		signed := func(l *x509.RevocationList) bool {
			return bytes.Equal(l.RawIssuer, c.RawSubject) && l.CheckSignatureFrom(c) == nil
		}
		if !slices.ContainsFunc(b.crls, signed) {
			return wrong(CACRLFile, "holds no revocation list signed by %s, which is in %s", subject(c), CertChainFile).hinted(crlHint)
		}
	}
	return nil
}

const crlHint = "put a current revocation list of every CA in the path into " + CACRLFile + ", the root's included, or take the file out of the Secret"

// A list is a revocation list, and what of it decides whether Envoy takes it.
type list struct {
	*x509.RevocationList
	issuer   dn
	ids      keyIDs
	unread   error
	scope    scope
	critical bool // has a critical extension that Envoy does not know
}

// A scope says of which certificates a list speaks, all if it is zero.
type scope struct{ users, cas, other bool }

// covers says whether a list speaks of l.
func (s scope) covers(l link) bool {
	return !s.other && (l.IsCA && !s.users || !l.IsCA && !s.cas)
}

// parseScope reads an issuing distribution point
// (https://www.rfc-editor.org/rfc/rfc5280#section-5.2.5). One that names a place
// would speak of certificates that name the same: what istiod signs names none.
func parseScope(value []byte) (scope, error) {
	var s scope
	fields, err := elements(value)
	for _, f := range fields {
		switch {
		case f.Tag == 1:
			s.users = true
		case f.Tag == 2:
			s.cas = true
		default:
			s.other = true
		}
	}
	s.other = s.other || s.users && s.cas
	return s, err
}

// newList reads l (https://www.rfc-editor.org/rfc/rfc5280#section-5.2).
func newList(l *x509.RevocationList) list {
	out := list{RevocationList: l}
	if out.unread = sameAgain[listShape](l.Raw); out.unread != nil {
		return out
	}
	out.issuer, out.unread = parseDN(l.RawIssuer)
	for _, e := range l.Extensions {
		switch {
		case e.Id.Equal(oidIssuingPoint):
			s, err := parseScope(e.Value)
			if out.scope = s; err != nil {
				out.unread = err
			}
		case e.Id.Equal(oidAuthorityKeyID):
			ids, err := parseAuthority(e.Value)
			if out.ids = ids; err != nil {
				out.unread = err
			}
		case e.Critical:
			out.critical = true
		}
	}
	for _, entry := range l.RevokedCertificateEntries {
		for _, e := range entry.Extensions {
			out.critical = out.critical || e.Critical
		}
	}
	return out
}

// readLists reads all lists of a bundle.
func readLists(crls []*x509.RevocationList) ([]list, *InputError) {
	var lists []list
	for i, l := range crls {
		lists = append(lists, newList(l))
		if err := lists[i].unread; err != nil {
			return nil, wrong(CACRLFile, "list %d cannot be read by Envoy, and with it none: it %w", i+1, err).hinted(crlHint)
		}
	}
	return lists, nil
}

// current says whether now lies within the list's time. A list without an end
// is current for ever.
func (l list) current(now time.Time) bool {
	return !l.ThisUpdate.After(now) && (l.NextUpdate.IsZero() || l.NextUpdate.After(now))
}

// signedList says whether l may sign lists, and its key signed this one.
func (l link) signedList(c *x509.RevocationList) bool {
	_, limited := extension(l.Certificate, oidKeyUsage)
	return (!limited || l.KeyUsage&x509.KeyUsageCRLSign != 0) && l.CheckSignature(c.SignatureAlgorithm, c.RawTBSRevocationList, c.Signature) == nil
}

// rank orders lists as Envoy does before it takes the best, and looks no further.
func (l list) rank(of link, now time.Time) int {
	rank := 0
	for weight, ok := range map[int]bool{4: !l.critical, 2: l.scope.covers(of), 1: l.current(now)} {
		if ok {
			rank += weight
		}
	}
	return rank
}

// judgeRevocation checks that there is a list for every certificate of the path,
// the anchor included, that Envoy accepts, and that none of them is revoked. With
// a CRL, Envoy asks for one of everybody
// (https://github.com/google/boringssl/blob/main/crypto/x509/x509_vfy.cc, check_revocation).
func (p path) judgeRevocation(crls []*x509.RevocationList, now time.Time) *InputError {
	if len(crls) == 0 {
		return nil
	}
	lists, err := readLists(crls)
	if err != nil {
		return err
	}
	all := append([]link{p.leaf}, p.above()...)
	for i, l := range all {
		signer := all[min(i+1, len(all)-1)]
		if i == len(all)-1 && !l.selfIssued() {
			return wrong(CACRLFile, "cannot be used with %s (certificate %d in %s), which is not a root: Envoy would need a revocation list for it that it cannot verify", subject(l.Certificate), l.n, l.file).
				hinted("add the root of its CA to " + RootCertFile + ", or take " + CACRLFile + " out of the Secret")
		}
		if err := judgeLists(lists, l, signer, now); err != nil {
			return err
		}
	}
	return nil
}

// judgeLists says why Envoy could not tell from lists that l, which signer
// signed, is not revoked.
func judgeLists(lists []list, l, signer link, now time.Time) *InputError {
	var best *list
	for _, c := range lists {
		if !c.issuer.equal(l.issuer) || c.ids.contradict(signer.ids, signer.SerialNumber, signer.issuer) {
			continue
		}
		if best == nil || c.rank(l, now) > best.rank(l, now) || c.rank(l, now) == best.rank(l, now) && c.ThisUpdate.After(best.ThisUpdate) {
			best = &c
		}
	}
	by := subject(signer.Certificate)
	bad := func(format string, args ...any) *InputError {
		return wrong(CACRLFile, "the revocation list of %s "+format, append([]any{by}, args...)...).hinted(crlHint)
	}
	switch {
	case best == nil:
		return wrong(CACRLFile, "holds no revocation list of %s that Envoy accepts, and it needs one for every certificate of the path, the root included", by).hinted(crlHint)
	case !best.scope.covers(l):
		return bad("does not speak of all its certificates (it has an issuing distribution point)")
	case !best.current(now) && best.ThisUpdate.After(now):
		return bad("is not valid before %s", best.ThisUpdate.UTC().Format(time.RFC3339))
	case !best.current(now):
		return bad("expired on %s", best.NextUpdate.UTC().Format(time.RFC3339))
	case best.critical:
		return bad("has a critical extension that Envoy does not know, as delta lists have, or an entry has one")
	case !signer.signedList(best.RevocationList):
		return bad("was not signed by its key, or its key usage lacks cRLSign")
	}
	for _, e := range best.RevokedCertificateEntries {
		if l.IsCA && e.SerialNumber.Cmp(l.SerialNumber) == 0 {
			return bad("revokes %s (serial number %x)", subject(l.Certificate), l.SerialNumber).
				hinted("replace the certificate that is revoked: nobody trusts what is below it")
		}
	}
	return nil
}
