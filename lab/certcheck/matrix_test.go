package certcheck

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"maps"
	"testing"
	"time"

	"github.com/setup-mesh/setup-mesh/pkg/certs"
)

// A bundle is a case of the matrix.
type bundle struct {
	name string
	data map[string][]byte
	id   certs.Identity
}

// TestMatrix compares what was thought of: kinds of keys, orders of chains and
// roots, extensions of every tier, name constraints, CRLs.
func TestMatrix(t *testing.T) {
	m := newMesh(t)
	for _, make := range []func(testing.TB) []bundle{byKeys, byOrder, byTiers, byExtensions, byConstraints, byLists, byForm} {
		for _, b := range make(t) {
			if b.id == (certs.Identity{}) {
				b.id = east
			}
			t.Run(b.name, func(t *testing.T) { m.compare(t, b.data, b.id) })
		}
	}
	m.report(t)
}

// byKeys has kinds of keys.
func byKeys(t testing.TB) (all []bundle) {
	keys := map[string]func() crypto.Signer{
		"Ed25519": func() crypto.Signer { _, k, _ := ed25519.GenerateKey(rand.Reader); return k },
		"RSA":     func() crypto.Signer { k, _ := rsa.GenerateKey(rand.Reader, 2048); return k },
	}
	for _, c := range []elliptic.Curve{elliptic.P224(), elliptic.P256(), elliptic.P384(), elliptic.P521()} {
		keys[c.Params().Name] = func() crypto.Signer { k, _ := ecdsa.GenerateKey(c, rand.Reader); return k }
	}
	for above, rootKey := range keys {
		root := made(t, "root", nil, rootKey())
		for below, key := range keys {
			c := made(t, "intermediate", &root, key())
			all = append(all, bundle{name: "keys/" + above + " and " + below, data: cacerts(t, c, text(c.Raw, root.Raw), text(root.Raw))})
		}
	}
	return all
}

func expired(c *x509.Certificate) { c.NotAfter = now().Add(-time.Minute) }
func early(c *x509.Certificate)   { c.NotBefore = now().Add(time.Hour) }

// byOrder has orders of the certificates in two files.
func byOrder(t testing.TB) (all []bundle) {
	root, other := made(t, "root", nil, p256(t)), made(t, "other", nil, p256(t))
	c := made(t, "intermediate", &root, p256(t))
	stranger := made(t, "stranger", &other, p256(t))
	chains := map[string][][]byte{
		"issuing": {c.Raw}, "issuing, root": {c.Raw, root.Raw}, "root, issuing": {root.Raw, c.Raw}, "nothing": {}, "root": {root.Raw},
		"issuing, stranger": {c.Raw, stranger.Raw}, "stranger, issuing": {stranger.Raw, c.Raw}, "twice": {c.Raw, c.Raw},
		"older":                 {made(t, "intermediate", &root, c.key).Raw, root.Raw},
		"expired, issuing":      {made(t, "intermediate", &root, c.key, expired).Raw, c.Raw},
		"issuing, expired":      {c.Raw, made(t, "intermediate", &root, c.key, expired).Raw},
		"early, issuing":        {made(t, "intermediate", &root, c.key, early).Raw, c.Raw},
		"crossed, issuing":      {made(t, "intermediate", &other, c.key).Raw, c.Raw},
		"issuing, crossed":      {c.Raw, made(t, "intermediate", &other, c.key).Raw},
		"namesake, issuing":     {made(t, "intermediate", &root, p256(t)).Raw, c.Raw},
		"issuing, crossed root": {c.Raw, made(t, "root", &other, root.key).Raw},
		"crossed root, issuing": {made(t, "root", &other, root.key).Raw, c.Raw},
	}
	for _, n := range []int{50, 150, 250, 400} {
		many := [][]byte{c.Raw}
		for range n {
			many = append(many, stranger.Raw)
		}
		chains[string(rune('0'+n/50))+" times fifty strangers"] = many
	}
	roots := map[string][][]byte{
		"root": {root.Raw}, "other, root": {other.Raw, root.Raw}, "root, other": {root.Raw, other.Raw}, "root twice": {root.Raw, root.Raw}, "other": {other.Raw},
		"expired, root":  {made(t, "root", nil, root.key, expired).Raw, root.Raw},
		"root, expired":  {root.Raw, made(t, "root", nil, root.key, expired).Raw},
		"namesake, root": {made(t, "root", nil, p256(t)).Raw, root.Raw},
		"root, namesake": {root.Raw, made(t, "root", nil, p256(t)).Raw},
		"crossed":        {made(t, "root", &other, root.key).Raw},
		"crossed, other": {made(t, "root", &other, root.key).Raw, other.Raw},
		"issuing":        {c.Raw},
		"issuing, root":  {c.Raw, root.Raw},
	}
	for chain, chained := range chains {
		for trust, trusted := range roots {
			all = append(all, bundle{name: "order/" + chain + " below " + trust, data: cacerts(t, c, text(chained...), text(trusted...))})
		}
	}
	return all
}

