package graph

import (
	"bytes"
	"crypto/sha256"
	_ "embed" // the template, the style and the script
	"encoding/base64"
	"fmt"
	"html/template"
	"strings"

	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
)

//go:embed page.html.tmpl
var pageTemplate string

//go:embed page.css
var pageStyle string

//go:embed page.js
var pageScript string

// HTML is the graph as a page that needs nothing else: the drawing, all pairs, all
// clusters and what is wrong. Its script searches, filters and shows one cluster at a
// time; without it, everything is there all the same. Its content security policy lets
// the browser run that script and nothing else, and load nothing.
func HTML(g *Graph) ([]byte, error) {
	p, err := newPage(g)
	if err != nil {
		return nil, fmt.Errorf("draw %s as HTML: %w", g.title(), err)
	}
	t, err := template.New("page").Parse(pageTemplate)
	if err != nil {
		return nil, fmt.Errorf("draw %s as HTML: %w", g.title(), err)
	}
	var b bytes.Buffer
	if err := t.Execute(&b, p); err != nil {
		return nil, fmt.Errorf("draw %s as HTML: %w", g.title(), err)
	}
	return b.Bytes(), nil
}

// A page is what the template needs.
type page struct {
	Title, Summary, Policy string
	Live                   bool
	Style                  template.CSS
	Script                 template.JS
	Drawing                template.HTML
	Matrix                 matrix
	Clusters               []pageCluster
	Problems               []plan.Finding
	Data                   pageData
}

// A pageCluster is a row of the table of clusters.
type pageCluster struct {
	Cluster
	Mark, Gateway, ServedBy string
	Search                  string // what a search looks at, in lower case
}

// pageData is what the script knows besides the tables. An arrow is from, to, kind,
// state, reason: there are thousands in a large mesh.
type pageData struct {
	Clusters []string `json:"clusters"`
	States   []State  `json:"states"`
	Arrows   [][]any  `json:"arrows"`
}

func newPage(g *Graph) (*page, error) {
	var svg bytes.Buffer
	if err := newDrawing(g).write(&svg); err != nil {
		return nil, err
	}
	style, script := drawingStyle+pageStyle, pageScript
	p := &page{
		Title: g.title(), Summary: g.summary(), Live: g.Live, Problems: g.Problems, Matrix: newMatrix(g),
		Style:   template.CSS(style),         //nolint:gosec // files of ours, which are embedded
		Script:  template.JS(script),         //nolint:gosec // as above
		Drawing: template.HTML(svg.String()), //nolint:gosec // made by a template that escapes
		Policy:  fmt.Sprintf("default-src 'none'; base-uri 'none'; form-action 'none'; style-src %s; script-src %s", digest(style), digest(script)),
	}
	for i, c := range g.Clusters {
		row := pageCluster{Cluster: c, Mark: c.State.mark(), ServedBy: strings.Join(c.Primaries, ", ")}
		var gateways []string
		for _, w := range c.Gateways {
			gateways = append(gateways, w.words())
		}
		row.Gateway = strings.Join(gateways, "; ")
		row.Search = strings.ToLower(strings.Join([]string{c.Name, c.Context, c.Network, c.Role, string(c.State), c.Reason, row.Gateway}, " "))
		p.Clusters = append(p.Clusters, row)
		p.Data.Clusters = append(p.Data.Clusters, g.Clusters[i].Name)
		p.Data.States = append(p.Data.States, c.State)
	}
	for _, a := range g.Arrows {
		p.Data.Arrows = append(p.Data.Arrows, []any{a.From, a.To, a.Kind, a.State, a.Reason})
	}
	return p, nil
}

// digest is how a policy names what may be run or applied:
// https://www.w3.org/TR/CSP3/#external-hash
func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// A matrix has a row for each cluster that discovers others, and a column for each that
// is discovered.
type matrix struct {
	Columns []matrixHead
	Rows    []matrixRow
}

type matrixHead struct {
	Index int
	Name  string
}

type matrixRow struct {
	matrixHead
	Cells []matrixCell
}

type matrixCell struct {
	State State // "" where there is nothing between the two
	Mark  string
	Title string // what is wrong
}

func newMatrix(g *Graph) matrix {
	n := len(g.Clusters)
	at := make([]map[int]Arrow, n)
	seen := make([]bool, n)
	for _, a := range g.Arrows {
		if a.Kind != Discovers {
			continue
		}
		if at[a.From] == nil {
			at[a.From] = map[int]Arrow{}
		}
		at[a.From][a.To], seen[a.To] = a, true
	}
	var m matrix
	for i, c := range g.Clusters {
		if seen[i] {
			m.Columns = append(m.Columns, matrixHead{i, c.Name})
		}
	}
	for i, c := range g.Clusters {
		if at[i] == nil {
			continue
		}
		row := matrixRow{matrixHead: matrixHead{i, c.Name}}
		for _, to := range m.Columns {
			row.Cells = append(row.Cells, g.cell(at[i], to.Index))
		}
		m.Rows = append(m.Rows, row)
	}
	return m
}

func (g *Graph) cell(arrows map[int]Arrow, to int) matrixCell {
	a, ok := arrows[to]
	if !ok {
		return matrixCell{}
	}
	cell := matrixCell{State: a.State, Mark: a.State.mark()}
	switch {
	case a.State == Planned:
		cell.Mark = "→"
	case !a.State.quiet():
		cell.Title = g.sentence(a)
	}
	return cell
}
