package order_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
)

// fact is one in cluster "c", or in the cluster before a slash.
func fact(s string) order.Fact {
	cluster, claim, ok := strings.Cut(s, "/")
	if !ok {
		cluster, claim = "c", s
	}
	return order.Fact{Cluster: cluster, Claim: order.Claim(claim)}
}

func facts(s string) []order.Fact {
	var out []order.Fact
	for _, f := range strings.Fields(s) {
		out = append(out, fact(f))
	}
	return out
}

// node is one that makes what is left of the arrow and needs what is right of it.
func node(s string) order.Node {
	made, needed, _ := strings.Cut(s, "<-")
	return order.Node{Makes: facts(made), Needs: facts(needed)}
}

func TestResolve(t *testing.T) {
	type outcome struct {
		After   []int
		Blocked string
	}
	const down = "east is not reached"
	blocked := func(n order.Node, why string) order.Node {
		n.Blocked = why
		return n
	}
	tests := map[string]struct {
		nodes []order.Node
		want  []outcome
	}{
		"nothing": {nil, nil},
		"what needs nothing comes first": {
			[]order.Node{node("a"), node("b")}, []outcome{{}, {}},
		},
		"what another makes comes after it, wherever it stands in the list": {
			[]order.Node{node("a <- b"), node("b <- c"), node("c")}, []outcome{{After: []int{1}}, {After: []int{2}}, {}},
		},
		"what several make comes after all of them, once": {
			[]order.Node{node("a x"), node("a y"), node("b <- a x y")}, []outcome{{}, {}, {After: []int{0, 1}}},
		},
		"a node does not wait for itself": {
			[]order.Node{node("a <- a"), node("a <- b"), node("b")}, []outcome{{After: []int{1}}, {After: []int{2}}, {}},
		},
		"what nobody makes and holds is not waited for": {
			[]order.Node{node("a <- already")}, []outcome{{}},
		},
		"what nobody makes and cannot be relied on blocks": {
			[]order.Node{node("a <- east/up"), node("b")}, []outcome{{Blocked: down}, {}},
		},
		"what is made is not judged, even where it does not hold yet": {
			[]order.Node{node("a <- east/up"), node("east/up")}, []outcome{{After: []int{1}}, {}},
		},
		"what a blocked node would make blocks, along the whole chain": {
			[]order.Node{node("c <- b"), node("b <- a"), node("a <- east/up"), node("other")},
			[]outcome{{[]int{1}, down}, {[]int{2}, down}, {nil, down}, {}},
		},
		"one of two makers is blocked": {
			[]order.Node{node("a"), node("a <- east/up"), node("b <- a")}, []outcome{{}, {nil, down}, {[]int{0, 1}, down}},
		},
		"what was blocked before keeps its reason, and hands it on": {
			[]order.Node{blocked(node("a <- east/up"), "forbidden"), node("b <- a")}, []outcome{{nil, "forbidden"}, {[]int{0}, "forbidden"}},
		},
		"the first reason of several is kept": {
			[]order.Node{node("a <- west/up east/up"), node("b <- a east/up")}, []outcome{{nil, "west is not reached"}, {[]int{0}, down}},
		},
		"a diamond": {
			[]order.Node{node("d <- b c"), node("b <- a"), node("c <- a"), node("a <- east/up")},
			[]outcome{{[]int{1, 2}, down}, {[]int{3}, down}, {[]int{3}, down}, {nil, down}},
		},
		"a peer makes another fact of it": {
			[]order.Node{{Makes: []order.Fact{order.Applied("c", order.Grant, ""), order.Applied("c", order.Grant, "p")}}, {Needs: []order.Fact{order.Applied("c", order.Grant, "q")}}, {Needs: []order.Fact{order.Applied("c", order.Grant, "p")}}},
			[]outcome{{}, {}, {After: []int{0}}},
		},
		"applied is not gone": {
			[]order.Node{{Makes: []order.Fact{order.Gone("c", order.Control, "")}}, {Needs: []order.Fact{order.Applied("c", order.Control, "")}}},
			[]outcome{{}, {}},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			order.Resolve(tt.nodes, func(f order.Fact) string {
				if f.Cluster == "c" {
					return ""
				}
				return f.Cluster + " is not reached"
			})
			var got []outcome
			for _, n := range tt.nodes {
				got = append(got, outcome{n.After, n.Blocked})
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("nodes (-want +got):\n%s", diff)
			}
		})
	}
}