func pathlen(n int) edit {
	return func(c *x509.Certificate) { c.MaxPathLen, c.MaxPathLenZero = n, n == 0 }
}

// byTiers has chains of three and four.
func byTiers(t testing.TB) (all []bundle) {
	for top := -1; top < 3; top++ {
		for between := -1; between < 2; between++ {
			root := made(t, "company", nil, p256(t), pathlen(top))
			mid := made(t, "mesh", &root, p256(t), pathlen(between))
			c := made(t, "cluster", &mid, p256(t), pathlen(0))
			deep := made(t, "deep", &c, p256(t))
			name := "tiers/" + string(rune('1'+top)) + string(rune('1'+between)) + " "
			all = append(all,
				bundle{name: name + "three", data: cacerts(t, c, text(c.Raw, mid.Raw, root.Raw), text(root.Raw))},
				bundle{name: name + "three, without the root", data: cacerts(t, c, text(c.Raw, mid.Raw), text(root.Raw))},
				bundle{name: name + "three, out of order", data: cacerts(t, c, text(c.Raw, root.Raw, mid.Raw), text(root.Raw))},
				bundle{name: name + "a tier is missing", data: cacerts(t, c, text(c.Raw, root.Raw), text(root.Raw))},
				bundle{name: name + "anchored below", data: cacerts(t, c, text(c.Raw), text(mid.Raw))},
				bundle{name: name + "anchored at both", data: cacerts(t, c, text(c.Raw), text(mid.Raw, root.Raw))},
				bundle{name: name + "four", data: cacerts(t, deep, text(deep.Raw, c.Raw, mid.Raw), text(root.Raw))},
			)
		}
	}
	return all
}

// byExtensions has edits of each tier.
func byExtensions(t testing.TB) (all []bundle) {
	for name, change := range edits(t) {
		for tier := range 3 {
			at := [3]edit{}
			at[tier] = change
			root := made(t, "company", nil, p256(t), at[0])
			mid := made(t, "mesh", &root, p256(t), at[1])
			c := made(t, "cluster", &mid, p256(t), at[2])
			all = append(all, bundle{name: "extensions/" + name + " in tier " + string(rune('1'+tier)), data: cacerts(t, c, text(c.Raw, mid.Raw), text(root.Raw))})
		}
	}
	return all
}

