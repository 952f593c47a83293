package certs

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// raw is an edit that adds an extension as it stands, in place of the one that
// x509 would make.
func raw(id asn1.ObjectIdentifier, critical bool, value ...byte) func(*x509.Certificate) {
	return func(c *x509.Certificate) {
		c.ExtraExtensions = append(c.ExtraExtensions, pkix.Extension{Id: id, Critical: critical, Value: value})
	}
}

// der encodes a value.
func der(t testing.TB, v any, params string) []byte {
	t.Helper()
	b, err := asn1.MarshalWithParams(v, params)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// tagged is der with another tag, in a context.
func tagged(t testing.TB, tag int, compound bool, content ...byte) []byte {
	t.Helper()
	return der(t, asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: tag, IsCompound: compound, Bytes: content}, "")
}

// sequence is a SEQUENCE of parts.
func sequence(t testing.TB, parts ...[]byte) []byte {
	t.Helper()
	return der(t, asn1.RawValue{Tag: asn1.TagSequence, IsCompound: true, Bytes: cat(parts...)}, "")
}

// permitting are name constraints that permit one general name.
func permitting(t testing.TB, name []byte) []byte {
	t.Helper()
	return sequence(t, tagged(t, 0, true, sequence(t, name)...))
}

// directory is a general name.
func directory(t testing.TB, name pkix.Name) []byte {
	t.Helper()
	return tagged(t, 4, true, der(t, name.ToRDNSequence(), "")...)
}

// stripped is a CA without one of its extensions, signed again: x509 would put a
// subject key ID into every CA.
func stripped(t testing.TB, a, by authority, id asn1.ObjectIdentifier) authority {
	t.Helper()
	var whole struct {
		TBS       asn1.RawValue
		Algorithm pkix.AlgorithmIdentifier
		Signature asn1.BitString
	}
	if _, err := asn1.Unmarshal(a.cert.Raw, &whole); err != nil {
		t.Fatal(err)
	}
	fields, err := elements(whole.TBS.FullBytes)
	if err != nil {
		t.Fatal(err)
	}
	last := len(fields) - 1
	extensions, err := elements(fields[last].Bytes)
	if err != nil {
		t.Fatal(err)
	}
	var kept, tbs [][]byte
	for _, e := range extensions {
		if !bytes.Contains(e.FullBytes, der(t, id, "")) {
			kept = append(kept, e.FullBytes)
		}
	}
	for _, f := range fields[:last] {
		tbs = append(tbs, f.FullBytes)
	}
	whole.TBS = asn1.RawValue{FullBytes: sequence(t, append(tbs, tagged(t, 3, true, sequence(t, kept...)...))...)}
	digest := sha256.Sum256(whole.TBS.FullBytes)
	signature, err := by.key.Sign(rand.Reader, digest[:], crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	whole.Signature = asn1.BitString{Bytes: signature, BitLength: 8 * len(signature)}
	c, err := x509.ParseCertificate(der(t, whole, ""))
	if err != nil {
		t.Fatal(err)
	}
	return authority{cert: c, key: a.key}
}

// trailing is a certificate with a third time in its validity, which x509 passes
// over. Its signature is that of another.
func trailing(t testing.TB, a authority) authority {
	t.Helper()
	whole, err := elements(a.cert.Raw)
	if err != nil {
		t.Fatal(err)
	}
	fields, err := elements(whole[0].FullBytes)
	if err != nil {
		t.Fatal(err)
	}
	var tbs [][]byte
	for i, f := range fields {
		if i == 4 {
			f.FullBytes = sequence(t, f.Bytes, []byte{5, 0})
		}
		tbs = append(tbs, f.FullBytes)
	}
	c, err := x509.ParseCertificate(sequence(t, sequence(t, tbs...), whole[1].FullBytes, whole[2].FullBytes))
	if err != nil {
		t.Fatal(err)
	}
	return authority{cert: c, key: a.key}
}

// listOf is a revocation list of a, after an edit.
func listOf(t testing.TB, a authority, edit func(*x509.RevocationList)) []byte {
	t.Helper()
	l := &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: noon.Add(-time.Hour), NextUpdate: noon.Add(time.Hour)}
	if edit != nil {
		edit(l)
	}
	der, err := x509.CreateRevocationList(rand.Reader, l, a.cert, a.key)
	if err != nil {
		t.Fatal(err)
	}
	return block("X509 CRL", der)
}

