package manifest

import (
	"maps"
	"reflect"
	"slices"

	"github.com/setup-mesh/setup-mesh/pkg/topology"
	"github.com/setup-mesh/setup-mesh/pkg/topology/internal/tree"
)

// meshNetworks is values.global.meshNetworks of c: the gateways that
// topology.yaml gives addresses for, by network, of the clusters that its control
// plane reads. It is nil for a remote cluster, for one without sidecars, and where there are none: istiod finds
// all other gateways by the label of their Services.
// https://istio.io/latest/docs/reference/config/istio.mesh.v1alpha1/#MeshNetworks
func meshNetworks(m *topology.Mesh, c topology.Cluster, mode Mode) map[string]any {
	if c.Remote() || !m.MultiNetwork() || !mode.EastWest {
		return nil
	}
	gateways := map[string][]any{}
	for _, other := range m.Clusters {
		if other.Name != c.Name && !m.Reads(c, other) {
			continue
		}
		for _, a := range other.Gateway.Addresses {
			gateways[other.Network] = append(gateways[other.Network], map[string]any{"address": a, "port": int64(other.Gateway.Port)})
		}
	}
	var networks map[string]any
	for _, network := range slices.Sorted(maps.Keys(gateways)) {
		if networks == nil {
			networks = map[string]any{}
		}
		networks[network] = map[string]any{"gateways": gateways[network]}
	}
	return networks
}

// meshNetworks replaces the user's networks by those of the mesh.
func (o *owner) meshNetworks() {
	const why = "the networks come from topology.yaml, and their gateways are found by label"
	keys := []string{"values", "global", "meshNetworks"}
	networks := meshNetworks(o.mesh, o.cluster, o.mode)
	want := tree.FromPlain(networks)
	if networks != nil && reflect.DeepEqual(o.spec.Get(keys...).Plain(), want.Plain()) {
		return
	}
	o.unset(why, keys...)
	if networks != nil {
		o.spec.Get("values", "global").Put("meshNetworks", topology.Position{}, want)
	}
}