// edits are changes of one certificate.
func edits(t testing.TB) map[string]edit {
	usage := func(ids ...x509.ExtKeyUsage) edit { return func(c *x509.Certificate) { c.ExtKeyUsage = ids } }
	key := func(u x509.KeyUsage) edit { return func(c *x509.Certificate) { c.KeyUsage = u } }
	id := func(last ...int) asn1.ObjectIdentifier { return append(asn1.ObjectIdentifier{2, 5, 29}, last...) }
	all := map[string]edit{
		"nothing": nil, "expired": expired, "early": early, "pathlen 0": pathlen(0), "pathlen 1": pathlen(1), "pathlen 5": pathlen(5),
		"no CA": func(c *x509.Certificate) { c.IsCA = false }, "no constraints": func(c *x509.Certificate) { c.BasicConstraintsValid, c.IsCA = false, false },
		"no key usage": key(0), "signs certificates only": key(x509.KeyUsageCertSign), "signs CRLs only": key(x509.KeyUsageCRLSign),
		"key usage without a bit": raw(id(15), true, 3, 1, 0), "not critical, without a bit": raw(id(15), false, 3, 2, 7, 0),
		"for servers": usage(1), "for clients": usage(2), "for both": usage(1, 2), "for code": usage(3), "for any": usage(0), "for any and code": usage(0, 3),
		"for any and servers": usage(0, 1), "for any and both": usage(0, 1, 2), "for nothing": raw(id(37), false, 0x30, 0),
		"no use that is known":     raw(id(37), false, seq(0x30, []byte{6, 2, 42, 3})...),
		"another authority key ID": raw(id(35), false, seq(0x30, []byte{0x80, 3, 1, 2, 3})...), "no authority key ID": raw(id(35), false, 0x30, 0),
		"an empty authority key ID": raw(id(35), false, 0x30, 2, 0x80, 0),
		"another authority serial":  raw(id(35), false, seq(0x30, seq(0xa1, seq(0xa4, seq(0x30))), []byte{0x82, 1, 5})...),
		"an empty key ID":           raw(id(14), false, 4, 0), "another key ID": func(c *x509.Certificate) { c.SubjectKeyId = []byte{1, 2, 3, 4} },
		"CRL points":              func(c *x509.Certificate) { c.CRLDistributionPoints = []string{"http://crl.example.com/a"} },
		"critical CRL points":     raw(id(31), true, seq(0x30, seq(0x30, seq(0xa0, seq(0xa0, seq(0x86, []byte("http://a/b"))))))...),
		"policies":                func(c *x509.Certificate) { c.Policies = []x509.OID{mustOID(t, 2, 5, 29, 32, 0)} },
		"an explicit policy":      raw(id(36), true, 0x30, 3, 0x80, 1, 0),
		"an explicit policy in 5": raw(id(36), true, 0x30, 3, 0x80, 1, 5),
		"inhibit any policy":      raw(id(54), true, 2, 1, 0),
		"unknown":                 raw(asn1.ObjectIdentifier{1, 2, 3}, false, 5, 0),
		"unknown, critical":       raw(asn1.ObjectIdentifier{1, 2, 3}, true, 5, 0),
		"names": func(c *x509.Certificate) {
			c.DNSNames, c.EmailAddresses = []string{"istiod.istio-system.svc"}, []string{"a@example.com"}
		},
		"an address in the name": func(c *x509.Certificate) {
			c.Subject.ExtraNames = []pkix.AttributeTypeAndValue{{Type: asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 1}, Value: "a@example.com"}}
		},
		"a long name":     func(c *x509.Certificate) { c.Subject.CommonName = string(bytes.Repeat([]byte("n"), 3000)) },
		"an empty name":   func(c *x509.Certificate) { c.Subject = pkix.Name{} },
		"the root's name": func(c *x509.Certificate) { c.Subject.CommonName = "company" },
		"long-lived":      func(c *x509.Certificate) { c.NotAfter = now().AddDate(60, 0, 0) },
	}
	return all
}

