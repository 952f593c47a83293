package tree

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// Limits on what is parsed at all. Marks are the characters that can begin or end
// an entry: line ends, commas, colons and opening brackets. They are counted
// before anything is allocated for what they mark. A line such as
// "  context-1: {network: network-1}" has four.
const (
	maxBytes = 1 << 20
	maxMarks = 80_000
	maxDepth = 100
)

const tooLarge = "is it the right file? Take out what does not belong in it"

// Read parses the one YAML document in data. It returns a nil tree only
// together with problems.
func Read(file string, data []byte) (*Tree, Problems) {
	var ps Problems
	top := Position{File: file, Line: 1, Column: 1}
	if len(data) > maxBytes {
		ps.Add(top, "", tooLarge, "is larger than 1 MiB (%d bytes)", len(data))
		return nil, ps
	}
	data = bytes.TrimPrefix(data, []byte("\uFEFF"))
	if at, what := unreadable(data); what != "" {
		at.File = file
		ps.Add(at, "", "take it out, or save the file as UTF-8 text", "%s", what)
		return nil, ps
	}
	marks := 0
	for _, c := range []string{"\n", ",", "[", "{", ":"} {
		marks += bytes.Count(data, []byte(c))
	}
	if marks > maxMarks {
		ps.Add(top, "", tooLarge, "is too large: it has %d line ends, commas, colons and brackets, and at most %d are allowed", marks, maxMarks)
		return nil, ps
	}
	doc, second, err := documents(data)
	if err != nil {
		return nil, Problems{syntaxProblem(file, data, err)}
	}
	if second != nil {
		ps.Add(Position{file, second.Line, second.Column}, "", "keep one document", SecondDocument)
		return nil, ps
	}
	if doc == nil || isNull(doc) {
		ps.Add(top, "", "setup-mesh prep writes one to start from", "is empty")
		return nil, ps
	}
	b := builder{file: file}
	t := b.build(doc, nil, 0)
	return t, b.problems
}

// SecondDocument is the message about a file with more than one document.
const SecondDocument = "a second document begins here, but only one is allowed"

// documents returns the root node of the first document, nil when there is
// none, and the next one that is not empty.
func documents(data []byte) (first, second *yaml.Node, err error) {
	dec := yaml.NewDecoder(bytes.NewReader(data))
	var one, two yaml.Node
	if err := dec.Decode(&one); errors.Is(err, io.EOF) {
		return nil, nil, nil
	} else if err != nil {
		return nil, nil, err
	}
	for {
		err := dec.Decode(&two)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, nil, err
		}
		if len(two.Content) > 0 && !isNull(two.Content[0]) { // not what follows a last ---
			second = &two
			break
		}
	}
	if len(one.Content) == 0 {
		return nil, second, nil
	}
	return one.Content[0], second, nil
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }

// unreadable finds the first byte that no text file should have.
func unreadable(data []byte) (Position, string) {
	line, column := 1, 1
	for i := 0; i < len(data); {
		r, size := utf8.DecodeRune(data[i:])
		at := Position{Line: line, Column: column}
		switch {
		case r == utf8.RuneError && size <= 1:
			return at, "is not UTF-8"
		case r == 0:
			return at, "has a NUL character"
		case r != '\n' && r != '\r' && r != '\t' && unicode.IsControl(r):
			return at, "has the control character " + strconv.QuoteRuneToASCII(r)
		case reorders(r):
			return at, "has the invisible character " + strconv.QuoteRuneToASCII(r)
		}
		i, column = i+size, column+1
		if r == '\n' {
			line, column = line+1, 1
		}
	}
	return Position{}, ""
}

// reorders says that r is invisible and moves the text around it (to the other
// side, or to another line for YAML but not for an editor), so that what a
// reader sees is not what the program reads.
// https://www.unicode.org/reports/tr36/#Bidirectional_Text_Spoofing
func reorders(r rune) bool {
	return unicode.In(r, unicode.Bidi_Control, unicode.Zl, unicode.Zp) || r == '\uFEFF'
}

var (
	yamlLine  = regexp.MustCompile(`^yaml: (?:line (\d+): )?((?s).*)$`)
	tabIndent = regexp.MustCompile(`^ *\t`)
)

// syntaxProblem says where and why data is not YAML. yaml.v3 reports no column
// and, for what its parser (not its scanner) finds, the line before the one that
// it means (yaml.v3 v3.0.1, parser.fail).
func syntaxProblem(file string, data []byte, err error) Problem {
	line, message := 1, err.Error()
	if m := yamlLine.FindStringSubmatch(message); m != nil {
		message = m[2]
		if n, err := strconv.Atoi(m[1]); err == nil {
			line = n
		}
		if strings.HasPrefix(message, "did not find expected") && m[1] != "" {
			line++
		}
	}
	lines := strings.Split(strings.ReplaceAll(string(data), "\r\n", "\n"), "\n")
	line = min(max(line, 1), len(lines))
	p := Problem{Position: Position{file, line, 1}, Message: "is not valid YAML: " + message, Hint: "look at this line and the one before it: indentation, a missing colon, or special characters without quotes"}
	for i := line - 1; i < min(line+2, len(lines)); i++ {
		if tabIndent.MatchString(lines[i]) {
			p.Line, p.Column = i+1, strings.IndexByte(lines[i], '\t')+1
			p.Message, p.Hint = "is indented with a tab", "indent YAML with spaces"
			return p
		}
	}
	text := lines[line-1]
	p.Column = utf8.RuneCountInString(text) - utf8.RuneCountInString(strings.TrimLeft(text, " ")) + 1
	if message == "found unexpected end of stream" {
		if !strings.ContainsAny(text, `"'`) { // begun on line 1, for which yaml.v3 reports the end
			p.Line, text = 1, lines[0]
		}
		if i := strings.IndexAny(text, `"'`); i >= 0 {
			p.Column = utf8.RuneCountInString(text[:i]) + 1
			p.Message, p.Hint = "the quoted text that begins here is not closed", "close it with "+text[i:i+1]
		}
	}
	return p
}