// critical is an edit of a list that adds a critical extension.
func critical(id asn1.ObjectIdentifier, value ...byte) func(*x509.RevocationList) {
	return func(l *x509.RevocationList) {
		l.ExtraExtensions = append(l.ExtraExtensions, pkix.Extension{Id: id, Critical: true, Value: value})
	}
}

// again issues a's certificate once more, with the same key and name.
func again(t testing.TB, a authority, parent *authority, edit func(*x509.Certificate)) authority {
	t.Helper()
	return caWithKey(t, a.cert.Subject.CommonName, parent, a.key, edit)
}

// verdict is the error of a bundle.
func verdict(data map[string][]byte, id Identity) error {
	b, err := ParseBundle(data)
	if err != nil {
		return err
	}
	return b.Verify(nil, noon, id)
}

// What istiod loads, or seems to, and no mesh can live on. Each case was seen to
// break one: with Istio's own code, or with the library that Envoy verifies with.
func TestVerifyRefuses(t *testing.T) {
	root := ca(t, "root", nil, nil)
	other := ca(t, "other", nil, nil)
	good := ca(t, "intermediate", &root, nil)
	data := cacerts(good, cat(good.pem(), root.pem()), root.pem())
	keyed := func(i, r authority) map[string][]byte { return cacerts(i, cat(i.pem(), r.pem()), r.pem()) }
	under := func(edit func(*x509.Certificate)) map[string][]byte {
		r := ca(t, "root", nil, edit)
		return keyed(ca(t, "intermediate", &r, nil), r)
	}
	below := func(edit func(*x509.Certificate)) map[string][]byte {
		return keyed(ca(t, "intermediate", &root, edit), root)
	}
	uris := func(hosts ...string) map[string][]byte {
		return under(func(c *x509.Certificate) { c.PermittedURIDomains = hosts })
	}
	domain := func(name string) Identity {
		return Identity{Cluster: "east-1", Namespace: "istio-system", TrustDomain: name}
	}
	company := directory(t, pkix.Name{Organization: []string{"another.example"}})
	keyID := func(id ...byte) []byte { return sequence(t, tagged(t, 0, false, id...)) }
	serial := sequence(t, tagged(t, 1, true, directory(t, root.cert.Subject)...), tagged(t, 2, false, 42))
	usage := func(ids ...asn1.ObjectIdentifier) func(*x509.Certificate) {
		return raw(oidExtKeyUsage, false, der(t, ids, "")...)
	}
	anyUse, server, code := asn1.ObjectIdentifier{2, 5, 29, 37, 0}, asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 3, 1}, asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 3, 3}
	noUsage := raw(oidKeyUsage, true, 3, 1, 0)
	emptyID := ca(t, "root", nil, raw(oidSubjectKeyID, false, 4, 0))
	expired := func(c *x509.Certificate) { c.NotAfter = noon.Add(-time.Minute) }

	crossed := again(t, good, &other, nil)
	namesake := ca(t, "intermediate", &root, nil)
	predecessor := stripped(t, namesake, root, oidSubjectKeyID)
	oldRoot, newRoot := ca(t, "Root CA", nil, nil), ca(t, "Root CA", nil, nil)
	oldRoot, newRoot = stripped(t, oldRoot, oldRoot, oidSubjectKeyID), stripped(t, newRoot, newRoot, oidSubjectKeyID)
	rotated := ca(t, "intermediate", &newRoot, nil)
	strangers := bytes.Repeat(cat(other.pem()), 400)
	var crowd []byte
	for i := range 70 {
		crowd = append(crowd, ca(t, strings.Repeat("n", 700)+fmt.Sprint(i), &root, nil).pem()...)
	}
	mid := ca(t, "mid", &root, nil)
	anchored := ca(t, "anchored", &mid, nil)
	rootList, goodList := listOf(t, root, nil), listOf(t, good, nil)
	lists := func(parts ...[]byte) map[string][]byte { return with(data, CACRLFile, cat(parts...)) }
	strange := ca(t, "root", nil, nil) // of the same name, with another key

	const (
		inRoot    = "root-cert.pem: certificate 1 (CN=root,O=example.com) "
		inChain   = "cert-chain.pem: certificate 1 (CN=intermediate,O=example.com) "
		rulesOut  = inRoot + "has name constraints that rule out what istiod signs: "
		uri       = `URI "spiffe://%s/ns/default/sa/probe" `
		noLists   = "ca-crl.pem: holds no revocation list of CN=root,O=example.com that Envoy accepts, and it needs one for every certificate of the path, the root included"
		rootsList = "ca-crl.pem: the revocation list of CN=root,O=example.com "
		noTLS     = inChain + "has an extended key usage without TLS servers or clients; mesh workloads are both, and for Envoy anyExtendedKeyUsage does not stand for them"
	)
	tests := map[string]struct {
		data    map[string][]byte
		id      Identity
		wantErr string
	}{
		"D1 one of istiod's names is not permitted": {data: under(func(c *x509.Certificate) { c.PermittedDNSDomains = east.istiod()[:1] }), wantErr: rulesOut + `DNS name "istiod-remote.istio-system.svc" is not permitted by any constraint`},
		"D1 one of istiod's names is excluded":      {data: under(func(c *x509.Certificate) { c.ExcludedDNSDomains = east.istiod()[2:] }), wantErr: rulesOut + `DNS name "istio-pilot.istio-system.svc" is excluded by constraint DNS name "istio-pilot.istio-system.svc"`},
		"D1 by the intermediate itself":             {data: below(func(c *x509.Certificate) { c.PermittedDNSDomains = east.istiod()[:1] }), wantErr: strings.Replace(rulesOut, inRoot, inChain, 1) + `DNS name "istiod-remote.istio-system.svc" is not permitted by any constraint`},
		"D2 a parent of the trust domain":           {data: uris("local"), wantErr: rulesOut + fmt.Sprintf(uri, "cluster.local") + "is not permitted by any constraint"},
		"D2 an empty URI":                           {data: under(raw(oidNameConstraints, true, permitting(t, tagged(t, 6, false))...)), wantErr: rulesOut + fmt.Sprintf(uri, "cluster.local") + "is not permitted by any constraint"},
		"D2 a trust domain with an underscore":      {data: uris("under_score"), id: domain("under_score"), wantErr: rulesOut + fmt.Sprintf(uri, "under_score") + `cannot be compared with its constraints: "under_score" is not the name of a host`},
		"D2 a trust domain that ends in a number":   {data: uris("x.1"), id: domain("x.1"), wantErr: rulesOut + fmt.Sprintf(uri, "x.1") + `cannot be compared with its constraints: "x.1" is not the name of a host`},
		"D3 a directory that misses the subject":    {data: under(raw(oidNameConstraints, false, permitting(t, company)...)), wantErr: inRoot + "has name constraints that rule out CN=intermediate,O=example.com: its subject is not permitted by any constraint"},
		"D4 another key ID":                         {data: below(raw(oidAuthorityKeyID, false, keyID(1, 2, 3)...)), wantErr: inChain + "has an authority key identifier that is not that of CN=root,O=example.com (certificate 2 in cert-chain.pem), so Envoy does not take that one for its issuer"},
		"D4 another serial number":                  {data: below(raw(oidAuthorityKeyID, false, serial...)), wantErr: inChain + "has an authority key identifier that is not that of CN=root,O=example.com (certificate 2 in cert-chain.pem), so Envoy does not take that one for its issuer"},
		"D4 the root's key ID is empty":             {data: keyed(ca(t, "intermediate", &emptyID, raw(oidAuthorityKeyID, false, keyID(1)...)), emptyID), wantErr: inChain + "has an authority key identifier that is not that of CN=root,O=example.com (certificate 2 in cert-chain.pem), so Envoy does not take that one for its issuer"},
		"D5 for any use":                            {data: below(usage(anyUse)), wantErr: noTLS},
		"D5 for any use and code":                   {data: below(usage(anyUse, code)), wantErr: noTLS},
		"D5 for any use and servers":                {data: below(usage(anyUse, server)), wantErr: noTLS},
		"D5 for no use":                             {data: below(raw(oidExtKeyUsage, false, 0x30, 0)), wantErr: noTLS},
		"D6 the root's key usage has no bit":        {data: under(noUsage), wantErr: "cert-chain.pem: certificate 2 (CN=root,O=example.com) must not sign certificates (its key usage lacks keyCertSign)"},
		"D6 the tier's key usage has no bit":        {data: below(noUsage), wantErr: "ca-cert.pem: must not sign certificates (its key usage lacks keyCertSign)"},
		"D7 critical CRL distribution points":       {data: below(raw(oidCRLPoints, true, 0x30, 0)), wantErr: inChain + "has a critical extension that Envoy does not know (2.5.29.31), so it refuses everything below"},
		"D8 an old issue of the same key first":     {data: with(data, CertChainFile, cat(again(t, good, &root, expired).pem(), good.pem(), root.pem())), wantErr: inChain + "expired on 2026-11-21, so istiod does not start: it takes the first for the one that ends the life of all"},
		"D8 a stranger that has expired first":      {data: with(data, CertChainFile, cat(ca(t, "stranger", nil, expired).pem(), good.pem())), wantErr: "cert-chain.pem: certificate 1 (CN=stranger,O=example.com) expired on 2026-11-21, so istiod does not start: it takes the first for the one that ends the life of all"},
		"D9 signed by another root first":           {data: with(data, CertChainFile, cat(crossed.pem(), good.pem(), root.pem())), wantErr: inChain + "was not signed by any certificate in cert-chain.pem or root-cert.pem"},
		"D9 a predecessor without key ID first":     {data: with(data, CertChainFile, cat(predecessor.pem(), good.pem(), root.pem())), wantErr: inChain + "has the name of the CA that signed what istiod signs, but did not sign it; Envoy takes the first that has the name, and looks no further"},
		"D10 another root of the name first":        {data: cacerts(rotated, rotated.pem(), cat(oldRoot.pem(), newRoot.pem())), wantErr: "root-cert.pem: certificate 1 (CN=Root CA,O=example.com) has the name of the CA that signed CN=intermediate,O=example.com, but did not sign it; Envoy takes the first that has the name, and looks no further"},
		"D10 the same root expired first":           {data: with(data, RootCertFile, cat(again(t, root, nil, expired).pem(), root.pem())), wantErr: inRoot + "expired on 2026-11-21, and Envoy looks for no other of its name"},
		"D11 no line break after tls.crt":           {data: map[string][]byte{"tls.crt": bytes.TrimSpace(good.pem()), "tls.key": good.pkcs8(), "ca.crt": root.pem()}, wantErr: "tls.crt: does not end with a line break, so istiod cannot read ca.crt, which it puts behind it"},
		"D12 expired":                               {data: lists(goodList, listOf(t, root, func(l *x509.RevocationList) { l.NextUpdate = noon.Add(-time.Minute) })), wantErr: rootsList + "expired on 2026-11-21T11:59:00Z"},
		"D12 not yet valid":                         {data: lists(goodList, listOf(t, root, func(l *x509.RevocationList) { l.ThisUpdate = noon.Add(time.Minute) })), wantErr: rootsList + "is not valid before 2026-11-21T12:01:00Z"},
		"D12 delta":                                 {data: lists(goodList, listOf(t, root, critical(asn1.ObjectIdentifier{2, 5, 29, 27}, 2, 1, 1))), wantErr: rootsList + "has a critical extension that Envoy does not know, as delta lists have, or an entry has one"},
		"D12 unknown critical extension":            {data: lists(goodList, listOf(t, root, critical(asn1.ObjectIdentifier{1, 2, 3}, 5, 0))), wantErr: rootsList + "has a critical extension that Envoy does not know, as delta lists have, or an entry has one"},
		"D12 for CAs only":                          {data: lists(rootList, listOf(t, good, critical(oidIssuingPoint, sequence(t, tagged(t, 2, false, 0xff))...))), wantErr: "ca-crl.pem: the revocation list of CN=intermediate,O=example.com does not speak of all its certificates (it has an issuing distribution point)"},
		"D12 labelled CRL":                          {data: lists(bytes.ReplaceAll(cat(goodList, rootList), []byte("X509 CRL"), []byte("CRL"))), wantErr: "ca-crl.pem: PEM block 1 is a block CRL, and Envoy skips all but X509 CRL"},
		"D12 of another key ID":                     {data: with(data, CACRLFile, cat(goodList, listOf(t, authority{cert: withKeyID(root.cert), key: root.key}, nil))), wantErr: noLists},
		"D12 signed by a namesake too":              {data: lists(goodList, rootList, listOf(t, authority{cert: sameKeyID(strange.cert, root.cert), key: strange.key}, func(l *x509.RevocationList) { l.ThisUpdate = noon.Add(-time.Minute) })), wantErr: rootsList + "was not signed by its key, or its key usage lacks cRLSign"},
		"D12 the issuing CA is revoked": {data: lists(goodList, listOf(t, root, func(l *x509.RevocationList) {
			l.RevokedCertificateEntries = []x509.RevocationListEntry{{SerialNumber: good.cert.SerialNumber, RevocationTime: noon}}
		})), wantErr: rootsList + fmt.Sprintf("revokes CN=intermediate,O=example.com (serial number %x)", good.cert.SerialNumber)},
		"D12 none of the root, which is not in the chain":    {data: with(with(data, CertChainFile, good.pem()), CACRLFile, goodList), wantErr: noLists},
		"D12 the anchor is a tier":                           {data: with(cacerts(anchored, anchored.pem(), mid.pem()), CACRLFile, cat(listOf(t, anchored, nil), listOf(t, mid, nil))), wantErr: "ca-crl.pem: cannot be used with CN=mid,O=example.com (certificate 1 in root-cert.pem), which is not a root: Envoy would need a revocation list for it that it cannot verify"},
		"a certificate with something behind its last field": {data: with(data, CertChainFile, cat(good.pem(), trailing(t, other).pem())), wantErr: "cert-chain.pem: certificate 2 (CN=other,O=example.com) cannot be read by Envoy: it is not encoded as it must be"},
		"D13 400 strangers in the chain":                     {data: with(data, CertChainFile, cat(good.pem(), strangers)), wantErr: fmt.Sprintf("cert-chain.pem: holds 401 certificates of %d KiB, of which Envoy reads no more than 90 KiB", (len(good.cert.Raw)+400*len(other.cert.Raw))>>10)},
		"D13 too many names of roots":                        {data: with(data, RootCertFile, cat(root.pem(), crowd)), wantErr: "root-cert.pem: holds 71 certificates with names of 51 KiB, more than the 48 KiB that a TLS server can list"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if tt.id == (Identity{}) {
				tt.id = east
			}
			err := verdict(tt.data, tt.id)
			if diff := cmp.Diff(tt.wantErr, errText(err)); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
			if e, ok := errors.AsType[*InputError](err); !ok || e.Hint == "" && e.File != CACertFile {
				t.Errorf("no word on what to do: %#v", err)
			}
		})
	}
}

