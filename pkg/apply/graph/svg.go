package graph

import (
	"bytes"
	_ "embed" // the template and the style
	"fmt"
	"html/template"
)

//go:embed drawing.svg.tmpl
var drawingTemplate string

//go:embed drawing.css
var drawingStyle string

// SVG is the graph as a picture of its own, light or dark as its reader likes it.
func SVG(g *Graph) ([]byte, error) {
	d := newDrawing(g)
	d.Style = template.CSS(drawingStyle) //nolint:gosec // a file of ours, which is embedded
	var b bytes.Buffer
	if err := d.write(&b); err != nil {
		return nil, fmt.Errorf("draw %s as SVG: %w", g.title(), err)
	}
	return b.Bytes(), nil
}

// A drawing is what the template needs: where everything is, and its words.
type drawing struct {
	Width, Height  int
	Title, Summary string
	Style          template.CSS // "" where the page around it has it
	States         []State
	Networks       []drawnNetwork
	Clusters       []drawnCluster
	Lines          []drawnLine
	Legend         []drawnLegend
}

type drawnNetwork struct {
	rect
	TextX, TextY int
	Name         string
}

type drawnCluster struct {
	rect
	Index int
	State State
	Title string // all that its box has no room for
	Rows  []drawnRow
}

type drawnRow struct {
	Class, Text string
	X, Y        int
}

type drawnLine struct {
	line
	route
	Title, Label   string
	LabelX, LabelY int
}

type drawnLegend struct {
	Kind        Kind // "" for words alone
	State       State
	Text        string
	X, Y, TextX int
	LineY       int
}

// write is the drawing as an element svg. A template of HTML escapes what it is given
// for XML as well: https://www.w3.org/TR/xml/#syntax
func (d *drawing) write(b *bytes.Buffer) error {
	t, err := template.New("drawing").Parse(drawingTemplate)
	if err != nil {
		return err
	}
	return t.Execute(b, d)
}

func newDrawing(g *Graph) *drawing {
	lines, folded := g.lines()
	l := place(g, lines)
	d := &drawing{Width: l.Width, Height: l.Height, Title: g.title(), Summary: g.summary(), States: []State{Planned, OK, Broken, Unknown}}
	for i, n := range g.Networks {
		r := l.Networks[i]
		d.Networks = append(d.Networks, drawnNetwork{r, r.X + pad, r.Y + 20, cut(n.Name, (r.Width-2*pad)/8)})
	}
	for i, k := range g.captions(folded) {
		d.Clusters = append(d.Clusters, drawCluster(i, g.Clusters[i], k, l.Clusters[i]))
	}
	for i, line := range lines {
		r := l.routes[i]
		d.Lines = append(d.Lines, drawnLine{line, r, g.sentence(line.Arrow), line.label(), r.Label.X, r.Label.Y + 4})
	}
	d.Legend = legend(lines, folded, l.Height-legendHeight+outside)
	return d
}

// drawCluster is the box of a cluster: what does not fit is cut, and whole in its
// title.
func drawCluster(i int, c Cluster, k caption, r rect) drawnCluster {
	rows := []drawnRow{{Class: "name", Text: k.Name}, {Class: "role", Text: k.Role}}
	for _, w := range k.Gateways {
		rows = append(rows, drawnRow{Class: "gateway " + string(w.State), Text: w.Text})
	}
	for _, n := range k.Notes {
		rows = append(rows, drawnRow{Class: "note " + string(n.State), Text: n.Text})
	}
	out := drawnCluster{rect: r, Index: i, State: c.State, Title: "context " + c.Context}
	for j, row := range rows {
		out.Title += "\n" + row.Text
		if row.Y = r.Y + 23 + j*rowHeight; row.Y < r.Y+r.Height {
			row.Text, row.X = cut(row.Text, 30), r.X+12
			out.Rows = append(out.Rows, row)
		}
	}
	return out
}

// legend says what the lines mean that are drawn.
func legend(lines []line, f folded, y int) []drawnLegend {
	all := []drawnLegend{
		{Kind: Discovers, State: Planned, Text: "is to discover"}, {Kind: Discovers, State: OK, Text: "discovers"},
		{Kind: Serves, State: Planned, Text: "is to serve"}, {Kind: Serves, State: OK, Text: "serves"},
		{Kind: Discovers, State: Broken, Text: "✕ does not"}, {Kind: Discovers, State: Unknown, Text: "? not known"},
	}
	var out []drawnLegend
	x := outside
	for _, e := range all {
		for _, l := range lines {
			if l.State == e.State && (l.Kind == e.Kind || !e.State.quiet()) {
				e.X, e.Y, e.TextX, e.LineY = x, y+4, x+42, y
				x += 42 + textWidth(e.Text) + 24
				out = append(out, e)
				break
			}
		}
	}
	for _, what := range f.legend() {
		out = append(out, drawnLegend{Text: what, TextX: outside, Y: y + 24})
	}
	return out
}

// cut shortens a text to so many letters.
func cut(s string, most int) string {
	if r := []rune(s); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return s
}
