package topology

import (
	"slices"

	"github.com/setup-mesh/setup-mesh/pkg/topology/internal/names"
	"github.com/setup-mesh/setup-mesh/pkg/topology/internal/tree"
)

// systemNamespaces are those of Kubernetes, which every cluster has for itself:
// https://kubernetes.io/docs/concepts/overview/working-with-objects/namespaces/#initial-namespaces
var systemNamespaces = []string{"kube-system", "kube-public", "kube-node-lease"}

// sharedServices judges the namespaces to share Services of. It runs once the
// namespace that Istio is in is known.
func (p *meshParser) sharedServices() {
	own := append([]string{DefaultNamespace}, systemNamespaces...)
	for i, c := range p.mesh.Clusters {
		if i == 0 {
			own = systemNamespaces
		}
		if !slices.Contains(own, c.Namespace) {
			own = append(own[:len(own):len(own)], c.Namespace)
		}
	}
	seen := map[string]bool{}
	for i, item := range p.root.Get("sharedServices").List() {
		here := tree.Indexed("sharedServices", i)
		switch ns, _ := item.Literal(); {
		case item.Kind != tree.Scalar: // reported already
		case !names.DNSLabel.Allows(ns):
			p.problems.Add(item.At, here, names.DNSLabel.Hint(ns), "%s is not a valid namespace", names.Quote(ns))
		case slices.Contains(own, ns):
			p.problems.Add(item.At, here, "take it out", "%s cannot be shared: it belongs to Istio or Kubernetes", names.Quote(ns))
		case seen[ns]:
			p.problems.Add(item.At, here, "take it out", "%s is listed twice", names.Quote(ns))
		default:
			p.mesh.SharedServices = append(p.mesh.SharedServices, ns)
			seen[ns] = true
		}
	}
}
