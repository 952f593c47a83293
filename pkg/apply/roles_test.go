package apply

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/setup-mesh/setup-mesh/pkg/apply/desired"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
	"github.com/setup-mesh/setup-mesh/pkg/apply/world"
)

// Roles are the primaries of each cluster of a mesh, none for a primary.
type roles map[string][]string

// assignments are all ways to give roles to clusters: each is a primary, or is
// served by some of those that are.
func assignments(names ...string) []roles {
	var out []roles
	for set := 1; set < 1<<len(names); set++ { // the primaries
		primaries, rest := split(names, set)
		all := []roles{{}}
		for _, p := range primaries {
			for _, r := range all {
				r[p] = nil
			}
		}
		for _, name := range rest {
			var more []roles
			for _, r := range all {
				for by := 1; by < 1<<len(primaries); by++ {
					serve, _ := split(primaries, by)
					one := maps.Clone(r)
					one[name] = serve
					more = append(more, one)
				}
			}
			all = more
		}
		out = append(out, all...)
	}
	return out
}

// split are the names whose bits are set, and the others.
func split(names []string, set int) (in, out []string) {
	for i, name := range names {
		if set&(1<<i) != 0 {
			in = append(in, name)
		} else {
			out = append(out, name)
		}
	}
	return in, out
}

// String is roles in one line: "a, b of a".
func (r roles) String() string {
	var out []string
	for _, name := range object.SortedKeys(r) {
		if len(r[name]) == 0 {
			out = append(out, name)
			continue
		}
		out = append(out, name+" of "+strings.Join(r[name], "+"))
	}
	return strings.Join(out, ", ")
}

// topology is a file that says so; each cluster has a network of its own, or all
// have one.
func (r roles) topology(oneNetwork bool) string {
	var b strings.Builder
	b.WriteString("mesh_id: m\ncontexts:\n")
	for _, name := range object.SortedKeys(r) {
		network := "n-" + name
		if oneNetwork {
			network = "n"
		}
		var primaries []string
		for _, p := range r[name] {
			primaries = append(primaries, "kind-"+p)
		}
		fmt.Fprintf(&b, "  kind-%s: {network: %s, name: %s", name, network, name)
		if len(primaries) > 0 {
			fmt.Fprintf(&b, ", primaries: [%s]", strings.Join(primaries, ", "))
		}
		b.WriteString("}\n")
	}
	return b.String()
}

// wanted is what r asks for, with certificates that nobody looks at: to verify
// them takes nearly all of the time that thousands of plans take.
func (r roles) wanted(t *testing.T, oneNetwork bool) *desired.Desired {
	t.Helper()
	d := WantedMesh(t, r.topology(oneNetwork), TestBase)
	d.Root = nil
	for _, c := range d.Clusters {
		for i, it := range c.Items {
			if it.Part == order.Trust {
				plain := *it
				plain.Late = nil
				c.Items[i] = &plain
			}
		}
	}
	return d
}

// A mesh is a topology, and the world in which it was applied.
type mesh struct {
	roles   roles
	desired *desired.Desired
	world   *world.World
}

func meshes(t *testing.T, oneNetwork bool, names ...string) []mesh {
	t.Helper()
	var out []mesh
	for _, r := range assignments(names...) {
		d := r.wanted(t, oneNetwork)
		out = append(out, mesh{r, d, appliedWorld(t, d)})
	}
	return out
}

// seen is the world of m as it is read for d, whose clusters come first; those
// that d does not name leave.
func (m mesh) seen(d *desired.Desired) *world.World {
	w := &world.World{Now: m.world.Now}
	for _, c := range d.Clusters {
		w.Clusters = append(w.Clusters, m.copyOf(c.Member.Name))
	}
	for _, l := range m.world.Clusters {
		if w.Cluster(l.Name) == nil {
			gone := m.copyOf(l.Name)
			gone.Leaving = true
			w.Clusters = append(w.Clusters, gone)
		}
	}
	return seenFor(d, w)
}

func (m mesh) copyOf(name string) *world.Live {
	l := *m.world.Cluster(name)
	l.Objects = maps.Clone(l.Objects)
	return &l
}

