package certs

import (
	"encoding/asn1"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Kinds of general names (https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1.6).
const (
	tagEmail     = 1
	tagDNS       = 2
	tagDirectory = 4
	tagURI       = 6
)

// A generalName is one name of a certificate, or what a constraint says of one.
type generalName struct {
	tag  int
	text string // but for a directory name
	name dn     // of a directory name
}

// A subtree is one line of name constraints.
type subtree struct {
	generalName
	bounded bool // by a minimum or maximum, which BoringSSL refuses
}

// constraints limit the names below a CA, as Envoy understands them: critical or
// not. Package x509 knows a part of them, in another way
// (https://github.com/google/boringssl/blob/main/crypto/x509/v3_ncons.cc).
type constraints struct{ permitted, excluded []subtree }

// A constraintError says which name is ruled out.
type constraintError struct{ detail string }

func (e *constraintError) Error() string { return e.detail }

// parseConstraints reads the extension.
func parseConstraints(value []byte) (constraints, error) {
	var cs constraints
	lists, err := elements(value)
	if err != nil {
		return cs, err
	}
	for _, list := range lists {
		trees, err := values(list.Bytes)
		if err != nil || list.Class != asn1.ClassContextSpecific || list.Tag > 1 {
			return cs, errEncoding
		}
		for _, tree := range trees {
			parts, err := elements(tree.FullBytes)
			if err != nil || len(parts) == 0 {
				return cs, errEncoding
			}
			base, err := parseGeneralName(parts[0])
			if err != nil {
				return cs, err
			}
			s := subtree{generalName: base, bounded: len(parts) > 1}
			if list.Tag == 0 {
				cs.permitted = append(cs.permitted, s)
			} else {
				cs.excluded = append(cs.excluded, s)
			}
		}
	}
	return cs, nil
}

func parseGeneralName(v asn1.RawValue) (generalName, error) {
	if v.Class != asn1.ClassContextSpecific {
		return generalName{}, errEncoding
	}
	n := generalName{tag: v.Tag, text: string(v.Bytes)}
	if v.Tag != tagDirectory {
		return n, nil
	}
	var err error
	n.text = ""
	n.name, err = parseDN(v.Bytes)
	return n, err
}

// oidEmail is an address in a subject.
var oidEmail = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 1}

// addressesIn are the addresses in a subject, which Envoy wants as an IA5String.
func addressesIn(subject []byte) ([]generalName, error) {
	var names []generalName
	rdns, err := elements(subject)
	for _, rdn := range rdns {
		attributes, _ := elements(rdn.FullBytes) // parseDN has read them
		for _, a := range attributes {
			var attribute struct {
				ID    asn1.ObjectIdentifier
				Value asn1.RawValue
			}
			if _, err := asn1.Unmarshal(a.FullBytes, &attribute); err != nil || !attribute.ID.Equal(oidEmail) {
				continue
			}
			if attribute.Value.Tag != asn1.TagIA5String {
				return nil, &constraintError{"the address in its subject is not an IA5String"}
			}
			names = append(names, generalName{tag: tagEmail, text: string(attribute.Value.Bytes)})
		}
	}
	return names, err
}

// namesOf are the names of a certificate that constraints are about.
func namesOf(l link) ([]generalName, error) {
	var names []generalName
	if len(l.subject) > 0 {
		names = append(names, generalName{tag: tagDirectory, name: l.subject})
	}
	addresses, err := addressesIn(l.RawSubject)
	if err != nil {
		return nil, err
	}
	names = append(names, addresses...)
	if value, ok := extension(l.Certificate, oidSubjectAltName); ok {
		sans, err := elements(value)
		if err != nil {
			return nil, err
		}
		for _, san := range sans {
			n, err := parseGeneralName(san)
			if err != nil {
				return nil, err
			}
			names = append(names, n)
		}
	}
	return names, nil
}

// judgeNames says which certificate of the path has name constraints that rule
// out a name below it: of the tiers, and those given, which are what istiod signs.
func (p path) judgeNames(id Identity, signed []generalName) *InputError {
	all := append([]link{p.leaf}, p.above()...)
	for i, upper := range all[1:] {
		value, ok := extension(upper.Certificate, oidNameConstraints)
		if !ok {
			continue
		}
		cs, err := parseConstraints(value)
		if err != nil {
			return upper.wrong("has name constraints that cannot be read: %w", err).hinted("issue it again")
		}
		for j, lower := range all[:i+1] {
			if j > 0 && lower.selfIssued() {
				continue
			}
			names, err := namesOf(lower)
			if j == 0 {
				names, err = signed, nil
			}
			if err == nil {
				err = cs.permitAll(names)
			}
			if err != nil {
				return upper.wrong("has name constraints that rule out %s: %w", p.named(lower), err).
					hinted(fmt.Sprintf("use a CA that permits URIs of trust domain %s and the DNS names %s, or one without name constraints", id.TrustDomain, strings.Join(id.istiod(), ", ")))
			}
		}
	}
	return nil
}