// withKeyID is a certificate as it would be with another subject key ID.
func withKeyID(c *x509.Certificate) *x509.Certificate {
	other := *c
	other.SubjectKeyId = []byte{1, 2, 3}
	return &other
}

// sameKeyID is c with the subject key ID of another.
func sameKeyID(c, as *x509.Certificate) *x509.Certificate {
	other := *c
	other.SubjectKeyId = as.SubjectKeyId
	return &other
}

// What a mesh can live on although it looks wrong, or nearly is.
func TestVerifyAccepts(t *testing.T) {
	root, other := ca(t, "root", nil, nil), ca(t, "other", nil, nil)
	good := ca(t, "intermediate", &root, nil)
	data := cacerts(good, cat(good.pem(), root.pem()), root.pem())
	older := again(t, good, &root, nil)
	crossed := again(t, good, &other, nil)
	oldRoot, newRoot := ca(t, "Root CA", nil, nil), ca(t, "Root CA", nil, nil)
	rotated := ca(t, "intermediate", &newRoot, nil)
	company := ca(t, "company", nil, nil)
	ours := ca(t, "ours", &company, func(c *x509.Certificate) { c.MaxPathLen = 1 })
	issuing := ca(t, "issuing", &ours, func(c *x509.Certificate) { c.MaxPathLen, c.MaxPathLenZero = 0, true })
	three := cacerts(issuing, cat(issuing.pem(), ours.pem()), company.pem())
	threeLists := cat(listOf(t, company, nil), listOf(t, ours, nil), listOf(t, issuing, nil))
	constrained := ca(t, "root", nil, raw(oidNameConstraints, false, permitting(t, directory(t, pkix.Name{Organization: []string{"EXAMPLE.com"}}))...))
	belowIt := caWithKey(t, "", &constrained, good.key, func(c *x509.Certificate) {
		c.Subject = pkix.Name{Organization: []string{"example.com"}, CommonName: "x"}
	})

	tests := map[string]map[string][]byte{
		"A1 reissued, the chain has the old":       with(data, CertChainFile, cat(older.pem(), root.pem())),
		"signed by another root, behind":           with(data, CertChainFile, cat(good.pem(), crossed.pem(), root.pem())),
		"roots of one name that key IDs tell":      cacerts(rotated, rotated.pem(), cat(oldRoot.pem(), newRoot.pem())),
		"chain of three":                           three,
		"chain of three, the company's root in it": with(three, CertChainFile, cat(issuing.pem(), ours.pem(), company.pem())),
		"chain of three, with CRLs":                with(three, CACRLFile, threeLists),
		"chain of three, two roots":                with(three, RootCertFile, cat(other.pem(), company.pem())),
		"a CRL of the root for CAs only":           with(data, CACRLFile, cat(listOf(t, good, nil), listOf(t, root, critical(oidIssuingPoint, sequence(t, tagged(t, 2, false, 0xff))...)))),
		"CRLs, and one that has expired":           with(data, CACRLFile, cat(listOf(t, root, func(l *x509.RevocationList) { l.NextUpdate = noon.Add(-time.Minute) }), listOf(t, root, nil), listOf(t, good, nil))),
		"a directory that fits, in other letters":  cacerts(belowIt, cat(belowIt.pem(), constrained.pem()), constrained.pem()),
		"the root itself signs workloads":          cacerts(root, nil, root.pem()),
		"for servers and clients": func() map[string][]byte {
			c := ca(t, "intermediate", &root, func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{1, 2, 0} })
			return cacerts(c, c.pem(), root.pem())
		}(),
	}
	for name, data := range tests {
		t.Run(name, func(t *testing.T) {
			if err := verdict(data, east); err != nil {
				t.Error(err)
			}
		})
	}
}

