package simulate

import (
	"slices"

	"github.com/setup-mesh/setup-mesh/pkg/apply/applytest"
)

// A place is what a cluster is called, and its network.
type place struct{ name, network string }

// placeOf is where a cluster is in all meshes that somebody applies now; false where
// they differ, and where its gateway is not wanted by all.
func (s *sim) placeOf(cluster string) (place, bool) {
	var out place
	for i, in := range s.watch.intents {
		m := in.mesh.member(cluster)
		if in.ends || m == nil || !in.mesh.multiNetwork() || in.mesh.Mode == "ambient" { // which has no sidecars
			return place{}, false
		}
		if at := (place{m.Name, m.Network}); i == 0 {
			out = at
		} else if at != out {
			return place{}, false
		}
	}
	return out, len(s.watch.intents) > 0
}

// ways are the pairs of clusters of which all istiods of the first that read the second
// know its gateway.
func (s *sim) ways(w applytest.World) map[pair]bool {
	out := map[pair]bool{}
	for _, consumer := range s.names {
		if !s.staysPrimary(consumer) {
			continue
		}
		for _, source := range s.names {
			at, ok := s.placeOf(source)
			if !ok {
				continue
			}
			if known := w.Gateways(consumer, at.name); len(known) > 0 && !slices.ContainsFunc(known, at.unknownTo) {
				out[pair{consumer, source}] = true
			}
		}
	}
	return out
}

// staysPrimary says whether a cluster is a primary for all who apply. One that becomes
// remote has an istiod until others serve it, which nobody can tell anything more.
func (s *sim) staysPrimary(cluster string) bool {
	for _, in := range s.watch.intents {
		if m := in.mesh.member(cluster); m == nil || len(m.Primaries) > 0 {
			return false
		}
	}
	return true
}

func (p place) unknownTo(known []applytest.Gateway) bool {
	return !slices.ContainsFunc(known, func(g applytest.Gateway) bool {
		return g.Network == p.network && (g.Cluster == p.name || g.Cluster == "")
	})
}

// checkWays is that no istiod that serves and reads a cluster loses the way to its
// gateway: what it is told in another way, it is told before.
func (s *sim) checkWays(w applytest.World, when string) {
	for p := range s.watch.ways {
		at, ok := s.placeOf(p.source)
		if !ok || s.watch.dirty[p.consumer] || s.watch.dirty[p.source] {
			continue
		}
		if slices.ContainsFunc(w.Gateways(p.consumer, at.name), at.unknownTo) {
			s.fail("gateways", "an istiod of %s has no gateway left to send to for %s after %s", p.consumer, p.source, when)
			return
		}
	}
}
