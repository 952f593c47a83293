package names

import (
	"strconv"
	"strings"
	"unicode"
)

// Quote shows s in a message. What is not plain ASCII is escaped, so that
// look-alike letters show and a terminal cannot be steered.
func Quote(s string) string {
	const most = 80
	if r := []rune(s); len(r) > most {
		return strconv.QuoteToASCII(string(r[:most])) + "..."
	}
	return strconv.QuoteToASCII(s)
}

// Shown returns a key as paths have it: quoted if a terminal could not show it as
// it is, and not longer than anybody would read.
func Shown(key string) string {
	const most = 300
	if len(key) > most {
		key = strings.ToValidUTF8(key[:most], "") + "..."
	}
	if !Printable(key) {
		return strconv.QuoteToASCII(key)
	}
	return key
}

// Printable says that s can be shown on a terminal as it is: graphic characters
// and plain spaces, no control, no invisible ones.
func Printable(s string) bool {
	for _, r := range s {
		if !strconv.IsPrint(r) {
			return false
		}
	}
	return true
}

// Lookalike names two alphabets that s mixes, such as "Latin and Cyrillic", with
// letters that cannot be told apart by eye. It is empty where s mixes none.
// https://www.unicode.org/reports/tr39/#Mixed_Script_Detection
func Lookalike(s string) string {
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
