package topology

import (
	"slices"

	"github.com/setup-mesh/setup-mesh/pkg/topology/internal/names"
	"github.com/setup-mesh/setup-mesh/pkg/topology/internal/tree"
)

// systemNamespaces are those of Kubernetes, which every cluster has for itself:
// https://kubernetes.io/docs/concepts/overview/working-with-objects/namespaces/#initial-namespaces
var systemNamespaces = []string{"kube-system", "kube-public", "kube-node-lease"}

// sharedServices judges the namespaces to share Services of.
func (p *meshParser) sharedServices() {
	p.mesh.SharedServices = p.namespaces(p.root.Get("sharedServices"), "sharedServices", systemNamespaces, "cannot be shared")
}

// istioNamespaces are those that Istio is in, the default one while there is no
// cluster.
func (p *meshParser) istioNamespaces() []string {
	if len(p.mesh.Clusters) == 0 {
		return []string{DefaultNamespace}
	}
	var out []string
	for _, c := range p.mesh.Clusters {
		out = append(out, c.Namespace)
	}
	return out
}

// namespaces are those of a list at path, each once. It runs once the namespace that
// Istio is in is known: that one, and those of others, cannot be in it.
func (p *meshParser) namespaces(list *tree.Tree, path string, others []string, cannot string) []string {
	taken := slices.Concat(others, p.istioNamespaces())
	var out []string
	for i, item := range list.List() {
		here := tree.Indexed(path, i)
		switch ns, _ := item.Literal(); {
		case item.Kind != tree.Scalar: // reported already
		case !names.DNSLabel.Allows(ns):
			p.problems.Add(item.At, here, names.DNSLabel.Hint(ns), "%s is not a valid namespace", names.Quote(ns))
		case slices.Contains(taken, ns):
			p.problems.Add(item.At, here, "take it out", "%s %s: it belongs to Istio or Kubernetes", names.Quote(ns), cannot)
		case slices.Contains(out, ns):
			p.problems.Add(item.At, here, "take it out", "%s is listed twice", names.Quote(ns))
		default:
			out = append(out, ns)
		}
	}
	return out
}
