package topology

import (
	"slices"

	"github.com/setup-mesh/setup-mesh/pkg/topology/internal/names"
	"github.com/setup-mesh/setup-mesh/pkg/topology/internal/tree"
)

// primaries resolves the primaries of every remote cluster to their names in the
// mesh, and reports those that cannot be one. It runs once all clusters are known.
func (p *meshParser) primaries() {
	byContext := map[string]int{}
	for i, c := range p.mesh.Clusters {
		byContext[c.Context] = i
	}
	for i := range p.mesh.Clusters {
		c := &p.mesh.Clusters[i]
		list, path := p.primariesOf(c.Context), tree.Join("contexts", c.Context, "primaries")
		seen := map[string]bool{}
		for j, item := range list.List() {
			if item.Kind != tree.Scalar {
				continue // reported already
			}
			context, _ := item.Literal()
			here := tree.Indexed(path, j)
			at, known := byContext[context]
			switch {
			case !known:
				p.problems.Add(item.At, here, p.otherPrimary(context, c.Context), "%s is not a context in this file", names.Quote(context))
			case context == c.Context:
				p.problems.Add(item.At, here, "name a cluster with a control plane of its own, or take it out",
					"%s is this cluster itself", names.Quote(context))
			case seen[context]:
				p.problems.Add(item.At, here, "take it out", "%s is listed twice", names.Quote(context))
			case p.isRemote(context):
				p.problems.Add(item.At, here, "name clusters with a control plane of their own",
					"%s is itself a remote cluster (line %d)", names.Quote(context), p.primariesOf(context).At.Line)
			default:
				c.Primaries = append(c.Primaries, p.mesh.Clusters[at].Name)
			}
			seen[context] = true
		}
	}
}

func (p *meshParser) primariesOf(context string) *tree.Tree {
	return p.root.Get("contexts", context, "primaries")
}

// isRemote says that a context names primaries, be they valid or not.
func (p *meshParser) isRemote(context string) bool { return len(p.primariesOf(context).List()) > 0 }

// otherPrimary helps where a primary is not a context in the file: it is misspelt,
// or called by its name in the mesh, or it was taken out of the file while a remote
// cluster still needs it.
func (p *meshParser) otherPrimary(wrong, remote string) string {
	const staying = "a remote cluster needs a primary that stays: give it another primary, or take it out too"
	if slices.Contains(p.contexts, wrong) {
		return staying
	}
	// Comparing more than these would take minutes, and nobody reads that far.
	const most, mostClusters = 20, 1000
	if p.compared++; p.compared > most {
		return ""
	}
	var candidates []string
	for _, c := range p.mesh.Clusters[:min(len(p.mesh.Clusters), mostClusters)] {
		if c.Context == remote || p.isRemote(c.Context) {
			continue
		}
		if c.Name == wrong {
			return "did you mean " + names.Shown(c.Context) + "? Primaries are named by their contexts"
		}
		candidates = append(candidates, c.Context)
	}
	if hint := names.DidYouMean(wrong, candidates); hint != "" {
		return hint + " If not, " + staying
	}
	return staying
}