func mustOID(t testing.TB, parts ...uint64) x509.OID {
	t.Helper()
	id, err := x509.OIDFromInts(parts)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// constraintsOf are name constraints, by what they are.
func constraintsOf() map[string][]byte {
	list := func(tag byte, names ...[]byte) []byte {
		var trees [][]byte
		for _, n := range names {
			trees = append(trees, seq(0x30, n))
		}
		return seq(tag, trees...)
	}
	names := map[string][]byte{"any address": seq(0x81), "address": seq(0x81, []byte("example.com")), "IP": seq(0x87, []byte{10, 0, 0, 0, 255, 0, 0, 0}), "registered ID": seq(0x88, []byte{42, 3})}
	for _, s := range []string{"", "svc", ".svc", "istiod.istio-system.svc", "istio-system.svc", ".istio-system.svc", "ISTIO-system.SVC", "example.com"} {
		names["DNS "+s] = seq(0x82, []byte(s))
	}
	for _, s := range []string{"", "local", ".local", "cluster.local", ".cluster.local", "CLUSTER.local", "example.com", "under_score", "x.1"} {
		names["URI "+s] = seq(0x86, []byte(s))
	}
	for s, organization := range map[string]string{"": "example.com", " in capitals": "EXAMPLE.COM", " with spaces": "  example.com ", " of another": "another.example"} {
		rdn, _ := asn1.Marshal(pkix.Name{Organization: []string{organization}}.ToRDNSequence())
		names["directory"+s] = seq(0xa4, rdn)
	}
	names["the empty directory"] = seq(0xa4, seq(0x30))
	all := map[string][]byte{"none at all": seq(0x30), "bounded": seq(0x30, seq(0xa0, seq(0x30, names["DNS svc"], []byte{0x80, 1, 0})))}
	for name, n := range names {
		all["permit "+name] = seq(0x30, list(0xa0, n))
		all["exclude "+name] = seq(0x30, list(0xa1, n))
	}
	all["permit a few"] = seq(0x30, list(0xa0, names["DNS svc"], names["URI cluster.local"], names["directory"]), list(0xa1, names["DNS example.com"]))
	return all
}

// byConstraints has name constraints of the root and of a tier.
func byConstraints(t testing.TB) (all []bundle) {
	for name, value := range constraintsOf() {
		for _, critical := range []bool{false, true} {
			limits := raw(asn1.ObjectIdentifier{2, 5, 29, 30}, critical, value...)
			for _, domain := range []string{"cluster.local", "under_score", "x.1"} {
				id := east
				id.TrustDomain = domain
				root, err := issue("root", nil, p256(t), limits)
				if err != nil {
					continue // x509 does not read it, and with it neither istiod nor we
				}
				c := made(t, "cluster", &root, p256(t), edits(t)["names"])
				plain := made(t, "root", nil, p256(t))
				limited := made(t, "cluster", &plain, p256(t), limits)
				suffix := map[bool]string{true: ", critical", false: ""}[critical] + ", for " + domain
				all = append(all,
					bundle{"constraints/" + name + " by the root" + suffix, cacerts(t, c, text(c.Raw), text(root.Raw)), id},
					bundle{"constraints/" + name + " by a tier" + suffix, cacerts(t, limited, text(limited.Raw), text(plain.Raw)), id})
			}
		}
	}
	return all
}

// listEdits are changes of a CRL.
func listEdits(serial *x509.Certificate) map[string]func(*x509.RevocationList) {
	extra := func(critical bool, value []byte, id ...int) func(*x509.RevocationList) {
		return func(l *x509.RevocationList) {
			l.ExtraExtensions = append(l.ExtraExtensions, pkix.Extension{Id: id, Critical: critical, Value: value})
		}
	}
	return map[string]func(*x509.RevocationList){
		"usual": nil,
		"expired": func(l *x509.RevocationList) {
			l.ThisUpdate, l.NextUpdate = now().Add(-2*time.Hour), now().Add(-time.Hour)
		},
		"early":       func(l *x509.RevocationList) { l.ThisUpdate = now().Add(time.Minute) },
		"delta":       extra(true, []byte{2, 1, 1}, 2, 5, 29, 27),
		"unknown":     extra(false, []byte{5, 0}, 1, 2, 3),
		"critical":    extra(true, []byte{5, 0}, 1, 2, 3),
		"only CAs":    extra(true, seq(0x30, []byte{0x82, 1, 0xff}), 2, 5, 29, 28),
		"only users":  extra(true, seq(0x30, []byte{0x81, 1, 0xff}), 2, 5, 29, 28),
		"indirect":    extra(true, seq(0x30, []byte{0x84, 1, 0xff}), 2, 5, 29, 28),
		"for a point": extra(true, seq(0x30, seq(0xa0, seq(0xa0, seq(0x86, []byte("http://a/b"))))), 2, 5, 29, 28),
		"revoking": func(l *x509.RevocationList) {
			l.RevokedCertificateEntries = []x509.RevocationListEntry{{SerialNumber: serial.SerialNumber, RevocationTime: now()}}
		},
		"revoking another": func(l *x509.RevocationList) {
			l.RevokedCertificateEntries = []x509.RevocationListEntry{{SerialNumber: l.Number, RevocationTime: now()}}
		},
		"with a critical entry": func(l *x509.RevocationList) {
			l.RevokedCertificateEntries = []x509.RevocationListEntry{{SerialNumber: l.Number, RevocationTime: now(), ExtraExtensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 2, 3}, Critical: true, Value: []byte{5, 0}}}}}
		},
	}
}

