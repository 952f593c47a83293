package envoy

import (
	"regexp"
	"strings"

	matcher "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
)

func matches(m *matcher.StringMatcher, s string) bool {
	fold := func(v string) string { return v }
	if m.GetIgnoreCase() {
		fold = strings.ToLower
	}
	switch p := m.GetMatchPattern().(type) {
	case *matcher.StringMatcher_Exact:
		return fold(s) == fold(p.Exact)
	case *matcher.StringMatcher_Prefix:
		return strings.HasPrefix(fold(s), fold(p.Prefix))
	case *matcher.StringMatcher_Suffix:
		return strings.HasSuffix(fold(s), fold(p.Suffix))
	case *matcher.StringMatcher_Contains:
		return strings.Contains(fold(s), fold(p.Contains))
	case *matcher.StringMatcher_SafeRegex:
		return fully(p.SafeRegex, s)
	}
	return false
}

// fully says whether the whole of s is matched, as Envoy wants it.
func fully(m *matcher.RegexMatcher, s string) bool {
	re, err := regexp.Compile(`^(?:` + m.GetRegex() + `)$`)
	return err == nil && re.MatchString(s)
}
