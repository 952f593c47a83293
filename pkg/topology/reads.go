package topology

import "slices"

// Reads says whether the istiod of consumer reads the API server of source,
// another cluster. It has to for every cluster that it serves, and discovery
// makes it read all joined clusters when its own is joined. A remote cluster has
// no istiod, and reads none. What an istiod knows of its own cluster needs no
// access of another's and is not meant here: no cluster Reads itself.
// https://istio.io/latest/docs/ops/deployment/deployment-models/#endpoint-discovery-with-multiple-control-planes
func (m *Mesh) Reads(consumer, source Cluster) bool {
	if consumer.Remote() || consumer.Name == source.Name {
		return false
	}
	return slices.Contains(source.Primaries, consumer.Name) || consumer.joined() && source.joined()
}

// joined says that the cluster takes part in discovery.
func (c Cluster) joined() bool { return !c.DisableRegistryJoin }
