// Package plain makes text of servers, files and plugins fit to be shown.
package plain

import (
	"errors"
	"io/fs"
	"regexp"
	"strconv"
	"strings"
	"unicode"
)

// MaxText bounds what is quoted of a server's text, in bytes.
const MaxText = 1024

// Secret matches what looks like a token (a JWT) or a PEM block.
var Secret = regexp.MustCompile(`eyJ[A-Za-z0-9_-]{8,}(\.[A-Za-z0-9_-]*)*|(?s)-----BEGIN .*?(-----END [A-Z ]*-----|$)|(?i)bearer [^\s"]+`)

// Clean makes a text that a server or a file supplied fit for a terminal:
// white space is single spaces, control and formatting characters (ANSI
// escapes, right-to-left overrides) are written as Go would quote them, what
// looks like a secret is masked, and the length is bounded.
func Clean(s string) string {
	if len(s) > 8*MaxText {
		s = s[:8*MaxText]
	}
	s = Secret.ReplaceAllString(strings.Join(strings.Fields(s), " "), "[redacted]")
	var b strings.Builder
	for _, r := range s {
		if b.Len() >= MaxText {
			b.WriteString("...")
			break
		}
		if unicode.IsPrint(r) {
			b.WriteRune(r)
			continue
		}
		q := strconv.QuoteRuneToASCII(r)
		b.WriteString(q[1 : len(q)-1])
	}
	return b.String()
}

// CleanAll cleans each text of list in place.
func CleanAll(list []string) []string {
	for i, s := range list {
		list[i] = Clean(s)
	}
	return list
}

// Reason is why a file could not be read, without its path: a path that a
// kubeconfig names may be a key in the wrong field.
func Reason(err error) string {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err.Error()
	}
	return "cannot be read"
}
