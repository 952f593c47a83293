package graph

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
	"github.com/setup-mesh/setup-mesh/pkg/apply/record"
)

// clean takes out of every text what no drawing can hold.
func (g *Graph) clean() {
	g.Mesh = printable(g.Mesh)
	for i := range g.Clusters {
		c := &g.Clusters[i]
		for _, s := range []*string{&c.Name, &c.Context, &c.Network, &c.Role, &c.Reason, &c.Istio, &c.Trust} {
			*s = printable(*s)
		}
		for j := range c.Gateways {
			c.Gateways[j].Address, c.Gateways[j].Reason = printable(c.Gateways[j].Address), printable(c.Gateways[j].Reason)
		}
		for j, name := range c.Primaries {
			c.Primaries[j] = printable(name)
		}
	}
	for i := range g.Arrows {
		a := &g.Arrows[i]
		a.Reason, a.Message, a.Fix = printable(a.Reason), printable(a.Message), printable(a.Fix)
	}
	for i, f := range g.Problems {
		g.Problems[i] = plan.Finding{
			ID: printable(f.ID), Cluster: printable(f.Cluster), Peer: printable(f.Peer), State: printable(f.State), Unknown: f.Unknown,
			Message: printable(f.Message), Hint: printable(f.Hint), Detail: printableLines(f.Detail),
		}
	}
}

// printable replaces what XML forbids (https://www.w3.org/TR/xml/#charsets), what begins
// a line, and what changes the direction of writing.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, s)
}

func printableLines(s string) string {
	lines := strings.Split(strings.TrimSuffix(s, "\n"), "\n")
	for i, line := range lines {
		lines[i] = printable(line)
	}
	return strings.Join(lines, "\n")
}

// mark is a state as a sign, "" for one that is only planned.
func (s State) mark() string {
	switch s {
	case OK:
		return "✓"
	case Broken:
		return "✕"
	case Unknown:
		return "?"
	}
	return ""
}

// marked is a state with what is to be said of it.
func marked(s State, what string) string { return strings.TrimSpace(s.mark() + " " + what) }

// sentence is the whole of what an arrow says.
func (g *Graph) sentence(a Arrow) string {
	s := fmt.Sprintf("%s %s %s", g.Clusters[a.From].Name, a.Kind, g.Clusters[a.To].Name)
	switch {
	case a.State == Planned:
		return s
	case a.State == OK:
		return s + ": ok"
	case a.Message != "":
		return s + ": " + a.Reason + ". " + a.Message
	}
	return s + ": " + a.Reason
}

// A caption is what stands in the box of a cluster.
type caption struct {
	Name     string // with its mark
	Role     string
	Gateways []note
	Notes    []note // what is wrong
}

// A note is a row of it.
type note struct {
	State State
	Text  string // with its mark
}

func noteOf(s State, what string) note { return note{s, marked(s, what)} }

// captions are those of all clusters; folded is what [Graph.lines] left out.
func (g *Graph) captions(folded folded) []caption {
	var out []caption
	for i, c := range g.Clusters {
		k := caption{Name: marked(c.State, c.Name), Role: c.Role}
		for _, w := range c.Gateways {
			k.Gateways = append(k.Gateways, note{w.State, w.words()})
		}
		if c.Role == record.RoleRemote {
			k.Role = "remote of " + strings.Join(c.Primaries, ", ")
		}
		if c.Istio != "" {
			k.Role += ", Istio " + c.Istio
		}
		if c.Leaving {
			k.Role += ", leaving"
		}
		if !c.State.quiet() && c.Reason != "" {
			k.Notes = append(k.Notes, noteOf(c.State, c.Reason))
		}
		k.Notes = append(k.Notes, folded.notes[i]...)
		out = append(out, k)
	}
	return out
}

// words are what is said of a gateway in the box of its cluster.
func (w Gateway) words() string {
	what := "gateway"
	if w.Ambient {
		what = "ambient"
	}
	switch {
	case w.Reason != "":
		what += ": " + w.Reason
	case w.ByPeers:
		what += " " + w.Address + ", by istio-remote"
	default:
		what += " " + w.Address
	}
	return marked(w.State, what)
}

// title is what the drawing is called.
func (g *Graph) title() string { return "mesh " + g.Mesh }

// summary says in a sentence what is drawn.
func (g *Graph) summary() string {
	s := fmt.Sprintf("%s in %s", count(len(g.Clusters), "cluster"), count(len(g.Networks), "network"))
	switch {
	case !g.Live:
		return s + ", as topology.yaml asks for. The clusters were not asked."
	case len(g.Problems) == 0:
		return s + ": nothing is wrong."
	}
	return s + ": " + count(len(g.Problems), "problem") + "."
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
