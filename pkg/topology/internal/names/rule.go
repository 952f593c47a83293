package names

import (
	"regexp"
	"strings"
)

// The rules for the names that users give, and the sentences that explain them.
//
// Label and DNS names: https://kubernetes.io/docs/concepts/overview/working-with-objects/names/
// and https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/.
// Trust domains: https://github.com/spiffe/spiffe/blob/main/standards/SPIFFE-ID.md#21-trust-domain
var (
	DNSLabel     = newRule(`[a-z0-9]([-a-z0-9]*[a-z0-9])?`, 63, `lower case letters, digits and "-", at most 63 characters`)
	DNSSubdomain = newRule(`[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*`, 253,
		`lower case letters, digits, "-" and ".", at most 253 characters`)
	LabelValue = newRule(`[A-Za-z0-9]([-._A-Za-z0-9]*[A-Za-z0-9])?`, 63,
		`letters, digits, "-", "_" and ".", a letter or digit first and last, at most 63 characters`)
	TrustDomain = newRule(`[a-z0-9]([-._a-z0-9]*[a-z0-9])?`, 255,
		`lower case letters, digits, "-", "_" and ".", at most 255 characters`)
)

// A Rule says which names are allowed.
type Rule struct {
	pattern *regexp.Regexp
	max     int    // bytes
	Words   string // what the rule is, to a user
}

func newRule(pattern string, max int, words string) Rule {
	return Rule{regexp.MustCompile("^(?:" + pattern + ")$"), max, words}
}

// Allows says whether s is a name by the rule.
func (r Rule) Allows(s string) bool {
	return len(s) <= r.max && r.pattern.MatchString(s)
}

// Hint explains the rule and, where lower-casing and replacing is all that s
// needs, gives the corrected name.
func (r Rule) Hint(s string) string {
	for _, fixed := range []string{strings.ToLower(s), Slug(s)} {
		if s != "" && ASCII(s) && r.Allows(fixed) {
			return r.Words + "; for example " + fixed
		}
	}
	return r.Words
}

// Slug lower-cases s and puts one "-" for every run of other characters.
func Slug(s string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(s) {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			b.WriteRune(r)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
	}
	return strings.TrimSuffix(b.String(), "-")
}

// ASCII says that s has no other characters.
func ASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}
