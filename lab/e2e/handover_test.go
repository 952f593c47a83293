package e2e

import (
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/setup-mesh/setup-mesh/lab"
)

// TestE2EHandover takes control planes from clusters and gives clusters to other primaries while what is to replace the
// old ones does not work. Nothing that serves goes before, and pods are injected at every moment.
func TestE2EHandover(t *testing.T) {
	needsLab(t)
	m := newSharedMesh(t, east1, east2, remoteEast)
	m.inOrder(t, []step{
		{"Before", m.takeStock},
		{"TwoPrimaries", m.beginHandover},
		{"NewPrimaryIsNotReachable", m.movesNowhere},
		{"OldPrimaryIsToLeaveToo", m.leavesNobodyBehind},
		{"NewPrimaryIsReachable", m.moves},
		{"ProofIsNotOfTheFormerPrimary", m.movesBackNowhere},
		{"OnlyPrimaryDoesNotAnswer", m.loseNoControlPlane},
		{"ItsGatewayHasNoAddress", m.noAddressYet},
		{"OnlyPrimaryAnswers", m.demoted},
		{"Teardown", m.tornDown},
	})
}

func (m *sharedMesh) beginHandover(t *testing.T) {
	m.run(t, 0, "prep", "--mesh-id", "mymeshname", "--org", "example.com")
	m.members = map[string]member{
		east1: {network: "network-1"}, east2: {network: "network-1"},
		remoteEast: {network: "network-1", primaries: []string{east1}},
	}
	m.becomes(t)
}

// nowhere is an address at which nobody listens.
const nowhere = ", gateway: {addresses: [198.51.100.99]}"

// wantServedBy wants a remote cluster to reach its primaries at these addresses.
func (m *sharedMesh) wantServedBy(t *testing.T, context string, want ...string) {
	t.Helper()
	if got := m.endpointsOfPrimaries(t, context); !slices.Equal(got, want) {
		t.Errorf("%s reaches its primaries at %v, want %v", context, got, want)
	}
}

// movesNowhere gives the remote cluster another primary, which its API server does not reach. A plan with another address
// of that primary is not what would be done.
func (m *sharedMesh) movesNowhere(t *testing.T) {
	saved := m.home + "/plan.json"
	m.members[east2] = member{network: "network-1", more: strings.Replace(nowhere, "99", "98", 1)}
	m.members[remoteEast] = member{network: "network-1", primaries: []string{east2}}
	m.edit(t)
	m.run(t, 0, "plan", "--out", saved)
	m.members[east2] = member{network: "network-1", more: nowhere}
	m.edit(t)
	m.refusedPlan(t, saved, "is out of date", "files in the work directory")
	m.whileInjected(t, func() {
		m.givesUp(t, "apply --yes", 15*time.Second, 3, "remote   serving failed: injection by east-2", "Nothing has to be undone")
	}, remoteEast)
	m.wantServedBy(t, remoteEast, "203.0.113.1:15012")
}

// leavesNobodyBehind takes the old primary out of topology.yaml before the new one serves.
func (m *sharedMesh) leavesNobodyBehind(t *testing.T) {
	delete(m.members, east1)
	m.edit(t)
	m.whileInjected(t, func() {
		m.givesUp(t, "apply --yes", 15*time.Second, 3, "remote   serving failed: injection by east-2", "Nothing has to be undone")
	}, remoteEast)
	m.wantServedBy(t, remoteEast, "203.0.113.1:15012")
	m.clusters[east1].mustIstiod(t)
	if err := listServices(stored(t, m.clusters[east1], "istio-system", "remote")); err != nil {
		t.Errorf("the primary that serves may not read the remote cluster: %v", err)
	}
	wantRemotes(t, m.clusters[east1], []string{"east-2", "remote"})

	// Nor does it leave one behind that cannot be asked who serves it.
	if err := m.lab.StopAPI(t.Context(), remoteEast); err != nil {
		t.Fatal(err)
	}
	m.run(t, 3, "plan")
	m.do(t, m.command(t.Context(), "apply", "--yes", "--timeout", "15s"))
	m.clusters[east1].mustIstiod(t)
	if err := m.lab.StartAPI(t.Context(), remoteEast); err != nil {
		t.Fatal(err)
	}
	m.wantServedBy(t, remoteEast, "203.0.113.1:15012")
	if err := m.clusters[remoteEast].injects(t.Context()); err != nil {
		t.Error(err)
	}
}