// A circle is a mistake in the rules. All that is in it, and all that needs it,
// is blocked: an apply would wait for ever.
func TestResolveCircle(t *testing.T) {
	tests := map[string]struct {
		nodes []order.Node
		want  []bool // blocked
	}{
		"two":                     {[]order.Node{node("a <- b"), node("b <- a")}, []bool{true, true}},
		"three, and one apart":    {[]order.Node{node("a <- b"), node("b <- c"), node("c <- a"), node("d")}, []bool{true, true, true, false}},
		"what needs the circle":   {[]order.Node{node("z <- a"), node("a <- b"), node("b <- a")}, []bool{true, true, true}},
		"what the circle needs":   {[]order.Node{node("x"), node("a <- b x"), node("b <- a")}, []bool{false, true, true}},
		"two circles of one node": {[]order.Node{node("a <- b c"), node("b <- a"), node("c <- a")}, []bool{true, true, true}},
		"one that closes late":    {[]order.Node{node("a <- b"), node("b <- c d"), node("c"), node("d <- a")}, []bool{true, true, false, true}},
		"found from without":      {[]order.Node{node("s <- c"), node("a <- b"), node("b <- c"), node("c <- a")}, []bool{true, true, true, true}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			order.Resolve(tt.nodes, func(order.Fact) string { return "" })
			var got []bool
			for _, n := range tt.nodes {
				got = append(got, strings.Contains(n.Blocked, "circle"))
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("blocked (-want +got):\n%s", diff)
			}
		})
	}
}

func TestCircleIsNamed(t *testing.T) {
	nodes := []order.Node{node("s <- a"), node("a <- b"), node("b <- a")}
	order.Resolve(nodes, func(order.Fact) string { return "" })
	const want = "steps wait for each other in a circle, which is a bug in setup-mesh: c b < c a"
	if got := strings.ReplaceAll(nodes[2].Blocked, "  ", " "); strings.Join(strings.Fields(got), " ") != want {
		t.Errorf("blocked: %q, want %q", nodes[2].Blocked, want)
	}
}

// Every part leaves after those that it serves; the table lists all of them.
func TestRemovalOrder(t *testing.T) {
	tests := map[order.Part][]order.Part{
		order.Probe:      nil,
		order.Injector:   {order.Probe},
		order.Webhooks:   {order.Probe},
		order.Control:    {order.Injector, order.Webhooks, order.Mesh},
		order.Gateways:   {order.Injector, order.Webhooks, order.Mesh},
		order.Config:     {order.Webhooks, order.Mesh, order.Control, order.Gateways},
		order.Trust:      {order.Control, order.Gateways},
		order.Credential: {order.Control},
		order.Grant:      {order.Control, order.Webhooks},
		order.ByProducts: {order.Control, order.Config, order.Trust, order.Service},
		order.Spaces:     {order.Copies, order.ByProducts},
		order.CRDs:       {order.Mesh, order.Control},
		order.Record:     {order.CRDs, order.Config, order.Spaces, order.ByProducts},
		order.Namespace:  {order.Record, order.CRDs, order.Trust},
	}
	for part, want := range tests {
		before := part.Before()
		for _, p := range want {
			if !slices.Contains(before, p) {
				t.Errorf("%s leaves before %s", part, p)
			}
		}
		if slices.Contains(before, part) {
			t.Errorf("%s leaves before itself", part)
		}
	}
}

func TestSubjectCompare(t *testing.T) {
	all := []order.Subject{
		{Component: order.RemoteAccess, Part: order.Grant, Peer: "b"},
		{Component: order.Certificate, Part: order.Trust},
		{Component: order.RemoteAccess, Part: order.Credential, Peer: "b"},
		{Component: order.RemoteAccess, Part: order.Grant, Peer: "a"},
		{Component: order.ControlPlane, Part: order.Control},
	}
	slices.SortFunc(all, order.Subject.Compare)
	want := []order.Subject{
		{Component: order.Certificate, Part: order.Trust},
		{Component: order.ControlPlane, Part: order.Control},
		{Component: order.RemoteAccess, Part: order.Credential, Peer: "b"},
		{Component: order.RemoteAccess, Part: order.Grant, Peer: "a"},
		{Component: order.RemoteAccess, Part: order.Grant, Peer: "b"},
	}
	if diff := cmp.Diff(want, all); diff != "" {
		t.Errorf("sorted (-want +got):\n%s", diff)
	}
}
