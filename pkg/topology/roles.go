package topology

import (
	"slices"
	"strconv"

	"github.com/setup-mesh/setup-mesh/pkg/topology/internal/file"
)

// primaries checks the contexts that are to serve a cluster, as far as they can
// be looked at one by one.
func (p *meshParser) primaries(t *tree, f *file.Context, context, path string) {
	contexts := p.root.get("contexts")
	seen := map[string]bool{}
	for i, name := range f.Primaries {
		at, here := t.items[i].at, path+"["+strconv.Itoa(i)+"]"
		_, known := contexts.fields[name]
		switch {
		case t.items[i].kind != scalar: // reported already
		case name == context:
			p.problems.add(at, here, "leave primaries out: then the cluster has a control plane of its own", "%s cannot serve itself", quote(name))
		case !known:
			hint := "if it is to leave the mesh, give this cluster another primary, or take it out too"
			if near := didYouMean(name, contexts.keys); near != "" {
				hint = near + " or " + hint
			}
			p.problems.add(at, here, hint, "%s is no context of this file", quote(name))
		case seen[name]:
			p.problems.add(at, here, "", "%s is listed twice", quote(name))
		}
		seen[name] = true
	}
}

// roles refuses primaries that have primaries, and turns the contexts of all
// others into the names of their clusters.
func (p *meshParser) roles() {
	byContext := map[string]Cluster{}
	for _, c := range p.mesh.Clusters {
		byContext[c.Context] = c
	}
	for i, c := range p.mesh.Clusters {
		path := join(join("contexts", c.Context), "primaries")
		items := p.root.get("contexts", c.Context, "primaries")
		var names []string
		for j, context := range c.Primaries {
			primary := byContext[context]
			if primary.Remote() && context != c.Context {
				p.problems.add(items.items[j].at, path+"["+strconv.Itoa(j)+"]", "name clusters that have a control plane of their own",
					"%s is served by others itself (line %d)", quote(context), primary.Line)
			}
			names = append(names, primary.Name)
		}
		p.mesh.Clusters[i].Primaries = names
	}
}

// systemNamespaces are Kubernetes' own:
// https://kubernetes.io/docs/concepts/overview/working-with-objects/namespaces/#initial-namespaces
var systemNamespaces = []string{"kube-system", "kube-public", "kube-node-lease"}

// sharedServices checks the namespaces whose Services all clusters are to have.
func (p *meshParser) sharedServices(t *tree, namespaces []string) {
	var seen []string
	for i, name := range namespaces {
		item, here := t.items[i], "sharedServices["+strconv.Itoa(i)+"]"
		taken := slices.ContainsFunc(p.mesh.Clusters, func(c Cluster) bool { return c.Namespace == name })
		switch {
		case item.kind != scalar: // reported already
		case !dnsLabel.allows(name):
			p.problems.add(item.at, here, dnsLabel.hint(name), "%s is no namespace", quote(name))
		case slices.Contains(seen, name):
			p.problems.add(item.at, here, "", "%s is listed twice", quote(name))
		case taken, slices.Contains(systemNamespaces, name):
			p.problems.add(item.at, here, "list namespaces of your own", "the Services of %s are every cluster's own", quote(name))
		}
		seen = append(seen, name)
	}
	p.mesh.SharedServices = namespaces
}
