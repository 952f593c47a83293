package graph

import (
	"fmt"
	"slices"
	"strings"
)

// DOT is the graph in the language of Graphviz:
// https://graphviz.org/doc/info/lang.html
func DOT(g *Graph) []byte {
	lines, folded := g.lines()
	captions := g.captions(folded)
	var b strings.Builder
	fmt.Fprintf(&b, "digraph mesh {\n  label=%s; labelloc=t; rankdir=LR; fontname=\"sans-serif\";\n", dotString(dotTitle(g, folded)...))
	b.WriteString("  node [shape=box, style=\"rounded,filled\", fillcolor=white, fontname=\"sans-serif\"];\n  edge [fontname=\"sans-serif\", fontsize=10];\n")
	for i, n := range g.Networks {
		fmt.Fprintf(&b, "  subgraph cluster_n%d {\n    label=%s; style=rounded; color=gray;\n", i, dotString(n.Name))
		for _, c := range n.Clusters {
			fmt.Fprintf(&b, "    c%d [label=%s, %s];\n", c, dotString(captions[c].rows()...), dotNode(g.Clusters[c].State))
		}
		b.WriteString("  }\n")
	}
	for _, l := range lines {
		fmt.Fprintf(&b, "  c%d -> c%d [%s];\n", l.From, l.To, dotLine(g, l))
	}
	b.WriteString("}\n")
	return []byte(b.String())
}

// rows are the lines of a box.
func (k caption) rows() []string {
	rows := []string{k.Name, k.Role}
	for _, n := range slices.Concat(k.Gateways, k.Notes) {
		rows = append(rows, n.Text)
	}
	return rows
}

func dotTitle(g *Graph, f folded) []string {
	return append([]string{g.title(), g.summary()}, f.legend()...)
}

// legend says what is not drawn.
func (f folded) legend() []string {
	if f.quiet == 0 {
		return nil
	}
	return []string{fmt.Sprintf("%d lines with nothing to say are not drawn.", f.quiet)}
}

func dotNode(s State) string {
	switch s {
	case OK:
		return `color="#1a7f37"`
	case Broken:
		return `color="#cf222e", penwidth=2`
	case Unknown:
		return `color="#9a6700", style="rounded,filled,dashed"`
	}
	return `color="#57606a"`
}

func dotLine(g *Graph, l line) string {
	out := []string{"tooltip=" + dotString(g.sentence(l.Arrow)), dotNode(l.State)}
	switch {
	case l.State == Unknown:
		out[1] = `color="#9a6700", style=dotted`
	case l.State == Broken:
		out = append(out, "style=dashed")
	case l.Kind == Serves:
		out = append(out, "style=bold")
	}
	if label := l.label(); label != "" {
		out = append(out, "label="+dotString(label))
	}
	if l.Both {
		out = append(out, "dir=both")
	}
	if l.Kind == Discovers {
		out = append(out, "constraint=false")
	}
	return strings.Join(out, ", ")
}

// dotEscape takes away what a backslash, a quote or an ampersand means in a label:
// https://graphviz.org/docs/attr-types/escString/ and, of ampersands,
// https://graphviz.org/doc/char.html
var dotEscape = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "&", "&amp;")

// dotString is a label with these lines.
func dotString(lines ...string) string {
	for i, line := range lines {
		lines[i] = dotEscape.Replace(line)
	}
	return `"` + strings.Join(lines, `\n`) + `"`
}
