package topology

import (
	"slices"

	"github.com/setup-mesh/setup-mesh/pkg/topology/internal/tree"
)

// neverInjected are the namespaces whose pods Istio never injects, whatever their
// labels are:
// https://github.com/istio/istio/blob/1.31.0/pkg/kube/inject/initializer.go (IgnoredNamespaces)
var neverInjected = slices.Concat(systemNamespaces, []string{"local-path-storage"})

// injection judges the namespaces to inject the pods of. Without any, the key would
// say nothing.
func (p *meshParser) injection() {
	const key, list = "injection", "namespaces"
	written, path := p.root.Get(key), tree.Join(key, list)
	found := written.Get(list)
	switch {
	case written.IsNull(), written.Kind != tree.Mapping: // absent, or reported already
	case !found.IsNull() && found.Kind != tree.Sequence, found == nil && len(written.Keys()) > 0: // reported already
	case len(found.List()) > 0:
		p.mesh.InjectedNamespaces = p.namespaces(found, path, neverInjected, "cannot be injected")
	default:
		p.problems.Add(written.At, path, "list a namespace, as in injection: {namespaces: [sample]}, or take injection out", "lists no namespace")
	}
}