// What is refused before anything is minted, and what can be.
func TestRootsThatCannotMint(t *testing.T) {
	key := ca(t, "root", nil, nil)
	root := func(edit func(*x509.Certificate)) authority { return again(t, key, nil, edit) }
	clients := root(func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} })
	var crowd []byte
	for i := range 70 {
		crowd = append(crowd, ca(t, strings.Repeat("n", 700)+fmt.Sprint(i), &key, nil).pem()...)
	}
	misses := permitting(t, directory(t, pkix.Name{Organization: []string{"another.example"}}))
	tests := map[string]struct {
		pem                 []byte
		id                  Identity
		wantParse, wantMint string
		permits             bool
	}{
		"D1":  {pem: root(func(c *x509.Certificate) { c.PermittedDNSDomains = east.istiod()[:1] }).pem(), wantMint: `DNS name "istiod-remote.istio-system.svc" is not permitted by any constraint`},
		"D2":  {pem: root(func(c *x509.Certificate) { c.PermittedURIDomains = []string{"local"} }).pem(), wantMint: `URI "spiffe://cluster.local/ns/default/sa/probe" is not permitted by any constraint`},
		"D3":  {pem: root(raw(oidNameConstraints, false, misses...)).pem(), wantMint: "its subject is not permitted by any constraint"},
		"D6":  {pem: root(raw(oidKeyUsage, true, 3, 1, 0)).pem(), wantParse: "root-cert.pem: certificate 1 (CN=root,O=example.com): must not sign certificates (its key usage lacks keyCertSign)"},
		"D13": {pem: cat(key.pem(), crowd), wantParse: "root-cert.pem: holds 71 certificates with names of 51 KiB, more than the 48 KiB that a TLS server can list"},
		"A2 for clients, and a copy that is for all": {pem: cat(clients.pem(), key.pem()), permits: true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r, err := ParseRoot(tt.pem, secret(key.pkcs8()))
			if diff := cmp.Diff(tt.wantParse, errText(err)); diff != "" {
				t.Fatalf("ParseRoot (-want +got):\n%s", diff)
			}
			if err != nil {
				return
			}
			if diff := cmp.Diff(tt.wantMint, errText(r.Permits(noon, east))); diff != "" {
				t.Errorf("Permits (-want +got):\n%s", diff)
			}
			b, err := r.Intermediate(rand.Reader, noon, east)
			if (b != nil) != tt.permits || !strings.HasSuffix(errText(err), tt.wantMint) {
				t.Errorf("Intermediate: %v", err)
			}
		})
	}
}
