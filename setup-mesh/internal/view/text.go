package view

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// textWidth is how many columns a line has where its content allows it.
const textWidth = 80

// say writes a line. Whatever is put into format is made safe for a terminal,
// because much of it comes from clusters: the names of objects, the words of
// errors, the values of fields. What is painted is ours and stays.
func say(w io.Writer, format string, args ...any) {
	for i, a := range args {
		switch a := a.(type) {
		case painted:
		case string:
			args[i] = safe(a)
		case error:
			args[i] = safe(a.Error())
		case fmt.Stringer:
			args[i] = safe(a.String())
		}
	}
	fmt.Fprintf(w, format+"\n", args...)
}

// safe escapes what could move a cursor, hide a word or begin a line: control
// characters, those that change the direction of writing, broken UTF-8.
func safe(s string) string {
	bad := func(r rune) bool { return r == utf8.RuneError || !unicode.IsPrint(r) }
	if strings.IndexFunc(s, bad) < 0 {
		return s
	}
	var b strings.Builder
	for i, r := range s {
		switch {
		case r == utf8.RuneError && !strings.HasPrefix(s[i:], string(utf8.RuneError)):
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case bad(r):
			q := strconv.QuoteRuneToASCII(r)
			b.WriteString(q[1 : len(q)-1])
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// safeLines is safe for text of several lines.
func safeLines(s string) string {
	lines := strings.Split(s, "\n")
	for i, line := range lines {
		lines[i] = safe(line)
	}
	return strings.Join(lines, "\n")
}

// painted is text of ours with its colour.
type painted string

// A palette adds colour to what stands without it.
type palette bool

func (p palette) paint(code, s string) painted {
	if !p {
		return painted(s)
	}
	return painted("\x1b[" + code + "m" + s + "\x1b[0m")
}

// mark colours a symbol.
func (p palette) mark(symbol string) painted {
	switch symbol {
	case "+":
		return p.paint("32", symbol)
	case "~", "!":
		return p.paint("33", symbol)
	case "-", "x":
		return p.paint("31", symbol)
	}
	return painted(symbol)
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

func clusterCount(n int) string { return count(n, "cluster") }

func seconds(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }

// few lists names as long as they are few.
func few(names []string) string {
	const most = 6
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most-1], ", "), len(names)-most+1)
}

// every lists all names, however many they are.
func every(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " and " + names[last]
}

// both lists names as a sentence does.
func both(names []string) string {
	if len(names) == 2 {
		return names[0] + " and " + names[1]
	}
	return few(names)
}

// table aligns rows in columns.
func table(rows [][]string) []string {
	widths := make([]int, len(rows[0]))
	for i, r := range rows {
		for j, cell := range r {
			rows[i][j] = safe(cell)
			widths[j] = max(widths[j], utf8.RuneCountInString(rows[i][j]))
		}
	}
	lines := make([]string, len(rows))
	for i, r := range rows {
		var b strings.Builder
		for j, cell := range r {
			fmt.Fprintf(&b, "%-*s  ", widths[j], cell)
		}
		lines[i] = strings.TrimRight(b.String(), " ")
	}
	return lines
}

// fit says whether no line is longer than textWidth.
func fit(lines []string) bool {
	return !slices.ContainsFunc(lines, func(line string) bool { return utf8.RuneCountInString(line) > textWidth })
}

// printLines prints what table made safe.
func printLines(w io.Writer, lines []string) {
	for _, line := range lines {
		io.WriteString(w, line+"\n")
	}
}

// wrapped breaks text at spaces into lines of at most width, but for longer words.
func wrapped(text string, width int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width {
			lines, line = append(lines, line), ""
		}
		line = strings.TrimPrefix(line+" "+word, " ")
	}
	if line == "" {
		return lines
	}
	return append(lines, line)
}
