package supervisor

import (
	"maps"

	"k8s.io/apimachinery/pkg/types"

	"github.com/setup-mesh/setup-mesh/lab"
	"github.com/setup-mesh/setup-mesh/lab/internal/balancer"
)

// route makes every cluster reach the gateways of all, and the pods of those on its network.
func (s *supervisor) route() {
	s.routing.Lock()
	defer s.routing.Unlock()
	members := s.all()
	fronts, pods := map[string]string{}, map[string]map[string]string{}
	for _, m := range members {
		own := m.pods.Routes()
		network := m.Spec().Network
		if pods[network] == nil {
			pods[network] = map[string]string{}
		}
		maps.Copy(pods[network], own)
		ready, _ := m.istiods.Ready()
		maps.Copy(fronts, through(m.balancer.Fronts(), own, m.pods.Plays, ready.Addresses))
	}
	for _, m := range members {
		next := maps.Clone(fronts)
		maps.Copy(next, pods[m.Spec().Network])
		m.Table.Replace(m.routes, next)
		m.routes = next
	}
}

// through are the ways from what leads to pods of gateways: to where one of them listens, by what it is told. A pod without a
// proxy is taken for a gateway that passes on to an istiod what is for it.
func through(fronts map[string]balancer.Front, pods map[string]string, plays func(types.UID) bool, istiod lab.Ports) map[string]string {
	out := map[string]string{}
	for from, f := range fronts {
		for _, p := range f.Pods {
			to := pods[p.Address(f.Port)]
			if !plays(p.UID) {
				to = map[uint16]string{15012: istiod.SecureXDS, 15017: istiod.Webhook}[f.Port]
			}
			if to != "" {
				out[from] = to
				break
			}
		}
	}
	return out
}