// permitAll says which of names is ruled out.
func (cs constraints) permitAll(names []generalName) error {
	for _, n := range names {
		if err := cs.permit(n); err != nil {
			return err
		}
	}
	return nil
}

// permit says why a name is ruled out.
func (cs constraints) permit(n generalName) error {
	ofKind := func(s subtree) bool { return s.tag == n.tag }
	limits := slices.DeleteFunc(slices.Concat(cs.permitted, cs.excluded), func(s subtree) bool { return !ofKind(s) })
	if len(limits) == 0 {
		return nil
	}
	match, err := n.matcher()
	if err != nil {
		return &constraintError{fmt.Sprintf("%s cannot be compared with its constraints: %v", n, err)}
	}
	if slices.ContainsFunc(limits, func(s subtree) bool { return s.bounded }) {
		return &constraintError{fmt.Sprintf("%s cannot be compared with its constraints: they have a minimum or a maximum", n)}
	}
	hit := func(s subtree) bool { return ofKind(s) && match(s.generalName) }
	if slices.ContainsFunc(cs.permitted, ofKind) && !slices.ContainsFunc(cs.permitted, hit) {
		return &constraintError{n.String() + " is not permitted by any constraint"}
	}
	if i := slices.IndexFunc(cs.excluded, hit); i >= 0 {
		return &constraintError{fmt.Sprintf("%s is excluded by constraint %s", n, cs.excluded[i].String())}
	}
	return nil
}

// matcher returns what compares the name with the base of a constraint.
func (n generalName) matcher() (func(base generalName) bool, error) {
	switch n.tag {
	case tagDirectory:
		return func(base generalName) bool { return n.name.below(base.name) }, nil
	case tagDNS:
		return func(base generalName) bool { return dnsBelow(n.text, base.text) }, nil
	case tagURI:
		host, err := hostOf(n.text)
		return func(base generalName) bool { return hostIn(host, base.text) }, err
	case tagEmail:
		_, host, ok := strings.Cut(n.text, "@")
		if !ok || strings.Contains(host, "@") {
			return nil, errors.New("it is not an address")
		}
		return func(base generalName) bool {
			box, domain, exact := strings.Cut(base.text, "@")
			if exact && box != "" {
				return n.text == base.text || strings.HasPrefix(n.text, box+"@") && strings.EqualFold(host, domain)
			}
			return hostIn(host, strings.TrimPrefix(base.text, "@"))
		}, nil
	}
	return nil, errors.New("constraints on names of its kind are not known to Envoy")
}

// hostIn says whether a constraint on URIs, or on addresses, means a host: the
// very host, or, with a leading dot, everything below a domain.
func hostIn(host, base string) bool {
	if strings.HasPrefix(base, ".") {
		return len(host) >= len(base) && strings.EqualFold(host[len(host)-len(base):], base)
	}
	return strings.EqualFold(host, base)
}

// dnsBelow says whether a DNS name is base or lies below it.
func dnsBelow(name, base string) bool {
	name, base = strings.TrimSuffix(name, "."), strings.TrimSuffix(base, ".")
	if base == "" || strings.EqualFold(name, base) {
		return true
	}
	if !strings.HasPrefix(base, ".") {
		base = "." + base
	}
	return len(name) >= len(base) && strings.EqualFold(name[len(name)-len(base):], base)
}

// hostOf is the host of a URI, which must be the name of a host for Envoy to
// compare it.
func hostOf(uri string) (string, error) {
	_, rest, ok := strings.Cut(uri, "://")
	host := rest
	if i := strings.IndexAny(rest, ":/"); i >= 0 {
		host = rest[:i]
	}
	labels := strings.Split(host, ".")
	bad := func(label string) bool {
		return label == "" || len(label) > 63 || strings.HasPrefix(label, "-") || strings.HasSuffix(label, "-") ||
			strings.ContainsFunc(label, func(r rune) bool {
				return r != '-' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
			})
	}
	digits := strings.Trim(labels[len(labels)-1], "0123456789") == ""
	if !ok || slices.ContainsFunc(labels, bad) || digits {
		return "", fmt.Errorf("%q is not the name of a host", host)
	}
	return host, nil
}

// String is the name for an error.
func (n generalName) String() string {
	kind := map[int]string{tagEmail: "address", tagDNS: "DNS name", tagURI: "URI"}[n.tag]
	switch {
	case n.tag == tagDirectory:
		return "its subject"
	case kind == "":
		return "a name of another kind"
	}
	return fmt.Sprintf("%s %q", kind, n.text)
}

// ofWorkload is the name of a workload, which Envoys judge.
func (id Identity) ofWorkload() []generalName {
	return []generalName{{tag: tagURI, text: id.workload().String()}}
}

// ofIstiod are the names of istiod, which agents judge, in Go.
func (id Identity) ofIstiod() []generalName {
	var names []generalName
	for _, name := range id.istiod() {
		names = append(names, generalName{tag: tagDNS, text: name})
	}
	return names
}
