package graph

import (
	"cmp"
	"fmt"
	"slices"
)

// A point is one of a drawing.
type point struct{ X, Y int }

// A route is how a line is drawn: a Bézier curve with two control points.
type route struct {
	points [4]point
	Label  point
	Anchor string // of the label: "start", "middle" or "end"
}

// Path is the route as SVG has it:
// https://www.w3.org/TR/SVG2/paths.html#PathDataCubicBezierCommands
func (r route) Path() string {
	p := r.points
	return fmt.Sprintf("M%d %dC%d %d %d %d %d %d", p[0].X, p[0].Y, p[1].X, p[1].Y, p[2].X, p[2].Y, p[3].X, p[3].Y)
}

// at is the point of the curve after so many percent of it.
func (r route) at(percent int) point {
	t, u := percent, 100-percent
	sum := func(a, b, c, d int) int { return (u*u*u*a + 3*u*u*t*b + 3*u*t*t*c + t*t*t*d) / 1_000_000 }
	p := r.points
	return point{sum(p[0].X, p[1].X, p[2].X, p[3].X), sum(p[0].Y, p[1].Y, p[2].Y, p[3].Y)}
}

// spot is where a label may stand after so many percent of the curve: on the line, or
// beside one that bows.
func (r route) spot(percent int) point {
	p := r.at(percent)
	switch r.Anchor {
	case "start":
		p.X += 8
	case "end":
		p.X -= 8
	}
	return p
}

const (
	maxBow      = 110 // how far a line bows outwards at most
	labelHeight = 18
)

// draw gives each line its route.
func (l layout) draw(lines []line) []route {
	ends := l.anchors(lines)
	out := make([]route, len(lines))
	for i, line := range lines {
		from, to := ends[i][0], ends[i][1]
		bow := middle / 3
		if l.left[line.From] == l.left[line.To] {
			bow = min(maxBow, 40+abs(from.Y-to.Y)/8)
		}
		out[i] = route{Anchor: "middle", points: [4]point{from, {from.X + bow*l.outward(line.From, line), from.Y}, {to.X + bow*l.outward(line.To, line), to.Y}, to}}
		out[i].Label = out[i].at(50)
	}
	l.label(lines, out)
	return out
}

// outward is the direction in which a line leaves cluster c: to the middle if the other
// one is on the other side.
func (l layout) outward(c int, of line) int {
	if l.left[c] == (l.left[of.From] == l.left[of.To]) {
		return -1
	}
	return 1
}

// anchors are where the lines begin and end: spread over the edge of each cluster, in
// the order in which they leave it, so that they cross less.
func (l layout) anchors(lines []line) [][2]point {
	type edge struct{ cluster, direction int }
	type end struct{ line, which, toward int }
	ends := map[edge][]end{}
	for i, line := range lines {
		for which, c := range []int{line.From, line.To} {
			other := []int{line.To, line.From}[which]
			e := edge{c, l.outward(c, line)}
			ends[e] = append(ends[e], end{i, which, l.Clusters[other].Y})
		}
	}
	out := make([][2]point, len(lines))
	for e, all := range ends {
		slices.SortFunc(all, func(a, b end) int { return cmp.Or(a.toward-b.toward, a.line-b.line) })
		box := l.Clusters[e.cluster]
		x := box.X
		if e.direction > 0 {
			x += box.Width
		}
		for j, one := range all {
			out[one.line][one.which] = point{x, box.Y + box.Height*(j+1)/(len(all)+1)}
		}
	}
	return out
}

// label puts the labels where they hide neither each other nor a cluster, as far as
// there is such a place.
func (l layout) label(lines []line, routes []route) {
	taken := slices.Clone(l.Clusters)
	for i, line := range lines {
		if line.label() == "" {
			continue
		}
		r := &routes[i]
		if l.left[line.From] == l.left[line.To] {
			r.Anchor = "start"
			if l.left[line.From] {
				r.Anchor = "end"
			}
		}
		width := textWidth(line.label())
		r.Label = r.spot(30)
		for _, percent := range []int{30, 40, 22, 50, 60, 70, 78} {
			if box := labelBox(r.spot(percent), r.Anchor, width); !slices.ContainsFunc(taken, box.overlaps) {
				r.Label = r.spot(percent)
				break
			}
		}
		taken = append(taken, labelBox(r.Label, r.Anchor, width))
	}
}

// labelBox is what a label covers.
func labelBox(at point, anchor string, width int) rect {
	x := at.X - width/2
	switch anchor {
	case "start":
		x = at.X
	case "end":
		x = at.X - width
	}
	return rect{x, at.Y - labelHeight/2, width, labelHeight}
}

// textWidth is about as wide as a text of that many letters is in the size of labels.
func textWidth(s string) int { return 7 * len([]rune(s)) }

func abs(n int) int { return max(n, -n) }