// byLists has CRLs.
func byLists(t testing.TB) (all []bundle) {
	root, other := made(t, "root", nil, p256(t)), made(t, "other", nil, p256(t))
	namesake := authority{withKeyID(made(t, "root", nil, p256(t)).Certificate, root.SubjectKeyId), nil}
	c := made(t, "intermediate", &root, p256(t))
	mid := made(t, "mid", &root, p256(t))
	deep := made(t, "deep", &mid, p256(t))
	crlless := made(t, "crlless", &root, p256(t), edits(t)["signs certificates only"])
	namesake.key = p256(t)
	chains := map[string][]byte{"": text(c.Raw, root.Raw), ", without the root": text(c.Raw)}
	for name, edit := range listEdits(c.Certificate) {
		for without, chain := range chains {
			lists := func(what string, lists ...[]byte) {
				all = append(all, bundle{name: "lists/" + name + what + without, data: cacerts(t, c, chain, text(root.Raw), lists...)})
			}
			edited, usual := crl(t, root, edit), crl(t, root, nil)
			lists(" of the root", crl(t, c, nil), edited)
			lists(" of the issuing CA", crl(t, c, edit), usual)
			lists(" of the root and a good one", crl(t, c, nil), edited, usual)
			lists(" of the root behind a good one", crl(t, c, nil), usual, edited)
			lists(" of the root alone", edited)
			lists(" of the issuing CA alone", crl(t, c, edit))
			lists(" of another too", crl(t, c, nil), usual, crl(t, other, edit))
			lists(" of a namesake too", crl(t, c, nil), usual, crl(t, authority{withKeyID(root.Certificate, []byte{9}), root.key}, edit))
		}
	}
	three := [][]byte{crl(t, root, nil), crl(t, mid, nil), crl(t, deep, nil)}
	labelled := bytes.ReplaceAll(bytes.Join(three, nil), []byte("X509 CRL"), []byte("CRL"))
	return append(all,
		bundle{name: "lists/three tiers", data: cacerts(t, deep, text(deep.Raw, mid.Raw), text(root.Raw), three...)},
		bundle{name: "lists/three tiers, one without", data: cacerts(t, deep, text(deep.Raw, mid.Raw), text(root.Raw), three[0], three[2])},
		bundle{name: "lists/three tiers, another label", data: cacerts(t, deep, text(deep.Raw, mid.Raw), text(root.Raw), labelled)},
		bundle{name: "lists/the anchor is a tier", data: cacerts(t, deep, text(deep.Raw), text(mid.Raw), three...)},
		bundle{name: "lists/no cRLSign", data: cacerts(t, crlless, text(crlless.Raw), text(root.Raw), crl(t, root, nil), crl(t, crlless, nil))},
		bundle{name: "lists/empty", data: cacerts(t, c, text(c.Raw), text(root.Raw), []byte{})},
	)
}

func withKeyID(c *x509.Certificate, id []byte) *x509.Certificate {
	other := *c
	other.SubjectKeyId = id
	return &other
}

// byForm has files that are written in another way.
func byForm(t testing.TB) (all []bundle) {
	root := made(t, "root", nil, p256(t))
	c := made(t, "intermediate", &root, p256(t))
	data := cacerts(t, c, text(c.Raw, root.Raw), text(root.Raw))
	crlf := func(b []byte) []byte { return bytes.ReplaceAll(b, []byte("\n"), []byte("\r\n")) }
	ways := map[string]func([]byte) []byte{
		"CRLF": crlf, "no line break": bytes.TrimSpace, "text before": func(b []byte) []byte { return append([]byte("Certificate:\n"), b...) },
		"text behind": func(b []byte) []byte { return append(b, "that was it"...) }, "nothing": func([]byte) []byte { return nil },
		"twice": func(b []byte) []byte { return bytes.Repeat(b, 2) }, "glued": func(b []byte) []byte { return bytes.Repeat(bytes.TrimSpace(b), 2) },
		"a key in it": func(b []byte) []byte { return append(bytes.Clone(b), data["ca-key.pem"]...) }, "cut": func(b []byte) []byte { return b[:len(b)-9] },
		"junk behind": func(b []byte) []byte { return append(bytes.Clone(b), text([]byte("junk"))...) },
		"another label": func(b []byte) []byte {
			return bytes.ReplaceAll(b, []byte("CERTIFICATE"), []byte("TRUSTED CERTIFICATE"))
		},
	}
	tls := map[string][]byte{"tls.crt": text(c.Raw), "tls.key": data["ca-key.pem"], "ca.crt": text(root.Raw)}
	for name, way := range ways {
		for file := range data {
			changed := maps.Clone(data)
			changed[file] = way(data[file])
			all = append(all, bundle{name: "form/" + file + " " + name, data: changed})
		}
		for file := range tls {
			changed := maps.Clone(tls)
			changed[file] = way(tls[file])
			all = append(all, bundle{name: "form/" + file + " " + name, data: changed})
		}
	}
	return append(all, bundle{name: "form/kubernetes.io/tls", data: tls})
}
