package graph

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func inside(inner, outer rect) bool {
	return inner.X >= outer.X && inner.Y >= outer.Y && inner.X+inner.Width <= outer.X+outer.Width && inner.Y+inner.Height <= outer.Y+outer.Height
}

// checkLayout holds a layout to what makes a drawing readable.
func checkLayout(t *testing.T, g *Graph) {
	t.Helper()
	lines, _ := g.lines()
	l := place(g, lines)
	page := rect{0, 0, l.Width, l.Height - legendHeight}
	for i, n := range l.Networks {
		if !inside(n, page) {
			t.Errorf("network %d %v is not on the page %v", i, n, page)
		}
		for j := range i {
			if n.overlaps(l.Networks[j]) {
				t.Errorf("network %d %v overlaps network %d %v", i, n, j, l.Networks[j])
			}
		}
		for _, c := range g.Networks[i].Clusters {
			if !inside(l.Clusters[c], n) {
				t.Errorf("cluster %d %v is not in its network %v", c, l.Clusters[c], n)
			}
		}
	}
	for i, c := range l.Clusters {
		for j := range i {
			if c.overlaps(l.Clusters[j]) {
				t.Errorf("cluster %d %v overlaps cluster %d %v", i, c, j, l.Clusters[j])
			}
		}
	}
	for i, r := range l.routes {
		if box := labelBox(r.Label, r.Anchor, textWidth(lines[i].label())); lines[i].label() != "" && !inside(box, page) {
			t.Errorf("the label of %v at %v is not on the page %v", lines[i], box, page)
		}
		for which, c := range []int{lines[i].From, lines[i].To} {
			end, box := r.points[3*which], l.Clusters[c]
			if end.X != box.X && end.X != box.X+box.Width || end.Y <= box.Y || end.Y >= box.Y+box.Height {
				t.Errorf("line %v ends at %v, not at an edge of %v", lines[i], end, box)
			}
		}
	}
}

func TestLayout(t *testing.T) {
	for name, g := range examples(t) {
		t.Run(name, func(t *testing.T) { checkLayout(t, g) })
	}
}

// TestLayoutOfAnyMesh tries meshes of all sizes, whose clusters are spread over their
// networks at random.
func TestLayoutOfAnyMesh(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for n := 1; n < 40; n++ {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "  c%d: {network: n%d", i, r.IntN(1+r.IntN(6)))
			if i > 0 && r.IntN(4) == 0 {
				b.WriteString(", primaries: [c0]")
			}
			b.WriteString("}\n")
		}
		m := mesh(t, b.String())
		checkLayout(t, New(m, nil, nil))
		s := healthy(m)
		for _, c := range s.Clusters {
			for source := range c.Discovers {
				if r.IntN(5) == 0 {
					c.Discovers[source] = "timeout in istiod-1"
				}
			}
		}
		checkLayout(t, New(m, nil, s))
	}
}

// TestLabelsDoNotHideEachOther where there is room for all.
func TestLabelsDoNotHideEachOther(t *testing.T) {
	g := examples(t)["mixed-broken"]
	lines, _ := g.lines()
	l := place(g, lines)
	var boxes []rect
	for i, r := range l.routes {
		if lines[i].label() == "" {
			continue
		}
		box := labelBox(r.Label, r.Anchor, textWidth(lines[i].label()))
		for _, other := range append(boxes, l.Clusters...) {
			if box.overlaps(other) {
				t.Errorf("the label of %v at %v overlaps %v", lines[i], box, other)
			}
		}
		boxes = append(boxes, box)
	}
	if len(boxes) == 0 {
		t.Error("there are no labels")
	}
}

// TestSameBytes draws everything again.
func TestSameBytes(t *testing.T) {
	first, second := examples(t), examples(t)
	for ending := range formats() {
		for name := range first {
			if !bytes.Equal(written(t, ending, first[name]), written(t, ending, second[name])) {
				t.Errorf("%s.%s is not the same again", name, ending)
			}
		}
	}
}

