package e2e

import (
	"fmt"
	"testing"

	"github.com/setup-mesh/setup-mesh/lab"
)

// TestE2EAmbientFaults is to a mesh without sidecars what [TestE2EStatusFaults] is to one with them.
func TestE2EAmbientFaults(t *testing.T) {
	needsLab(t)
	s := newAmbientFaults(t)
	s.join(t)
	s.breakAll(t, 20, s.rounds())
}

// ambientFaults has two clusters on a network each. Istiods of west-1 learn from the Gateway of east-1 where that is;
// topology.yaml says where that of west-1 is, so that a Gateway in east-1 stands for it.
type ambientFaults struct{ *faultTable }

// ambientGateway is the Gateway between networks, and all that istiod makes of it.
const ambientGateway = "istio-eastwestgateway-ambient"

func newAmbientFaults(t *testing.T) *ambientFaults {
	return &ambientFaults{&faultTable{journey: newJourney(t, lab.Options{
		Contexts: []string{east1, west1}, Networks: []string{networkOf(east1), networkOf(west1)},
	})}}
}

func (s *ambientFaults) join(t *testing.T) {
	s.run(t, 0, "prep", "--mesh-id", "mymeshname", "--org", "example.com")
	s.topology(t,
		fmt.Sprintf("%s: {network: %s}", east1, networkOf(east1)),
		fmt.Sprintf("%s: {network: %s, gateway: {addresses: [198.51.100.2], port: 31008}}", west1, networkOf(west1)),
	)
	s.write(t, "topology.yaml", s.read(t, "topology.yaml")+"ambient: {namespaces: [shop]}\n")
	s.write(t, "base.yaml", ambientBase)
	s.run(t, 0, "apply", "--yes")
	s.healthy(t)
}