func (m *sharedMesh) moves(t *testing.T) {
	m.members[east2] = member{network: "network-1"}
	m.edit(t)
	m.ended(t)
	m.whileInjected(t, func() { m.run(t, 0, "apply", "--yes") }, remoteEast)
	m.wantServedBy(t, remoteEast, "203.0.113.2:15012")
	m.wantAsBefore(t, east1)
	m.members[east1] = member{network: "network-1"}
	m.edit(t)
	m.run(t, 0, "apply", "--yes")
}

// movesBackNowhere gives the remote cluster its former primary again, which it does not reach. That it has reached the
// present one by the same probe a moment ago, and keeps the connection, proves nothing.
func (m *sharedMesh) movesBackNowhere(t *testing.T) {
	m.members[east1] = member{network: "network-1", more: nowhere}
	m.members[remoteEast] = member{network: "network-1", primaries: []string{east1}}
	m.edit(t)
	m.whileInjected(t, func() {
		m.givesUp(t, "apply --yes", 15*time.Second, 3, "remote   serving failed: injection by east-1", "198.51.100.99:15017")
	}, remoteEast)
	m.wantServedBy(t, remoteEast, "203.0.113.2:15012")
}

// loseNoControlPlane makes all other clusters remote ones of a primary whose API server does not answer.
func (m *sharedMesh) loseNoControlPlane(t *testing.T) {
	m.members[east1] = member{network: "network-1"}
	m.members[east2] = member{network: "network-1", primaries: []string{east1}}
	m.edit(t)
	m.setGateway(t, east1, lab.GatewayPending)
	if err := m.lab.StopAPI(t.Context(), east1); err != nil {
		t.Fatal(err)
	}
	wantWords(t, m.run(t, 3, "plan"), "x certificate        east-1 is not reached", "0 to delete")
	before := m.held(t, east2)
	m.whileInjected(t, func() {
		m.givesUp(t, "apply --yes", 15*time.Second, 3, "east-2: old istiod still serves; east-1 is not reached", "remote: still served by east-2; east-1 is not reached",
			"fix: setup-mesh apply, once east-1 answers. Nothing has to be undone.")
	}, east2, remoteEast)
	m.hasControlPlane(t, before)
	m.wantServedBy(t, remoteEast, "203.0.113.2:15012")
	if err := m.lab.StartAPI(t.Context(), east1); err != nil {
		t.Fatal(err)
	}
}

// hasControlPlane wants east-2 to hold all that it held, and its istiod to stand behind its Service.
func (m *sharedMesh) hasControlPlane(t *testing.T, before []string) {
	t.Helper()
	after := m.held(t, east2)
	for _, o := range before {
		if !slices.Contains(after, o) {
			t.Errorf("east-2 has lost %s", o)
		}
	}
	crds := slices.ContainsFunc(after, func(o string) bool { return strings.HasPrefix(o, "CustomResourceDefinition ") })
	service, err := m.clusters[east2].kube.CoreV1().Services(m.namespace).Get(t.Context(), "istiod", metav1.GetOptions{})
	if err != nil || len(service.Spec.Selector) == 0 || !crds {
		t.Errorf("east-2 has CRDs: %v; its Service istiod selects %v: %v", crds, service.Spec.Selector, err)
	}
	m.clusters[east2].mustIstiod(t)
}

// noAddressYet has the primary answer, whose gateway gets an address later.
func (m *sharedMesh) noAddressYet(t *testing.T) {
	before := m.held(t, east2)
	m.whileInjected(t, func() {
		m.givesUp(t, "apply --yes", 15*time.Second, 3, "istio-eastwestgateway has no address yet; last event: \"no load balancer class\"", "Not done: east-1", "east-2 (", "remote (")
	}, east2, remoteEast)
	m.hasControlPlane(t, before)
	m.wantServedBy(t, remoteEast, "203.0.113.2:15012")
}

func (m *sharedMesh) demoted(t *testing.T) {
	m.setGateway(t, east1, lab.GatewayIP)
	m.whileInjected(t, func() { m.run(t, 0, "apply", "--yes") }, east2, remoteEast)
	m.wantServedBy(t, east2, "203.0.113.1:15012")
	m.wantServedBy(t, remoteEast, "203.0.113.1:15012")
	wantWords(t, m.run(t, 0, "plan", "--detailed-exitcode"), "Nothing to change.")
	wantWords(t, m.run(t, 0, "status"), "The mesh is one")
	wantRemotes(t, m.clusters[east1], []string{"east-2", "remote"})
}