// down is what is left to know of a cluster that does not answer.
func takeDown(w *world.World, name string) {
	for i, l := range w.Clusters {
		if l.Name == name {
			m := l.Member
			m.UID = ""
			w.Clusters[i] = &world.Live{Member: m, Leaving: l.Leaving, Unreached: errors.New("i/o timeout")}
		}
	}
}

// checkAll fails unless all of p can be done.
func checkAll(t *testing.T, p *plan.Plan) {
	t.Helper()
	checkPlan(t, p)
	for _, s := range p.Steps {
		if s.Blocked != "" {
			t.Errorf("%s is blocked: %s", stepName(s), s.Blocked)
		}
	}
}

// checkPlan fails unless each change of p has a place in the order.
func checkPlan(t *testing.T, p *plan.Plan) {
	t.Helper()
	for _, f := range p.Refusals {
		t.Errorf("refused %s: %s", f.Cluster, f.Message)
	}
	taken := map[string]map[int]bool{}
	for i, s := range p.Steps {
		if strings.Contains(s.Blocked, "circle") {
			t.Errorf("%s is blocked: %s", stepName(s), s.Blocked)
		}
		if slices.ContainsFunc(s.After, func(j int) bool { return p.Steps[j].Blocked != "" }) && s.Blocked == "" {
			t.Errorf("%s comes after a step that is not taken", stepName(s))
		}
		if slices.Contains(s.After, i) {
			t.Errorf("%s comes after %v", stepName(s), s.After)
		}
		if taken[s.Cluster] == nil {
			taken[s.Cluster] = map[int]bool{}
		}
		for _, at := range s.Changes {
			if taken[s.Cluster][at] {
				t.Errorf("%s is in two steps", p.Cluster(s.Cluster).Changes[at].Object)
			}
			taken[s.Cluster][at] = true
		}
	}
	for _, c := range p.Clusters {
		for i, ch := range c.Changes {
			if ch.Action != plan.Keep && ch.Part != order.Record && !taken[c.Name][i] {
				t.Errorf("%s: no step does: %s", c.Name, changeLine(ch))
			}
		}
	}
	g := graphOf(t, p)
	for i, s := range p.Steps {
		if g.reaches(i, i, map[int]bool{}) {
			t.Errorf("%s waits for itself", stepName(s))
		}
	}
}

// checkServed fails where a cluster loses what serves it before what is to serve
// it does.
func checkServed(t *testing.T, before, after roles, p *plan.Plan) {
	t.Helper()
	g := graphOf(t, p)
	want := func(first, then string) {
		switch {
		case !g.has(then):
		case !g.has(first):
			t.Errorf("%s is done without %s", then, first)
		case !g.before(t, first, then):
			t.Errorf("%s does not wait for %s", then, first)
		}
	}
	for name, was := range before {
		is, stays := after[name]
		proof := name + ": prove injection"
		switch {
		case !stays: // nothing calls a primary that is gone
			for _, p := range was {
				for _, part := range []order.Part{order.Control, order.Gateways, order.Mesh, order.Config, order.Front} {
					want(name+": remove injection webhook", fmt.Sprintf("%s: remove %s", p, part))
				}
			}
			continue
		case slices.Equal(was, is):
			continue
		case len(is) == 0:
			proof = name + ": prove istiod"
			for _, old := range was { // it would inject pods as its own
				want(fmt.Sprintf("%s: remove address %s", name, old), name+": put injection webhook")
			}
		case len(was) == 0:
			for _, other := range is {
				want(name+": put injection webhook", fmt.Sprintf("%s: put address %s", name, other))
			}
		}
		if len(was) == 0 { // its own control plane goes once the others serve it
			want(name+": prove serving", name+": put control plane service")
			for _, part := range []order.Part{order.Control, order.Injector, order.Webhooks, order.Trust, order.Config, order.CRDs, order.Mesh} {
				want(proof, fmt.Sprintf("%s: remove %s", name, part))
			}
			for other := range before {
				want(proof, fmt.Sprintf("%s: remove remote secret %s", name, other))
			}
		}
		for _, old := range was { // a former primary is needed until then
			if slices.Contains(is, old) {
				continue
			}
			want(proof, fmt.Sprintf("%s: remove address %s", name, old))
			want(proof, fmt.Sprintf("%s: remove grant %s", name, old))
			want(proof, fmt.Sprintf("%s: remove remote secret %s", old, name))
			if _, stays := after[old]; !stays || len(after[old]) > 0 {
				for _, part := range []order.Part{order.Control, order.Gateways, order.Mesh, order.Config, order.Front, order.Trust} {
					want(proof, fmt.Sprintf("%s: remove %s", old, part))
				}
			}
		}
		if len(is) > 0 && slices.ContainsFunc(was, func(old string) bool { return !slices.Contains(is, old) }) {
			want(name+": prove serving", proof)
		}
	}
}

