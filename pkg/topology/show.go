package topology

import (
	"strconv"
	"strings"
	"unicode"
)

// quote shows s in a message. What is not plain ASCII is escaped, so that
// look-alike letters show and a terminal cannot be steered.
func quote(s string) string {
	const most = 80
	if r := []rune(s); len(r) > most {
		return strconv.QuoteToASCII(string(r[:most])) + "..."
	}
	return strconv.QuoteToASCII(s)
}

// shown returns a key as paths have it: quoted if a terminal could not show it as
// it is, and not longer than anybody would read.
func shown(key string) string {
	const most = 300
	if len(key) > most {
		key = strings.ToValidUTF8(key[:most], "") + "..."
	}
	if !printable(key) {
		return strconv.QuoteToASCII(key)
	}
	return key
}

// printable says that s can be shown on a terminal as it is: graphic characters
// and plain spaces, no control, no invisible ones.
func printable(s string) bool {
	for _, r := range s {
		if !strconv.IsPrint(r) {
			return false
		}
	}
	return true
}

// lookalike names the two alphabets that s mixes, such as Latin and Cyrillic,
// whose letters cannot be told apart by eye. It is empty where s does not.
// https://www.unicode.org/reports/tr39/#Mixed_Script_Detection
func lookalike(s string) string {
	first := ""
	for _, r := range s {
		for _, script := range []string{"Latin", "Cyrillic", "Greek", "Armenian", "Cherokee", "Coptic"} {
			if !unicode.Is(unicode.Scripts[script], r) || script == first {
				continue
			}
			if first != "" {
				return first + " and " + script
			}
			first = script
		}
	}
	return ""
}
