package topology

import (
	"regexp"
	"strings"
)

// The rules for names, and the sentences that explain them.
//
// Label and DNS names: https://kubernetes.io/docs/concepts/overview/working-with-objects/names/
// and https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/.
// Trust domains: https://github.com/spiffe/spiffe/blob/main/standards/SPIFFE-ID.md#21-trust-domain
var (
	dnsLabel     = newRule(`[a-z0-9]([-a-z0-9]*[a-z0-9])?`, 63, `lower case letters, digits and "-", at most 63`)
	dnsSubdomain = newRule(`[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*`, 253,
		`lower case letters, digits, "-" and ".", at most 253`)
	labelValue = newRule(`[A-Za-z0-9]([-._A-Za-z0-9]*[A-Za-z0-9])?`, 63,
		`letters, digits, "-", "_" and ".", a letter or digit first and last, at most 63`)
	trustDomain = newRule(`[a-z0-9]([-._a-z0-9]*[a-z0-9])?`, 255,
		`lower case letters, digits, "-", "_" and ".", at most 255`)
)

type nameRule struct {
	pattern *regexp.Regexp
	max     int
	words   string
}

func newRule(pattern string, max int, words string) nameRule {
	return nameRule{regexp.MustCompile("^(?:" + pattern + ")$"), max, words}
}

func (r nameRule) allows(s string) bool {
	return len(s) <= r.max && r.pattern.MatchString(s)
}

// hint explains the rule and, where lower-casing and replacing is all that s
// needs, gives the corrected name.
func (r nameRule) hint(s string) string {
	for _, fixed := range []string{strings.ToLower(s), slug(s)} {
		if s != "" && isASCII(s) && r.allows(fixed) {
			return r.words + ": " + fixed
		}
	}
	return r.words
}

// slug lower-cases s and puts one "-" for every run of other characters.
func slug(s string) string {
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

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}