func TestLines(t *testing.T) {
	m := mesh(t, "  a: {network: n}\n  b: {network: n}\n  r: {network: n, primaries: [a]}\n")
	tests := map[string]struct {
		discovers map[string]string // "a b": state
		want      []line
	}{
		"two that say the same are one": {nil, []line{
			{Arrow: Arrow{Kind: Discovers, From: 0, To: 1, State: OK}, Both: true},
			{Arrow: Arrow{Kind: Discovers, From: 0, To: 2, State: OK}},
			{Arrow: Arrow{Kind: Serves, From: 0, To: 2, State: OK}},
			{Arrow: Arrow{Kind: Discovers, From: 1, To: 2, State: OK}},
		}},
		"two that do not are two": {map[string]string{"b a": "unauthorized"}, []line{
			{Arrow: Arrow{Kind: Discovers, From: 0, To: 1, State: OK}},
			{Arrow: Arrow{Kind: Discovers, From: 0, To: 2, State: OK}},
			{Arrow: Arrow{Kind: Serves, From: 0, To: 2, State: OK}},
			{Arrow: Arrow{Kind: Discovers, From: 1, To: 0, State: Broken, Reason: "token refused"}},
			{Arrow: Arrow{Kind: Discovers, From: 1, To: 2, State: OK}},
		}},
		"and so are two with different reasons": {map[string]string{"b a": "unauthorized", "a b": "timeout"}, []line{
			{Arrow: Arrow{Kind: Discovers, From: 0, To: 1, State: Broken, Reason: "timeout"}},
			{Arrow: Arrow{Kind: Discovers, From: 0, To: 2, State: OK}},
			{Arrow: Arrow{Kind: Serves, From: 0, To: 2, State: OK}},
			{Arrow: Arrow{Kind: Discovers, From: 1, To: 0, State: Broken, Reason: "token refused"}},
			{Arrow: Arrow{Kind: Discovers, From: 1, To: 2, State: OK}},
		}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := healthy(m)
			for pair, state := range tt.discovers {
				from, to, _ := strings.Cut(pair, " ")
				for _, c := range s.Clusters {
					if c.Name == from {
						c.Discovers[to] = state
					}
				}
			}
			got, f := New(m, nil, s).lines()
			if diff := cmp.Diff(tt.want, got, cmp.AllowUnexported(line{}), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if f.quiet != 0 || len(f.notes) != 0 {
				t.Errorf("left out: %v", f)
			}
		})
	}
}

// TestSixtyClusters: a large drawing shows what is wrong, and says what it leaves out.
func TestSixtyClusters(t *testing.T) {
	g := examples(t)["sixty-broken"]
	lines, f := g.lines()
	want := []line{{Arrow: Arrow{
		Kind: Discovers, From: 3, To: 40, State: Broken, Reason: "timeout in istiod-1",
		Message: "does not discover cluster-40: timeout in istiod-1",
	}}}
	if diff := cmp.Diff(want, lines, cmp.AllowUnexported(line{})); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
	notes := map[int][]note{7: {{Unknown, "? discovery is not known"}}, 12: {{Broken, "✕ discovered by 0 of 53"}}}
	if diff := cmp.Diff(notes, f.notes, cmp.AllowUnexported(note{})); diff != "" {
		t.Errorf("notes (-want +got):\n%s", diff)
	}
	svg, page := string(written(t, "svg", g)), string(written(t, "html", g))
	if n := strings.Count(svg, `<g class="cluster `); n != 60 {
		t.Errorf("%d clusters are drawn", n)
	}
	if !strings.Contains(svg, fmt.Sprintf("%d lines with nothing to say are not drawn.", f.quiet)) {
		t.Errorf("it does not say that %d lines are not drawn", f.quiet)
	}
	m := newMatrix(g)
	if len(m.Columns) != 60 || len(m.Rows) != 54 {
		t.Errorf("the matrix has %d columns and %d rows", len(m.Columns), len(m.Rows))
	}
	if n := strings.Count(page, `<tr data-cluster=`); n != 60+54 {
		t.Errorf("the page has %d rows", n)
	}
	if len(page) > 400_000 {
		t.Errorf("the page has %d bytes", len(page))
	}
	if err := xml.Unmarshal([]byte(svg), new(struct{})); err != nil {
		t.Error(err)
	}
}