func networks() map[string]bool {
	return map[string]bool{"one network": true, "networks of their own": false}
}

// TestEveryChangeOfRoles plans every change of the roles of three clusters. All
// of them can be applied in one go, and no cluster is without a control plane
// that serves it at any moment.
func TestEveryChangeOfRoles(t *testing.T) {
	for name, one := range networks() {
		all := meshes(t, one, "a", "b", "c")
		for _, before := range all {
			for _, after := range all {
				t.Run(fmt.Sprintf("%s/%s then %s", name, before.roles, after.roles), func(t *testing.T) {
					p := NewPlan(after.desired, before.seen(after.desired), plan.Options{})
					checkAll(t, p)
					checkServed(t, before.roles, after.roles, p)
				})
			}
		}
	}
}

// TestEveryDeparture does the same while a fourth cluster leaves.
func TestEveryDeparture(t *testing.T) {
	for name, one := range networks() {
		afters := meshes(t, one, "a", "b", "c")
		for _, before := range meshes(t, one, "a", "b", "c", "d") {
			for _, after := range afters {
				t.Run(fmt.Sprintf("%s/%s then %s", name, before.roles, after.roles), func(t *testing.T) {
					p := NewPlan(after.desired, before.seen(after.desired), plan.Options{})
					checkAll(t, p)
					checkServed(t, before.roles, after.roles, p)
				})
			}
		}
	}
}

// TestEveryChangeWithOneDown plans every change of the roles of three clusters,
// one of which may leave, while one does not answer. A cluster loses its control
// plane only where what is to serve it then is proved to: two primaries, and one
// that is to serve the other does not answer, was the worst of it.
func TestEveryChangeWithOneDown(t *testing.T) {
	all := meshes(t, false, "a", "b", "c")
	for _, before := range all {
		for _, after := range append(meshes(t, false, "a", "b"), all...) {
			for _, down := range []string{"a", "b", "c"} {
				t.Run(fmt.Sprintf("%s then %s, %s is down", before.roles, after.roles, down), func(t *testing.T) {
					w := before.seen(after.desired)
					takeDown(w, down)
					p := NewPlan(after.desired, w, plan.Options{})
					checkPlan(t, p)
					checkServed(t, before.roles, after.roles, p)
				})
			}
		}
	}
}

// TestEveryTeardown takes every mesh of four clusters down.
func TestEveryTeardown(t *testing.T) {
	for name, one := range networks() {
		for _, m := range meshes(t, one, "a", "b", "c", "d") {
			t.Run(name+"/"+m.roles.String(), func(t *testing.T) {
				w := m.seen(m.desired)
				d := &desired.Desired{MeshID: m.desired.MeshID, TrustDomain: m.desired.TrustDomain}
				for i, c := range m.desired.Clusters {
					w.Clusters[i].Leaving = true
					d.Clusters = append(d.Clusters, &desired.Cluster{Member: c.Member})
				}
				p := NewPlan(d, w, plan.Options{})
				checkAll(t, p)
				checkServed(t, m.roles, roles{}, p)
			})
		}
	}
}

// TestEveryFirstApply installs every mesh of four clusters.
func TestEveryFirstApply(t *testing.T) {
	for name, one := range networks() {
		for _, r := range assignments("a", "b", "c", "d") {
			t.Run(name+"/"+r.String(), func(t *testing.T) {
				d := r.wanted(t, one)
				checkAll(t, NewPlan(d, EmptyWorld(d), plan.Options{}))
			})
		}
	}
}
