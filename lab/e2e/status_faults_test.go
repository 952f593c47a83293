package e2e

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/setup-mesh/setup-mesh/lab"
	"github.com/setup-mesh/setup-mesh/lab/internal/dns"
)

// TestE2EStatusFaults breaks one mesh in more than forty ways. Of each, status has to say which check is not met, of
// which cluster, and nothing else; and once the remedy that it names was carried out as written, all is well. Faults
// that have nothing to do with each other share a round.
func TestE2EStatusFaults(t *testing.T) {
	needsLab(t)
	s := newStatusFaults(t)
	s.join(t)
	if !t.Run("Follow", s.follow) {
		return
	}
	s.breakAll(t, 40, s.rounds())
}

// statusFaults has a primary and a remote cluster on one network, and a primary on another. topology.yaml has a name for
// the gateway of that, which the user's name server knows to be this machine: something stands in there for it. No
// address of the others is dialled.
type statusFaults struct {
	*faultTable
	gateway *standIn
}

func newStatusFaults(t *testing.T) *statusFaults {
	j := newJourney(t, lab.Options{Clusters: 3})
	server, err := dns.Serve(0, func(name string) []netip.Addr {
		if name == nameOfGateway {
			return []netip.Addr{netip.MustParseAddr("127.0.0.1")}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	j.dns = server.Address()
	return &statusFaults{&faultTable{journey: j, always: unroutable}, newStandIn(t, j.clusters[west1])}
}

// nameOfGateway is one that the lab's istiods can resolve.
const nameOfGateway = "west-1.elb.example.com"

func (s *statusFaults) join(t *testing.T) {
	s.run(t, 0, "prep", "--mesh-id", "mymeshname", "--org", "example.com")
	s.topology(t,
		inEast1, east2+": {network: network-east, primaries: ["+east1+"]}",
		fmt.Sprintf("%s: {network: network-west, gateway: {addresses: [%s], port: %d}}", west1, nameOfGateway, s.gateway.port()),
	)
	s.write(t, "topology.yaml", s.read(t, "topology.yaml")+"injection: {namespaces: [shop]}\n")
	s.run(t, 0, "apply", "--yes")
	s.collectSecrets(t)
	s.healthy(t)
}
