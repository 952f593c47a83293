package topology

import "slices"

// systemNamespaces are those of Kubernetes, which every cluster has for itself:
// https://kubernetes.io/docs/concepts/overview/working-with-objects/namespaces/#initial-namespaces
var systemNamespaces = []string{"kube-system", "kube-public", "kube-node-lease"}

// sharedServices judges the namespaces whose Services are shared. It runs once the
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
	for i, item := range p.root.get("sharedServices").list() {
		here := indexed("sharedServices", i)
		switch ns, _ := item.literal(); {
		case item.kind != scalar: // reported already
		case !dnsLabel.allows(ns):
			p.problems.add(item.at, here, dnsLabel.hint(ns), "%s is no namespace", quote(ns))
		case slices.Contains(own, ns):
			p.problems.add(item.at, here, "take it out", "%s is not for services that are shared", quote(ns))
		case seen[ns]:
			p.problems.add(item.at, here, "take it out", "%s is listed twice", quote(ns))
		default:
			p.mesh.SharedServices = append(p.mesh.SharedServices, ns)
			seen[ns] = true
		}
	}
}
