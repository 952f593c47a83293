package verify

import (
	"slices"

	"github.com/setup-mesh/setup-mesh/pkg/topology"
)

// A Pair is a cluster that calls, and one that answers, by their names in the mesh.
type Pair struct{ From, To string }

// pairsOf are those that should answer: proxies of a cluster know the pods of their own,
// and of those that one of their istiods reads.
func pairsOf(m *topology.Mesh) map[Pair]bool {
	byName := map[string]topology.Cluster{}
	for _, c := range m.Clusters {
		byName[c.Name] = c
	}
	out := map[Pair]bool{}
	for _, from := range m.Clusters {
		istiods := from.Primaries
		if !from.Remote() {
			istiods = []string{from.Name}
		}
		for _, to := range m.Clusters {
			out[Pair{from.Name, to.Name}] = from.Name == to.Name || slices.ContainsFunc(istiods, func(istiod string) bool {
				return istiod == to.Name || m.Reads(byName[istiod], to)
			})
		}
	}
	return out
}
