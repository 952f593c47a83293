package apply

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
)

// name is what tests call a step: "east: put remote secret west".
func stepName(s plan.Step) string {
	about := string(s.Part) + string(s.Claim)
	return s.Cluster + ": " + strings.Join(strings.Fields(fmt.Sprint(s.Kind, " ", about, " ", s.Peer)), " ")
}

// A graph answers questions about the steps of a plan, by their names.
type graph struct {
	steps  []plan.Step
	byName map[string]int
}

// graphOf is the graph of p. It must be one: a step comes after steps that are
// there, that are taken, and that do not come after it.
func graphOf(t *testing.T, p *plan.Plan) *graph {
	t.Helper()
	g := &graph{steps: p.Steps, byName: map[string]int{}}
	for i, s := range p.Steps {
		if _, twice := g.byName[stepName(s)]; twice {
			t.Fatalf("two steps are called %q", stepName(s))
		}
		g.byName[stepName(s)] = i
	}
	return g
}

// line is a step and the names of those that it comes after.
func (g *graph) line(s plan.Step) string {
	out := stepName(s)
	if len(s.After) > 0 {
		var after []string
		for _, i := range s.After {
			after = append(after, stepName(g.steps[i]))
		}
		out += " <- " + strings.Join(after, ", ")
	}
	if s.Blocked != "" {
		out += " blocked: " + s.Blocked
	}
	return out
}

// names are the steps that are taken, sorted.
func (g *graph) names() []string {
	var out []string
	for _, s := range g.steps {
		if s.Blocked == "" {
			out = append(out, stepName(s))
		}
	}
	slices.Sort(out)
	return out
}

// has says whether a step is taken.
func (g *graph) has(name string) bool {
	i, ok := g.byName[name]
	return ok && g.steps[i].Blocked == ""
}

// before says whether first has ended when then starts.
func (g *graph) before(t *testing.T, first, then string) bool {
	t.Helper()
	a, ok1 := g.byName[first]
	b, ok2 := g.byName[then]
	if !ok1 || !ok2 {
		t.Fatalf("there is no step %q or %q in\n%s", first, then, strings.Join(g.names(), "\n"))
	}
	return g.reaches(b, a, map[int]bool{})
}

func (g *graph) reaches(from, to int, seen map[int]bool) bool {
	if seen[from] {
		return false
	}
	seen[from] = true
	return slices.ContainsFunc(g.steps[from].After, func(i int) bool { return i == to || g.reaches(i, to, seen) })
}

// wantBefore checks a list of orders: what comes first, what comes then.
func (g *graph) wantBefore(t *testing.T, orders ...[2]string) {
	t.Helper()
	for _, o := range orders {
		if !g.before(t, o[0], o[1]) {
			t.Errorf("%s does not wait for %s", o[1], o[0])
		}
	}
}
