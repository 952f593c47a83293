// Package curl plays curl, as far as it takes to ask a service whether it answers.
package curl

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// A Command is what the arguments of curl ask for.
type Command struct {
	URLs     []string // one transfer each
	Method   string
	Header   http.Header
	MaxTime  time.Duration // 0 for none
	Discard  bool          // -o /dev/null
	WriteOut string
	Silent   bool
	ShowErr  bool
	Fail     bool
	Include  bool
}

// A UsageError is what curl says of arguments that it does not know.
type UsageError string

// Error implements error.
func (e UsageError) Error() string { return string(e) }

// options are those that are known: by their long names, and whether a value follows.
var options = map[string]bool{
	"silent": false, "show-error": false, "fail": false, "include": false, "head": false, "insecure": false, "location": false,
	"no-buffer": false, "http1.1": false, "no-progress-meter": false, "ipv4": false,
	"max-time": true, "connect-timeout": true, "output": true, "write-out": true, "header": true, "request": true, "user-agent": true, "url": true,
}

var short = map[rune]string{
	's': "silent", 'S': "show-error", 'f': "fail", 'i': "include", 'I': "head", 'k': "insecure", 'L': "location", 'N': "no-buffer", '4': "ipv4",
	'm': "max-time", 'o': "output", 'w': "write-out", 'H': "header", 'X': "request", 'A': "user-agent",
}

// Parse reads the arguments after "curl".
func Parse(args []string) (Command, error) {
	c := Command{Method: http.MethodGet, Header: http.Header{"User-Agent": {"curl/8.14.1"}, "Accept": {"*/*"}}}
	for len(args) > 0 {
		arg := args[0]
		args = args[1:]
		names, value, hasValue := split(arg)
		if names == nil {
			c.URLs = append(c.URLs, expand(arg)...)
			continue
		}
		for _, name := range names {
			takes, known := options[name]
			if !known {
				return c, UsageError("option " + arg + ": is unknown")
			}
			if takes && !hasValue {
				if len(args) == 0 {
					return c, UsageError("option " + arg + ": requires parameter")
				}
				value, args = args[0], args[1:]
			}
			if err := c.set(name, value); err != nil {
				return c, err
			}
		}
	}
	if len(c.URLs) == 0 {
		return c, UsageError("no URL specified")
	}
	return c, nil
}

// split takes an argument apart: "-sSm5" is three options, of which the last has a value. What is no option has no names.
func split(arg string) (names []string, value string, hasValue bool) {
	if long, ok := strings.CutPrefix(arg, "--"); ok {
		return []string{long}, "", false
	}
	letters, ok := strings.CutPrefix(arg, "-")
	if !ok || letters == "" {
		return nil, "", false
	}
	for i, l := range letters {
		name := short[l]
		if name == "" {
			name = "-" + string(l) // nobody knows it
		}
		names = append(names, name)
		if rest := letters[i+len(string(l)):]; options[name] && rest != "" {
			return names, rest, true
		}
	}
	return names, "", false
}

func (c *Command) set(name, value string) error {
	switch name {
	case "silent":
		c.Silent = true
	case "show-error":
		c.ShowErr = true
	case "fail":
		c.Fail = true
	case "include":
		c.Include = true
	case "head":
		c.Method, c.Include = http.MethodHead, true
	case "request":
		c.Method = value
	case "user-agent":
		c.Header.Set("User-Agent", value)
	case "write-out":
		c.WriteOut = value
	case "url":
		c.URLs = append(c.URLs, expand(value)...)
	case "header":
		k, v, ok := strings.Cut(value, ":")
		if ok {
			c.Header.Add(strings.TrimSpace(k), strings.TrimSpace(v))
		}
	case "output":
		if value != "/dev/null" {
			return UsageError("option --output: there are no files here but /dev/null")
		}
		c.Discard = true
	case "max-time":
		seconds, err := strconv.ParseFloat(value, 64)
		if err != nil || seconds < 0 {
			return UsageError("option --max-time: expected a proper numerical parameter")
		}
		c.MaxTime = time.Duration(seconds * float64(time.Second))
	}
	return nil
}

// expand makes "[1-3]" in a URL three URLs.
// https://curl.se/docs/manpage.html#GLOBBING
func expand(url string) []string {
	before, rest, ok := strings.Cut(url, "[")
	inside, after, ok2 := strings.Cut(rest, "]")
	first, last, ok3 := strings.Cut(inside, "-")
	from, err := strconv.Atoi(first)
	to, err2 := strconv.Atoi(last)
	if !ok || !ok2 || !ok3 || err != nil || err2 != nil {
		return []string{url}
	}
	var out []string
	for n := from; n <= to; n++ {
		out = append(out, fmt.Sprintf("%s%d%s", before, n, after))
	}
	return out
}
