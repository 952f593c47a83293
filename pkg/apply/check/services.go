package check

import (
	"fmt"
	"slices"
	"strings"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
)

// judgeSameShape finds Services that are one for the mesh and look otherwise than in
// a cluster before c.
func judgeSameShape(e *Evidence, c *plan.Cluster) []plan.Finding {
	probe := e.Probes[c.Name]
	if probe.ServicesErr != nil {
		message := fmt.Sprintf("could not compare its Services with those of other clusters: %v", probe.ServicesErr)
		return []plan.Finding{Unread(c, probe.ServicesErr, message, "list services in all namespaces")}
	}
	before := e.joinedBefore(c)
	var out []plan.Finding
	for _, name := range object.SortedKeys(probe.Services) {
		mine := probe.Services[name]
		at := slices.IndexFunc(before, func(o *plan.Cluster) bool { _, there := e.Probes[o.Name].Services[name]; return there })
		if at < 0 {
			continue
		}
		first := before[at]
		theirs := e.Probes[first.Name].Services[name]
		f := plan.Finding{Peer: first.Name, Hint: "make it the same in both clusters, or give one of them another name"}
		namespace, short, _ := strings.Cut(name, "/")
		f.Object = object.ServiceRef(namespace, short)
		switch {
		case mine.Type == theirs.Type && mine.Ports == theirs.Ports, e.mismatched(c, f.Object):
			continue
		case mine.Type != theirs.Type:
			f.Message = fmt.Sprintf("%s is %s, but %s in %s: it is one Service for the mesh", f.Object, mine.Type, theirs.Type, first.Name)
		default:
			f.Message = fmt.Sprintf("%s has ports %s, but %s in %s: it is one Service for the mesh", f.Object, orNone(mine.Ports), orNone(theirs.Ports), first.Name)
		}
		out = append(out, f)
	}
	return out
}

func orNone(s string) string {
	if s == "" {
		return "(none)"
	}
	return s
}

// joinedBefore are the clusters before c whose Services some control plane takes for
// one with those of c.
func (e *Evidence) joinedBefore(c *plan.Cluster) []*plan.Cluster {
	var out []*plan.Cluster
	for _, other := range e.Plan.Clusters {
		if other == c {
			break
		}
		for _, p := range e.Plan.Clusters {
			has := func(m *plan.Cluster) bool { return m == p || slices.Contains(p.Reads, m.Name) }
			if Primary(e, p) && has(c) && has(other) {
				out = append(out, other)
				break
			}
		}
	}
	return out
}

// mismatched says whether a Service of c is one that sharedServices names, of which
// another check tells.
func (e *Evidence) mismatched(c *plan.Cluster, service object.Ref) bool {
	for _, m := range e.Plan.Shared.Mismatched[c.Name] {
		if m.Service == service {
			return true
		}
	}
	return false
}
