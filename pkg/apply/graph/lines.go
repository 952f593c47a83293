package graph

import (
	"fmt"
	"strings"
)

// A line is one arrow as it is drawn, or two that say the same of two clusters.
type line struct {
	Arrow
	Both bool // it leads back, too
}

// label is what stands at a line, "" for nothing.
func (l line) label() string {
	what := ""
	if l.Kind == Serves {
		what = string(Serves)
	}
	if !l.State.quiet() {
		what = strings.TrimSpace(what + " " + marked(l.State, l.Reason))
	}
	return what
}

// folded is what is not drawn line by line.
type folded struct {
	quiet int            // lines with nothing to say
	notes map[int][]note // of clusters with many broken lines, what these say
}

const (
	// maxQuiet is how many lines may say that all is well: as many as nine clusters
	// have that discover each other. More are a tangle in which nothing can be seen.
	maxQuiet = 36
	// maxLoud is how many broken lines of a kind may come from a cluster, or lead to it:
	// one that does not answer has them from everybody.
	maxLoud = 6
)

// lines are the arrows as they are drawn, in their order, and what is not drawn
// because there is too much of it.
func (g *Graph) lines() ([]line, folded) {
	f := folded{notes: map[int][]note{}}
	left := g.hubs(g.Arrows, f.notes, func(a Arrow) int { return a.To }, "discovered by %d of %d")
	left = g.hubs(left, f.notes, func(a Arrow) int { return a.From }, "discovers %d of %d")
	all := pair(left)
	for _, l := range all {
		if l.State.quiet() {
			f.quiet++
		}
	}
	if f.quiet <= maxQuiet {
		f.quiet = 0
		return all, f
	}
	var loud []line
	for _, l := range all {
		if !l.State.quiet() {
			loud = append(loud, l)
		}
	}
	return loud, f
}

// hubs takes out the broken lines of clusters that have too many of them, and says on
// how many of all discovery still works there.
func (g *Graph) hubs(arrows []Arrow, notes map[int][]note, end func(Arrow) int, format string) []Arrow {
	loud := make([]int, len(g.Clusters))
	for _, a := range arrows {
		if a.Kind == Discovers && !a.State.quiet() {
			loud[end(a)]++
		}
	}
	for i, n := range loud {
		if n > maxLoud {
			what := "discovery is not known"
			good, all, worst := g.tally(i, end)
			if worst == Broken {
				what = fmt.Sprintf(format, good, all)
			}
			notes[i] = append(notes[i], noteOf(worst, what))
		}
	}
	var left []Arrow
	for _, a := range arrows {
		if a.Kind != Discovers || a.State.quiet() || loud[end(a)] <= maxLoud {
			left = append(left, a)
		}
	}
	return left
}

// tally counts the discovery that has its end in cluster i: how much of it works, all
// of it, and the worst state.
func (g *Graph) tally(i int, end func(Arrow) int) (good, all int, worst State) {
	worst = Unknown
	for _, a := range g.Arrows {
		if a.Kind != Discovers || end(a) != i {
			continue
		}
		all++
		switch a.State {
		case OK:
			good++
		case Broken:
			worst = Broken
		}
	}
	return good, all, worst
}

// pair makes one line of two arrows that say the same, there and back.
func pair(arrows []Arrow) []line {
	type way struct {
		from, to int
		kind     Kind
	}
	at := map[way]int{}
	var out []line
	for _, a := range arrows {
		if i, ok := at[way{a.To, a.From, a.Kind}]; ok && out[i].State == a.State && out[i].Reason == a.Reason {
			out[i].Both = true
			continue
		}
		at[way{a.From, a.To, a.Kind}] = len(out)
		out = append(out, line{Arrow: a})
	}
	return out
}
