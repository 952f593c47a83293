package order

import (
	"fmt"
	"strings"
)

// A Node is a step of a graph: what it needs to be true first, and what is true
// once it is done.
type Node struct {
	Needs, Makes []Fact
	// Blocked is why it cannot be done, "" if it can. What is set before
	// [Resolve] stays.
	Blocked string
	// After are the indices of the nodes that come first, ascending.
	After []int
}

// Resolve makes a graph of nodes. A need that some nodes make comes after all
// of these; one that no node makes is judged by holds, which returns why it
// cannot be relied on, or "". A node with a need that does not hold, or that
// a blocked node would make, is blocked, for the same reason.
//
// A graph with a circle is a mistake in the rules: the nodes in it are
// blocked, and say so.
func Resolve(nodes []Node, holds func(Fact) string) {
	makers := map[Fact][]int{}
	for i, n := range nodes {
		for _, f := range n.Makes {
			makers[f] = append(makers[f], i)
		}
	}
	for i := range nodes {
		nodes[i].connect(i, makers, holds)
	}
	state := make([]int, len(nodes)) // 0 new, 1 being visited, 2 done
	var visit func(i int, path []int)
	visit = func(i int, path []int) {
		state[i] = 1
		path = append(path, i)
		for _, j := range nodes[i].After {
			if state[j] == 1 {
				nodes[i].block(circle(nodes, path, j))
				continue
			}
			if state[j] == 0 {
				visit(j, path)
			}
			nodes[i].block(nodes[j].Blocked)
		}
		state[i] = 2
	}
	for i := range nodes {
		if state[i] == 0 {
			visit(i, nil)
		}
	}
}

// connect finds the nodes that come before node i.
func (n *Node) connect(i int, makers map[Fact][]int, holds func(Fact) string) {
	before := map[int]bool{}
	for _, f := range n.Needs {
		made := makers[f]
		if len(made) == 0 {
			n.block(holds(f))
		}
		for _, j := range made {
			before[j] = before[j] || j != i
		}
	}
	n.After = sorted(before)
}

// block keeps the first reason.
func (n *Node) block(why string) {
	if n.Blocked == "" {
		n.Blocked = why
	}
}

func circle(nodes []Node, path []int, from int) string {
	var names []string
	for k := len(path) - 1; k >= 0; k-- {
		for _, f := range nodes[path[k]].Makes {
			names = append(names, fmt.Sprintf("%s %s %s", f.Cluster, f.Claim, f.Peer))
			break
		}
		if path[k] == from {
			break
		}
	}
	return "steps wait for each other in a circle, which is a bug in setup-mesh: " + strings.Join(names, " < ")
}
