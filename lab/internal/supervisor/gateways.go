package supervisor

import (
	"maps"
	"net/netip"

	"github.com/setup-mesh/setup-mesh/lab"
	"github.com/setup-mesh/setup-mesh/lab/internal/dns"
)

// serveDNS answers for the names of all gateways.
func (s *supervisor) serveDNS() error {
	port, err := s.pool.Take(1)
	if err != nil {
		return err
	}
	s.dns, err = dns.Serve(port[0], s.resolve)
	return err
}

func (s *supervisor) resolve(name string) []netip.Addr {
	var out []netip.Addr
	for _, m := range s.all() {
		if m.Spec().GatewayHostname() != name {
			continue
		}
		for _, a := range m.Spec().Resolve(m.balancer.Kind()) {
			out = append(out, netip.MustParseAddr(a))
		}
	}
	return out
}

// routeGateways makes every cluster reach every other's istiod through that one's gateways.
func (s *supervisor) routeGateways() {
	s.routing.Lock()
	defer s.routing.Unlock()
	next := map[string]string{}
	members := s.all()
	for _, m := range members {
		if ready, ok := m.istiods.Ready(); ok {
			maps.Copy(next, through(m.balancer.Fronts(), ready.Addresses))
		}
	}
	for _, m := range members {
		m.Table.Replace(s.gateways, next)
	}
	s.gateways = next
}

// through are the routes from what leads to an istiod's ports to those ports.
func through(fronts map[string]int, to lab.Ports) map[string]string {
	out := map[string]string{}
	for from, port := range fronts {
		out[from] = map[int]string{15012: to.SecureXDS, 15017: to.Webhook}[port]
	}
	return out
}
