// Package record is what every cluster of a mesh remembers of it, in a ConfigMap of
// its own.
package record

import (
	"fmt"

	"github.com/setup-mesh/setup-mesh/pkg/topology"
)

// A Member is one cluster of a mesh, as every record names it.
type Member struct {
	Name      string `json:"name"`          // in the mesh: a DNS-1123 label
	Context   string `json:"context"`       // in the kubeconfig of whoever applied last
	UID       string `json:"uid,omitempty"` // of the kube-system namespace: what the cluster is
	Network   string `json:"network"`
	Namespace string `json:"namespace"` // Istio's
	Role      string `json:"role"`      // RolePrimary or RoleRemote
	// Primaries are the names of the clusters that serve a remote one.
	Primaries []string `json:"primaries,omitempty"`
}

// What a cluster is in its mesh.
const (
	RolePrimary = "primary" // runs its own control plane
	RoleRemote  = "remote"  // is served by those of its primaries
)

// Remote says whether m is served by the control planes of others.
func (m Member) Remote() bool { return m.Role == RoleRemote }

// MemberOf is a cluster of the topology, not yet identified.
func MemberOf(c topology.Cluster) Member {
	m := Member{Name: c.Name, Context: c.Context, Network: c.Network, Namespace: c.Namespace, Role: RolePrimary, Primaries: c.Primaries}
	if c.Remote() {
		m.Role = RoleRemote
	}
	return m
}

// String is how a plan names the cluster: with the context beside it once.
func (m Member) String() string { return fmt.Sprintf("%s (context %s)", m.Name, m.Context) }
