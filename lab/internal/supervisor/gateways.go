package supervisor

import (
	"net/netip"

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
