package view

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
	"github.com/setup-mesh/setup-mesh/pkg/apply/record"
)

// A PlanStyle is how a plan is shown.
type PlanStyle struct {
	Colour  bool // w understands it
	Objects bool // show the objects behind each component
	// Unnamed are the clusters of a teardown that topology.yaml does not name.
	Unnamed []*plan.Cluster
}

// Plan words a plan for people.
func Plan(w io.Writer, p *plan.Plan, style PlanStyle) {
	v := planView{w: w, plan: p, colour: palette(style.Colour), objects: style.Objects, unnamed: style.Unnamed}
	v.print()
}

// A planView words a plan: the mesh, a block for each cluster, what is worth
// knowing, and the sum.
type planView struct {
	w       io.Writer
	plan    *plan.Plan
	colour  palette
	objects bool
	unnamed []*plan.Cluster
}

func (v *planView) print() {
	say(v.w, "mesh %s: %s", v.plan.Mesh, v.headline())
	if v.plan.Pending() || v.plan.Incomplete() || v.objects {
		io.WriteString(v.w, "\n")
		v.clusters()
		io.WriteString(v.w, "\n")
	}
	v.drift()
	findings(v.w, v.colour.mark("!"), v.plan.Warnings)
	switch {
	case v.plan.Pending():
		say(v.w, "Plan: %d to create, %d to update, %d to delete in %s.", v.plan.Count(plan.Create),
			v.plan.Count(plan.Update), v.plan.Count(plan.Delete), clusterCount(len(pendingClusters(v.plan))))
		if n := len(v.plan.Refusals); n > 0 {
			say(v.w, "This plan cannot be applied: fix %s first.", theProblems(n))
		}
	case len(v.plan.Refusals) > 0:
	case v.plan.Incomplete():
		say(v.w, "No changes in the clusters that answered.")
	default:
		say(v.w, "Nothing to change.")
	}
}

func (v *planView) headline() string {
	remotes := 0
	for _, c := range v.plan.Clusters {
		if c.Role == record.RoleRemote {
			remotes++
		}
	}
	s := clusterCount(len(v.plan.Clusters))
	if remotes > 0 {
		s += fmt.Sprintf(", %s, %d remote (no control plane)", count(len(v.plan.Clusters)-remotes, "control plane"), remotes)
	}
	s += ", " + count(v.networks(), "network")
	if v.plan.Istio != "" && !v.plan.Teardown {
		s += ", Istio " + v.plan.Istio
	}
	return s
}

// networks is how many networks the clusters of the plan are on.
func (v *planView) networks() int {
	networks := map[string]bool{}
	for _, c := range v.plan.Clusters {
		networks[c.Network] = true
	}
	return len(networks)
}

// clusters prints every cluster; one that is treated as another before it says
// so.
func (v *planView) clusters() {
	width := 0
	for _, c := range v.plan.Clusters {
		width = max(width, len(c.Name))
	}
	first := map[string]string{} // role and body to the first cluster that has them
	for _, c := range v.plan.Clusters {
		body := v.body(c)
		treated := roleWords(c) + alike(body)
		same, ok := first[treated]
		if ok && len(body) > 1 && !v.objects {
			say(v.w, "%-*s   %s, as %s", width, c.Name, v.where(c), same)
			continue
		}
		first[treated] = c.Name
		say(v.w, "%-*s   %s", width, c.Name, v.where(c))
		for _, line := range body {
			v.write(line)
		}
	}
}

// where is the cluster to its owner.
func (v *planView) where(c *plan.Cluster) string {
	s := c.Context + ", "
	if c.Was != nil && c.Was.Network != c.Network {
		s += c.Was.Network + " -> "
	}
	s += c.Network
	if c.Kubernetes != "" {
		s += ", Kubernetes " + strings.TrimPrefix(c.Kubernetes, "v")
	}
	if role := roleWords(c); role != "" {
		s += ", " + role
	}
	switch {
	case slices.Contains(v.unnamed, c):
		s += ": not in topology.yaml"
	case c.Leaving && !v.plan.Teardown:
		s += ": no longer in topology.yaml"
	}
	return s
}

// A planLine is a line about one cluster.
type planLine struct {
	indent int
	symbol string // "" for a line that continues the one before
	text   string
	alike  string // what it is but for the names of the others; "" for text
}

func (v *planView) write(l planLine) {
	indent := painted(strings.Repeat(" ", l.indent+2))
	if l.symbol == "" {
		say(v.w, "%s%s", indent, l.text)
		return
	}
	say(v.w, "%s%s %s", indent, v.colour.mark(l.symbol), l.text)
}

// alike is what two clusters have in common that are treated alike.
func alike(body []planLine) string {
	body = slices.Clone(body)
	for i, l := range body {
		if l.alike != "" {
			body[i].text = l.alike
		}
	}
	return fmt.Sprintf("%+v", body)
}

// drift lists what somebody else changed since the last apply.
func (v *planView) drift() {
	told := false
	for _, c := range v.plan.Clusters {
		for _, ch := range c.Changes {
			for _, f := range ch.Fields {
				if len(ch.Managers) == 0 {
					continue
				}
				if !told {
					say(v.w, "changed outside of setup-mesh; apply sets it back:")
					told = true
				}
				say(v.w, "  %s %s %s   %s", c.Name, ch.Object, f.Path, strings.Join(ch.Managers, ", "))
			}
		}
	}
}

// pendingClusters are the names of the clusters in which something changes.
func pendingClusters(p *plan.Plan) []string {
	var names []string
	for _, c := range p.Clusters {
		if c.Pending() {
			names = append(names, c.Name)
		}
	}
	return names
}
