package e2e

import (
	"fmt"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// The clusters of the mixed mesh: two with control planes and two without.
const (
	north, south             = "context-north", "context-south"
	remoteNorth, remoteSouth = "context-remote-north", "context-remote-south"
)

// TestE2EMixedMesh has two primaries with a remote cluster each on three networks, in a namespace that is not Istio's
// usual one, and leads them through the ways in which a gateway is reached, and through other primaries.
func TestE2EMixedMesh(t *testing.T) {
	needsLab(t)
	m := newSharedMesh(t, north, remoteNorth, south, remoteSouth)
	m.namespace = "mesh-system"
	m.inOrder(t, []step{
		{"Before", func(t *testing.T) {
			createService(t, m.clusters[remoteNorth], "catalog")
			m.takeStock(t)
		}},
		{"Prep", func(t *testing.T) { m.run(t, 0, "prep", "--mesh-id", "mymeshname", "--org", "example.com") }},
		{"TwoPrimariesWithRemotes", m.twoPrimaries},
		{"RemoteOfBoth", m.remoteOfBoth},
		{"SharedServices", m.sharesServices},
		{"AddressesBehindNAT", m.behindNAT},
		{"AddressesOfServices", m.ofServices},
		{"NodePorts", m.nodePorts},
		{"NobodySaysWhichNode", m.nobodySaysWhichNode},
		{"RemoteDoesNotJoin", m.doesNotJoin},
		{"PrimaryWithRemotesStays", m.primaryStays},
		{"PrimaryLeavesAfterItsRemotes", m.primaryLeaves},
		{"PrimaryIsDown", m.primaryIsDown},
		{"Teardown", m.tornDown},
	})
}

func (m *sharedMesh) twoPrimaries(t *testing.T) {
	m.members = map[string]member{
		north:       {network: "network-1", gateways: []string{"203.0.113.1:15443"}},
		remoteNorth: {network: "network-1", primaries: []string{north}, gateways: []string{"203.0.113.2:15443"}},
		south:       {network: "network-2", gateways: []string{"203.0.113.3:15443"}},
		remoteSouth: {network: "network-3", primaries: []string{south}, gateways: []string{"203.0.113.4:15443"}, more: ", serviceAccountReader: mesh-reader"},
	}
	m.becomes(t)
	if _, err := m.clusters[remoteSouth].kube.CoreV1().ServiceAccounts(m.namespace).Get(t.Context(), "mesh-reader", metav1.GetOptions{}); err != nil {
		t.Error(err)
	}
}

// createService makes a Service in a namespace of its name.
func createService(t *testing.T, c *cluster, name string) {
	t.Helper()
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}
	if _, err := c.kube.CoreV1().Namespaces().Create(t.Context(), namespace, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	service := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: corev1.ServiceSpec{Ports: []corev1.ServicePort{{Name: "http", Port: 80}}}}
	if _, err := c.kube.CoreV1().Services(name).Create(t.Context(), service, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
}

// sharesServices has a Service of a remote cluster present in all others, remote ones among them, and takes it back.
func (m *sharedMesh) sharesServices(t *testing.T) {
	has := func(context string) bool {
		_, err := m.clusters[context].kube.CoreV1().Services("catalog").Get(t.Context(), "catalog", metav1.GetOptions{})
		return err == nil
	}
	for _, shared := range []bool{true, false} {
		m.shares = nil
		if shared {
			m.shares = []string{"catalog"}
		}
		m.becomes(t)
		for context := range m.members {
			if want := shared || context == remoteNorth; has(context) != want {
				t.Errorf("%s has the Service: %v, want %v", context, has(context), want)
			}
		}
	}
}

// change applies an edit of one member.
func (m *sharedMesh) change(t *testing.T, context string, edit func(*member)) {
	t.Helper()
	one := m.members[context]
	edit(&one)
	m.members[context] = one
	m.becomes(t)
}

func (m *sharedMesh) remoteOfBoth(t *testing.T) {
	m.change(t, remoteSouth, func(one *member) { one.primaries = []string{south, north} })
	want := []string{"203.0.113.1:15012", "203.0.113.3:15012"}
	if got := m.endpointsOfPrimaries(t, remoteSouth); !slices.Equal(got, want) {
		t.Errorf("the primaries are at %v, want %v", got, want)
	}
}

// behindNAT has an address in topology.yaml that no Service has, for proxies of other networks by another port too.
func (m *sharedMesh) behindNAT(t *testing.T) {
	m.change(t, south, func(one *member) {
		one.more = ", gateway: {addresses: [198.51.100.3], port: 443}"
		one.gateways = []string{"198.51.100.3:443"}
	})
	want := []string{"198.51.100.3:15012", "203.0.113.1:15012"}
	if got := m.endpointsOfPrimaries(t, remoteSouth); !slices.Equal(got, want) {
		t.Errorf("the primaries are at %v, want %v", got, want)
	}
}

// ofServices takes the addresses out of topology.yaml again.
func (m *sharedMesh) ofServices(t *testing.T) {
	m.change(t, south, func(one *member) { one.more, one.gateways = "", []string{"203.0.113.3:15443"} })
	want := []string{"203.0.113.1:15012", "203.0.113.3:15012"}
	if got := m.endpointsOfPrimaries(t, remoteSouth); !slices.Equal(got, want) {
		t.Errorf("the primaries are at %v, want %v", got, want)
	}
}

const nodePort = "overlay: {components: {ingressGateways: [{name: istio-eastwestgateway, k8s: {service: {type: NodePort}}}]}}"

// nodePorts has no load balancer in front of a gateway, but says at which nodes it is reached.
func (m *sharedMesh) nodePorts(t *testing.T) {
	one := m.members[north]
	one.more = ", gateway: {annotations: {traffic.istio.io/nodeSelector: '{}'}}, " + nodePort
	m.members[north] = one
	m.edit(t)
	m.run(t, 0, "apply", "--yes")
	ports := m.gatewayNodePorts(t, north)
	one.gateways = []string{fmt.Sprintf("192.0.2.1:%d", ports[15443])}
	m.members[north] = one
	m.verify(t)
	want := []string{fmt.Sprintf("192.0.2.1:%d", ports[15012])}
	if got := m.endpointsOfPrimaries(t, remoteNorth); !slices.Equal(got, want) {
		t.Errorf("the primary is at %v, want %v", got, want)
	}
}

func (m *sharedMesh) gatewayNodePorts(t *testing.T, context string) map[int32]int32 {
	t.Helper()
	s, err := m.clusters[context].kube.CoreV1().Services(m.namespace).Get(t.Context(), "istio-eastwestgateway", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if s.Spec.Type != corev1.ServiceTypeNodePort {
		t.Errorf("the gateway's Service is of type %s", s.Spec.Type)
	}
	out := map[int32]int32{}
	for _, p := range s.Spec.Ports {
		out[p.Port] = p.NodePort
	}
	return out
}

// nobodySaysWhichNode is an error with a remedy, and not something to wait for. What works goes on working.
func (m *sharedMesh) nobodySaysWhichNode(t *testing.T) {
	before := m.members[north]
	one := before
	one.more = ", " + nodePort
	m.members[north] = one
	m.edit(t)
	r := m.run(t, 3, "apply", "--yes")
	wantWords(t, r, "is of type NodePort, which has no external address", "contexts."+north+".gateway.addresses")
	wantWords(t, m.run(t, 2, "status"), "gateway/address", "is of type NodePort")
	before.more, before.gateways = "", []string{"203.0.113.1:15443"}
	m.members[north] = before
	m.becomes(t)
}

// doesNotJoin leaves a remote cluster with its primary alone.
func (m *sharedMesh) doesNotJoin(t *testing.T) {
	m.change(t, remoteNorth, func(one *member) { one.apart = true })
	m.change(t, remoteNorth, func(one *member) { one.apart = false })
}

// primaryStays while a remote cluster names it: that is a mistake at its line, and nothing is done.
func (m *sharedMesh) primaryStays(t *testing.T) {
	south_ := m.members[south]
	delete(m.members, south)
	m.edit(t)
	before := m.versions(t)
	r := m.run(t, 1, "apply", "--yes")
	wantWords(t, r, "topology.yaml:5:", "contexts."+remoteSouth+".primaries[0]", `"context-south" is not a context in this file`, "another primary")
	for context, objects := range m.versions(t) {
		if diff := changed(before[context], objects); len(diff) > 0 {
			t.Errorf("%s: %v", context, diff)
		}
	}
	m.members[south] = south_
}

// primaryLeaves once its remote cluster has another: that is served on.
func (m *sharedMesh) primaryLeaves(t *testing.T) {
	m.ended(t)
	one := m.members[remoteSouth]
	one.primaries = []string{north}
	m.members[remoteSouth] = one
	delete(m.members, south)
	m.becomes(t)
	m.wantAsBefore(t, south)
}

// primaryIsDown, that is its API server: its istiod runs on and serves. Nothing in its remote clusters is taken away or
// waited for, and they are left in order when it is back.
func (m *sharedMesh) primaryIsDown(t *testing.T) {
	if err := m.lab.StopAPI(t.Context(), north); err != nil {
		t.Fatal(err)
	}
	r := m.run(t, 3, "plan")
	wantWords(t, r, "north", "not reached", "No changes in the clusters that answered.")
	if err := m.lab.StartAPI(t.Context(), north); err != nil {
		t.Fatal(err)
	}
	m.verify(t)
}
