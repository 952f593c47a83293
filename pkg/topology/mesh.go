package topology

import (
	"slices"

	"github.com/setup-mesh/setup-mesh/pkg/topology/internal/spec"
	"github.com/setup-mesh/setup-mesh/pkg/topology/internal/tree"
)

// What topology.yaml leaves out.
const (
	DefaultTrustDomain          = "cluster.local"
	DefaultNamespace            = "istio-system"
	DefaultServiceAccountReader = "istio-reader-service-account"
)

// A Mesh is what topology.yaml asks for. It is a value: nothing changes it once
// parsed.
type Mesh struct {
	File        string
	ID          string
	TrustDomain string
	Clusters    []Cluster // in the order of the file; none in a file just written by prep
	// SharedServices are namespaces, in the order of the file. Their Services are
	// kept present in every cluster.
	SharedServices []string
	// InjectedNamespaces, in the order of the file, are there in every cluster, and
	// their pods are injected.
	InjectedNamespaces []string
	Ambient            Ambient

	written *tree.Tree
}

// At returns where a key of topology.yaml is written, or else the nearest key above it;
// the zero Position where none is.
func (m *Mesh) At(keys ...string) Position { return keyAt(m.written, Position{}, keys) }

// keyAt is where the last of keys is written that is there, or else at.
func keyAt(t *tree.Tree, at Position, keys []string) Position {
	for i := range keys {
		if t.Get(keys[:i+1]...) == nil {
			break
		}
		at = t.KeyAt(keys[:i+1]...)
	}
	return at
}

// A Cluster is one member of the mesh.
type Cluster struct {
	Position             // of its context's name in topology.yaml
	Context              string
	Name                 string // in the mesh; a DNS-1123 label, unique in it
	Network              string
	Namespace            string // that Istio is in; the same for all clusters
	ServiceAccountReader string
	// DisableRegistryJoin: trust and a control plane, but no remote secrets in
	// or out.
	DisableRegistryJoin bool
	// Primaries are the clusters that serve this one with their control planes, by
	// their names in the mesh, in the order of the file. A cluster without any is
	// a primary: it has a control plane of its own.
	Primaries []string
	Gateway   Gateway
	APIServer APIServer
	// Overlay is merged over base.yaml's spec for this cluster, in today's terms. It is
	// never nil.
	Overlay map[string]any

	overlay   *tree.Tree // the same with positions
	written   *tree.Tree // all of the context
	decisions []spec.Decision
}

// At returns where a key of c's context is written, or else the nearest key above it,
// which is the context's name at last.
func (c Cluster) At(keys ...string) Position { return keyAt(c.written, c.Position, keys) }

// Remote says whether c is served by the control planes of other clusters.
func (c Cluster) Remote() bool { return len(c.Primaries) > 0 }

// Written returns the overlay with its positions in topology.yaml, for package
// manifest. The caller must not change it.
func (c Cluster) Written() *tree.Tree {
	if c.overlay == nil { // c was not parsed
		return tree.FromPlain(c.Overlay)
	}
	return c.overlay
}

// Decisions returns what became of the settings of other times in the overlay, for
// package manifest.
func (c Cluster) Decisions() []spec.Decision { return c.decisions }

// ByContext returns the cluster that a context of the file leads to, or false and what
// may have been meant.
func (m *Mesh) ByContext(context string) (c Cluster, ok bool, hint string) {
	var all []string
	for _, c := range m.Clusters {
		if c.Context == context {
			return c, true, ""
		}
		all = append(all, c.Context)
	}
	return Cluster{}, false, otherContext(context, all, m.File)
}

// Find returns the cluster with that name, else the one that a context with that name
// leads to, or false and what may have been meant.
func (m *Mesh) Find(name string) (c Cluster, ok bool, hint string) {
	var all, contexts []string
	for _, c := range m.Clusters {
		if c.Name == name {
			return c, true, ""
		}
		all, contexts = append(all, c.Name), append(contexts, c.Context)
	}
	if c, ok, _ := m.ByContext(name); ok {
		return c, true, ""
	}
	if near := Nearest(name, append(contexts, all...)); near != "" {
		all = []string{near}
	}
	return Cluster{}, false, otherContext(name, all, m.File)
}

// Remotes returns the names of the clusters that the control plane of the
// cluster with that name serves besides its own, in the order of the file.
func (m *Mesh) Remotes(name string) []string {
	var remotes []string
	for _, c := range m.Clusters {
		if slices.Contains(c.Primaries, name) {
			remotes = append(remotes, c.Name)
		}
	}
	return remotes
}

// HasGateway says whether c needs an east-west gateway: for traffic from other
// networks, or for the remote clusters that its control plane serves.
func (m *Mesh) HasGateway(c Cluster) bool {
	return m.MultiNetwork() || len(m.Remotes(c.Name)) > 0
}

// MultiNetwork says whether the mesh spans several networks, so that its clusters
// need east-west gateways.
func (m *Mesh) MultiNetwork() bool { return len(m.Networks()) > 1 }

// Networks returns the networks of the mesh in the order in which they first
// appear.
func (m *Mesh) Networks() []string {
	var networks []string
	seen := map[string]bool{}
	for _, c := range m.Clusters {
		if !seen[c.Network] {
			networks = append(networks, c.Network)
		}
		seen[c.Network] = true
	}
	return networks
}
