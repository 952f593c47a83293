package graph

import (
	"fmt"
	"strings"
	"unicode"
)

// Mermaid is the graph as a flowchart of Mermaid, which code forges draw in Markdown:
// https://mermaid.js.org/syntax/flowchart.html
func Mermaid(g *Graph) []byte {
	lines, folded := g.lines()
	captions := g.captions(folded)
	var b strings.Builder
	fmt.Fprintf(&b, "flowchart LR\n  accTitle: %s\n  accDescr: %s\n", mermaidText(g.title()), mermaidText(strings.Join(append([]string{g.summary()}, folded.legend()...), " ")))
	for i, n := range g.Networks {
		fmt.Fprintf(&b, "  subgraph n%d[%s]\n", i, mermaidString(n.Name))
		for _, c := range n.Clusters {
			fmt.Fprintf(&b, "    c%d[%s]:::%s\n", c, mermaidString(captions[c].rows()...), g.Clusters[c].State)
		}
		b.WriteString("  end\n")
	}
	styled := map[State][]string{}
	for i, l := range lines {
		fmt.Fprintf(&b, "  c%d %s c%d\n", l.From, mermaidLine(l), l.To)
		styled[l.State] = append(styled[l.State], fmt.Sprint(i))
	}
	for _, s := range mermaidStyles {
		fmt.Fprintf(&b, "  classDef %s stroke:%s%s\n", s.state, s.stroke, s.more)
		if len(styled[s.state]) > 0 {
			fmt.Fprintf(&b, "  linkStyle %s stroke:%s\n", strings.Join(styled[s.state], ","), s.stroke)
		}
	}
	return []byte(b.String())
}

// mermaidStyles are the colours of the states; the background is left to the reader's
// theme.
var mermaidStyles = []struct {
	state        State
	stroke, more string
}{
	{Planned, "#57606a", ""},
	{OK, "#1a7f37", ""},
	{Broken, "#cf222e", ",stroke-width:3px"},
	{Unknown, "#9a6700", ",stroke-dasharray:4"},
}

// mermaidLine is a link: dotted if something is wrong, thick from a control plane to
// what it serves.
func mermaidLine(l line) string {
	open, shut := "--", "-->"
	if l.Kind == Serves {
		open, shut = "==", "==>"
	}
	if !l.State.quiet() {
		open, shut = "-.", ".->"
	}
	back := ""
	if l.Both {
		back = "<"
	}
	label := l.label()
	if label == "" {
		return back + "-->" // only discovery that works has nothing to say
	}
	return fmt.Sprintf("%s%s %s %s", back, open, mermaidString(label), shut)
}

// mermaidString is a label with these lines.
func mermaidString(lines ...string) string {
	for i, line := range lines {
		lines[i] = mermaidText(line)
	}
	return `"` + strings.Join(lines, "<br/>") + `"`
}

// mermaidText writes by their numbers all signs that could mean something to Mermaid,
// or to the Markdown and the HTML that it takes labels for:
// https://mermaid.js.org/syntax/flowchart.html#entity-codes-to-escape-characters
func mermaidText(s string) string {
	var b strings.Builder
	for _, r := range s {
		if unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune(" .,:/-✓✕?", r) {
			b.WriteRune(r)
		} else {
			fmt.Fprintf(&b, "#%d;", r)
		}
	}
	return b.String()
}
