package view

import (
	"fmt"

	"github.com/setup-mesh/setup-mesh/pkg/apply/execute"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
	"github.com/setup-mesh/setup-mesh/pkg/apply/record"
)

// oneMesh is the sentence that the user came for, as far as it was seen to be
// true in the last steps: of a primary, that its istiods discover the others;
// of a remote cluster, that pods are injected.
func (v *reportView) oneMesh() string {
	if v.plan.Options.Access != nil {
		return "" // not all of it was looked at
	}
	if v.plan.Teardown {
		if v.report.Complete() && v.plan.Pending() {
			return fmt.Sprintf("Istio was removed from %s.", clusterCount(len(v.plan.Clusters)))
		}
		return ""
	}
	primaries, remotes := v.proofs()
	n := len(primaries.all) + len(remotes.all)
	switch {
	case !v.report.Complete() || !primaries.whole() || !remotes.whole():
		return sentences(discoverWords(primaries), injectedWords(remotes.proved))
	case len(remotes.all) > 0:
		return fmt.Sprintf("The mesh is one: %s, served by %s.", clusterCount(n), both(primaries.all))
	case n > 0:
		return fmt.Sprintf("The mesh is one: %d of %d clusters discover each other.", n, n)
	}
	return ""
}

// A proof is which of some clusters have shown that they are part of the mesh.
type proof struct{ all, proved []string }

func (p proof) whole() bool { return len(p.proved) == len(p.all) }

// proofs are those of the clusters that take part in discovery. A remote cluster
// does by being served.
func (v *reportView) proofs() (primaries, remotes proof) {
	proved := map[order.Fact]bool{}
	for _, s := range v.report.Steps {
		if s.Outcome == execute.Done {
			proved[order.Fact{Cluster: s.Cluster, Claim: s.Claim}] = true
		}
	}
	for _, c := range v.plan.Clusters {
		p, shows := &primaries, order.Discovers
		switch {
		case c.Leaving:
			continue
		case c.Role == record.RoleRemote:
			p, shows = &remotes, order.Injected
		case len(c.Reads) == 0:
			continue
		}
		p.all = append(p.all, c.Name)
		if proved[order.Fact{Cluster: c.Name, Claim: shows}] {
			p.proved = append(p.proved, c.Name)
		}
	}
	return primaries, remotes
}

// discoverWords say which primaries discover the others where that is not all
// there is to say.
func discoverWords(primaries proof) string {
	if len(primaries.proved) < 2 {
		return ""
	}
	return both(primaries.proved) + " discover each other."
}

func injectedWords(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return "New pods in " + both(names) + " are injected."
}

// sentences joins those that are not empty.
func sentences(all ...string) string {
	out := ""
	for _, s := range all {
		if out != "" && s != "" {
			out += " "
		}
		out += s
	}
	return out
}
