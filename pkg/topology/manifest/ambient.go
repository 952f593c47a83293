package manifest

import (
	"slices"

	"github.com/setup-mesh/setup-mesh/pkg/topology"
	"github.com/setup-mesh/setup-mesh/pkg/topology/internal/spec"
	"github.com/setup-mesh/setup-mesh/pkg/topology/internal/tree"
)

// A Mode is how the pods of a cluster are in the mesh, and by which gateways other
// networks reach them.
type Mode struct {
	Ambient bool // through the proxies of nodes
	// EastWest says that the cluster has the gateway for sidecars, HBONE that it has the
	// one for ambient pods, of which there is one for each network.
	EastWest, HBONE bool
}

// profileOf is the profile of a cluster, as its overlay or base.yaml says.
func profileOf(b *Base, c topology.Cluster) *tree.Tree {
	if v := c.Written().Get("profile"); !v.IsNull() {
		return v
	}
	return b.spec.Get("profile")
}

func isAmbient(b *Base, c topology.Cluster) bool {
	if b == nil {
		return false
	}
	name, _ := profileOf(b, c).Literal()
	return spec.Ambient(name)
}

// ModeOf is that of a cluster; b may be nil, and is a mesh of sidecars then. A mesh is in
// one mode: what breaks that is a mistake of [Manifest].
func ModeOf(m *topology.Mesh, b *Base, c topology.Cluster) Mode {
	ambient := isAmbient(b, c) && !c.Remote()
	return Mode{
		Ambient:  ambient,
		EastWest: m.HasGateway(c) && (!ambient || m.Ambient.Sidecars),
		HBONE:    ambient && m.MultiNetwork() && firstOn(m, c.Network).Context == c.Context,
	}
}

// firstOn is the first cluster on a network of m, which has the gateway for ambient pods.
func firstOn(m *topology.Mesh, network string) topology.Cluster {
	return m.Clusters[slices.IndexFunc(m.Clusters, func(c topology.Cluster) bool { return c.Network == network })]
}

// ownAmbient sets the owned values of an ambient cluster. Without the flag, an istiod
// tells ztunnels of its own cluster only; a ztunnel of another namespace gets no
// certificates unless istiod trusts it.
// https://istio.io/latest/docs/ambient/install/multicluster/multi-primary_multi-network/
func (o *owner) ownAmbient() {
	o.set("true", "values", "pilot", "env", MultiNetwork)
	if ns, ok := o.spec.Get("components", "ztunnel", "namespace").Literal(); ok {
		o.set(ns, "values", "pilot", "trustedZtunnelNamespace")
	}
	if scopes := []string{"meshConfig", "serviceScopeConfigs"}; o.mesh.Ambient.Sidecars && o.spec.Get(scopes...).IsNull() {
		o.put(tree.FromPlain(scopesWithSidecars(o.cluster.Namespace)), scopes...)
	}
}

// MultiNetwork is the variable with which an istiod tells of the pods of other clusters.
const MultiNetwork = "AMBIENT_ENABLE_MULTI_NETWORK"

// scopesWithSidecars keep sidecars from losing the endpoints of other clusters: with the
// flag, scopes are theirs, too. Services of the system are each cluster's own.
// https://github.com/istio/istio/issues/61713
func scopesWithSidecars(namespace string) []any {
	return []any{map[string]any{
		"namespaceSelector": map[string]any{"matchExpressions": []any{map[string]any{
			"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": []any{namespace, "kube-system", "default"},
		}}},
		"scope": "GLOBAL",
	}}
}

// The classes of Gateways between networks, and of those that stand for the ones of other
// networks:
// https://istio.io/latest/docs/ambient/install/multicluster/multi-primary_multi-network/#deploy-an-ambient-east-west-gateway-in-cluster1
const (
	EastWestClass = "istio-east-west"
	RemoteClass   = "istio-remote"
)
