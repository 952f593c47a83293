package graph

import "math"

// Sizes of a drawing, in pixels.
const (
	nodeWidth, nodeHeight = 236, 96 // of four rows
	rowHeight             = 20
	gapX, gapY            = 28, 22
	pad, heading          = 16, 30 // of the box of a network
	middle                = 300    // between the two sides
	outside               = 20     // around all
	top                   = 64     // for the title
	legendHeight          = 56
	minWidth              = 420 // for title and legend
	maxTall               = 16  // clusters of a drawing with one column on each side
)

// A rect is a rectangle.
type rect struct{ X, Y, Width, Height int }

func (r rect) overlaps(o rect) bool {
	return r.X < o.X+o.Width && o.X < r.X+r.Width && r.Y < o.Y+o.Height && o.Y < r.Y+r.Height
}

// A layout is where everything is in a drawing. Networks stand on two sides, and what
// is between clusters of different sides passes in the middle, where nothing else is;
// what is between clusters of one side bows outwards.
type layout struct {
	Width, Height int
	Networks      []rect
	Clusters      []rect
	left          []bool // of each cluster
	node          int    // height of a cluster
	routes        []route
}

// place lays out g with these lines.
func place(g *Graph, lines []line) layout {
	l := layout{Networks: make([]rect, len(g.Networks)), Clusters: make([]rect, len(g.Clusters)), left: make([]bool, len(g.Clusters)), node: nodeHeight}
	for _, c := range g.Clusters {
		l.node = max(l.node, nodeHeight+(len(c.Gateways)-1)*rowHeight)
	}
	columns := 1
	if n := len(g.Clusters); n > maxTall {
		columns = int(math.Ceil(math.Sqrt(float64(n)) / 2))
	}
	bottom := 0
	if len(g.Networks) == 1 {
		bottom = l.one(g, columns)
	} else {
		bottom = l.sides(g, columns)
	}
	l.Height = bottom + outside + legendHeight
	l.routes = l.draw(lines)
	l.frame(lines)
	return l
}

// frame moves everything to the right as far as lines and labels reach beyond the left
// edge, in place, and makes the drawing as wide as it has to be.
func (l *layout) frame(lines []line) {
	left, right := 0, minWidth
	for _, n := range l.Networks {
		right = max(right, n.X+n.Width)
	}
	for i, r := range l.routes {
		box := labelBox(r.Label, r.Anchor, textWidth(lines[i].label()))
		for _, x := range []int{r.at(25).X, r.at(50).X, r.at(75).X, box.X, box.X + box.Width} {
			left, right = min(left, x), max(right, x)
		}
	}
	for i := range l.Networks {
		l.Networks[i].X += outside - left
	}
	for i := range l.Clusters {
		l.Clusters[i].X += outside - left
	}
	for i := range l.routes {
		r := &l.routes[i]
		for j := range r.points {
			r.points[j].X += outside - left
		}
		r.Label.X += outside - left
	}
	l.Width = right - left + 2*outside
}

// one puts the clusters of the only network on both sides of it, in place.
func (l *layout) one(g *Graph, columns int) (bottom int) {
	all := g.Networks[0].Clusters
	half := (len(all) + 1) / 2
	wide := sideWidth(columns)
	width := 2*(pad+wide) + middle
	if len(all) == 1 {
		width = 2*pad + wide
	}
	bottom = l.grid(all[:half], pad, top+heading, columns) + pad
	l.grid(all[half:], pad+wide+middle, top+heading, columns)
	for _, c := range all[:half] {
		l.left[c] = true
	}
	l.Networks[0] = rect{0, top, width, bottom - top}
	return bottom
}

// sides puts each network on the side that is shorter so far, in place.
func (l *layout) sides(g *Graph, columns int) (bottom int) {
	wide := sideWidth(columns) + 2*pad
	x := [2]int{0, wide + middle}
	y := [2]int{top, top}
	var on [2][]int
	for i, n := range g.Networks {
		side := 0
		if y[1] < y[0] {
			side = 1
		}
		for _, c := range n.Clusters {
			l.left[c] = side == 0
		}
		end := l.grid(n.Clusters, x[side]+pad, y[side]+heading, columns) + pad
		l.Networks[i] = rect{x[side], y[side], wide, end - y[side]}
		y[side], on[side] = end+gapY, append(on[side], i)
	}
	bottom = max(y[0], y[1]) - gapY
	for side, networks := range on { // the shorter one in the middle of the height
		l.lower(g, networks, (bottom-(y[side]-gapY))/2)
	}
	return bottom
}

// lower moves networks and what is in them down, in place.
func (l *layout) lower(g *Graph, networks []int, by int) {
	for _, i := range networks {
		l.Networks[i].Y += by
		for _, c := range g.Networks[i].Clusters {
			l.Clusters[c].Y += by
		}
	}
}

// grid puts clusters into rows of so many columns, in place, and returns where they
// end.
func (l *layout) grid(clusters []int, x, y, columns int) (bottom int) {
	for i, c := range clusters {
		l.Clusters[c] = rect{x + i%columns*(nodeWidth+gapX), y + i/columns*(l.node+gapY), nodeWidth, l.node}
	}
	rows := (len(clusters) + columns - 1) / columns
	return y + rows*(l.node+gapY) - gapY
}

func sideWidth(columns int) int { return columns*(nodeWidth+gapX) - gapX }
