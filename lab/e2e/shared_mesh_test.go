package e2e

import (
	"context"
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/setup-mesh/setup-mesh/lab"
)

// A member is a cluster of a mesh with remote clusters, as its topology.yaml and its lab say.
type member struct {
	network   string
	primaries []string // contexts; none for one with a control plane of its own
	apart     bool     // disableRegistryJoin
	more      string   // more keys of its context, after a comma
	gateways  []string // "address:port" at which other networks reach it; none where there is one network
}

// A sharedMesh is a journey through meshes with remote clusters.
type sharedMesh struct {
	*journey
	namespace string // Istio's
	order     []string
	shares    []string          // namespaces
	members   map[string]member // by context
}

func newSharedMesh(t *testing.T, contexts ...string) *sharedMesh {
	t.Helper()
	return &sharedMesh{
		journey: newJourney(t, lab.Options{Contexts: contexts}), namespace: "istio-system",
		order: contexts, members: map[string]member{},
	}
}

// edit makes topology.yaml say what members says.
func (m *sharedMesh) edit(t testing.TB) {
	t.Helper()
	var lines []string
	for _, c := range m.order {
		one, ok := m.members[c]
		if !ok {
			continue
		}
		line := c + ": {network: " + one.network
		if len(one.primaries) > 0 {
			line += ", primaries: [" + strings.Join(one.primaries, ", ") + "]"
		}
		if one.apart {
			line += ", disableRegistryJoin: true"
		}
		if m.namespace != "istio-system" {
			line += ", namespace: " + m.namespace
		}
		lines = append(lines, line+one.more+"}")
	}
	m.topology(t, lines...)
	if len(m.shares) > 0 {
		m.write(t, "topology.yaml", m.read(t, "topology.yaml")+"sharedServices: ["+strings.Join(m.shares, ", ")+"]\n")
	}
}

// becomes edits topology.yaml, applies, and looks whether the mesh is what it says.
func (m *sharedMesh) becomes(t *testing.T) {
	t.Helper()
	m.edit(t)
	m.run(t, 0, "apply", "--yes")
	m.collectSecrets(t)
	m.verify(t)
}

// verify looks at the mesh from every side: setup-mesh's, the istiods', and that of workloads in every cluster.
func (m *sharedMesh) verify(t *testing.T) {
	t.Helper()
	wantWords(t, m.run(t, 0, "plan", "--detailed-exitcode"), "Nothing to change.")
	wantWords(t, m.run(t, 0, "status"), "The mesh is one")
	root := x509.NewCertPool()
	if !root.AppendCertsFromPEM([]byte(m.read(t, "certs/root-cert.pem"))) {
		t.Fatal("certs/root-cert.pem holds no certificate")
	}
	for context, one := range m.members {
		c := m.clusters[context]
		if len(one.primaries) == 0 {
			wantRemotes(t, c, m.readBy(context))
			m.wantExposed(t, context)
		} else {
			m.wantServed(t, context, root)
		}
		m.inject(t, context)
	}
	m.wantAllEndpoints(t)
}

// readBy are the names of the clusters that the istiod of a primary has to read.
func (m *sharedMesh) readBy(primary string) []string {
	var out []string
	for context, one := range m.members {
		if context != primary && (slices.Contains(one.primaries, primary) || !one.apart && !m.members[primary].apart) {
			out = append(out, nameOf(context))
		}
	}
	slices.Sort(out)
	return out
}

// wantServed wants workloads of a remote cluster to be given the root of the mesh, and the istiods of its primaries to
// sign for them, at every address that the cluster has of them.
func (m *sharedMesh) wantServed(t *testing.T, context string, root *x509.CertPool) {
	t.Helper()
	c := m.clusters[context]
	eventually(t, context+": the root certificate of shop", func(ctx ctx) error {
		cm, err := c.kube.CoreV1().ConfigMaps("shop").Get(ctx, "istio-ca-root-cert", metav1.GetOptions{})
		if err != nil {
			return err
		}
		return errorIf(strings.TrimSpace(cm.Data["root-cert.pem"]) != strings.TrimSpace(m.read(t, "certs/root-cert.pem")), "it is another's")
	})
	addresses := m.endpointsOfPrimaries(t, context)
	if len(addresses) < len(m.members[context].primaries) {
		t.Errorf("%s has the addresses %v of %v", context, addresses, m.members[context].primaries)
	}
	for _, a := range addresses {
		at, err := m.lab.Address(t.Context(), context, a)
		if err != nil {
			t.Errorf("%s: %v", context, err)
			continue
		}
		certificateBy(t, c, at, "istiod."+m.namespace+".svc", "shop", "default", root)
	}
}

// ctx shortens the signatures of checks.
type ctx = context.Context

// endpointsOfPrimaries are the addresses for discovery behind Service istiod of a remote cluster.
func (m *sharedMesh) endpointsOfPrimaries(t *testing.T, context string) []string {
	t.Helper()
	slices_, err := m.clusters[context].kube.DiscoveryV1().EndpointSlices(m.namespace).List(t.Context(),
		metav1.ListOptions{LabelSelector: "kubernetes.io/service-name=istiod"})
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, s := range slices_.Items {
		for _, p := range s.Ports {
			for _, e := range s.Endpoints {
				if *p.Name == "tcp-istiod" {
					out = append(out, net.JoinHostPort(e.Addresses[0], strconv.Itoa(int(*p.Port))))
				}
			}
		}
	}
	slices.Sort(out)
	return out
}

// inject replaces the workload of a cluster: its API server reaches an istiod for that, now.
func (m *sharedMesh) inject(t *testing.T, context string) {
	t.Helper()
	c := m.clusters[context]
	if err := endWorkload(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	created, err := c.kube.CoreV1().Pods("shop").Create(t.Context(), helloPod(), metav1.CreateOptions{})
	if err != nil {
		t.Fatalf("%s: %v", context, err)
	}
	all := append(slices.Clone(created.Spec.InitContainers), created.Spec.Containers...)
	i := slices.IndexFunc(all, func(c corev1.Container) bool { return c.Name == "istio-proxy" })
	if i < 0 {
		t.Fatalf("%s: the pod has no sidecar: %+v", context, all)
	}
	env := map[string]string{}
	for _, e := range all[i].Env {
		env[e.Name] = e.Value
	}
	want := map[string]string{
		"ISTIO_META_CLUSTER_ID": nameOf(context), "ISTIO_META_NETWORK": m.members[context].network, "CA_ADDR": "istiod." + m.namespace + ".svc:15012",
	}
	for name, value := range want {
		if env[name] != value {
			t.Errorf("%s: the sidecar's %s is %q, want %q", context, name, env[name], value)
		}
	}
}

// wantAllEndpoints wants a sidecar of every cluster to be told the pods of its own network and the gateways of others,
// by each istiod that it may ask. Of clusters that do not discover each other it is told nothing.
func (m *sharedMesh) wantAllEndpoints(t *testing.T) {
	t.Helper()
	ip := map[string]string{}
	for context := range m.members {
		ip[context] = podIP(t, m.clusters[context])
	}
	for context, one := range m.members {
		istiods := one.primaries
		if len(istiods) == 0 {
			istiods = []string{context}
		}
		s := sidecar{cluster: nameOf(context), network: one.network, namespace: "shop", pod: "hello", ip: ip[context]}
		for _, primary := range istiods {
			var want []string
			for other, it := range m.members {
				switch seen := append(m.readBy(primary), nameOf(primary)); {
				case !slices.Contains(seen, nameOf(other)):
				case it.network == one.network:
					want = append(want, pod(ip[other]))
				default:
					want = append(want, it.gateways...)
				}
			}
			slices.Sort(want)
			s.wantEndpoints(t, m.clusters[primary].mustIstiod(t).Addresses.XDS, helloService, want)
		}
	}
}

// held lists what setup-mesh and istiods have put into a cluster, and what else is in Istio's namespace.
func (m *sharedMesh) held(t *testing.T, context string) []string {
	t.Helper()
	all, err := m.clusters[context].objects(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, o := range all {
		ours := o.GetNamespace() == m.namespace
		for _, f := range o.GetManagedFields() {
			ours = ours || f.Manager == fieldManager || f.Manager == "pilot-discovery"
		}
		if ours && o.GetKind() != "Pod" {
			out = append(out, ref{Kind: o.GetKind(), Namespace: o.GetNamespace(), Name: o.GetName()}.String())
		}
	}
	slices.Sort(out)
	return out
}

// setGateway changes the kind of address that the gateway of a cluster has.
func (m *sharedMesh) setGateway(t *testing.T, context string, kind lab.Gateway) {
	t.Helper()
	if err := m.lab.SetGateway(t.Context(), context, kind); err != nil {
		t.Fatal(err)
	}
}

// ended takes the workloads out, so that a cluster can be as it was.
func (m *sharedMesh) ended(t *testing.T) {
	t.Helper()
	for _, c := range m.clusters {
		if err := endWorkload(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
}

const remoteEast = "context-remote"

// TestE2ERemote leads one primary and one remote cluster through the kinds of addresses, networks and roles.
func TestE2ERemote(t *testing.T) {
	needsLab(t)
	m := newSharedMesh(t, east1, remoteEast)
	m.inOrder(t, []step{
		{"Before", m.takeStock},
		{"Prep", func(t *testing.T) { m.run(t, 0, "prep", "--mesh-id", "mymeshname", "--org", "example.com") }},
		{"GatewayWithoutAddress", m.pendingGateway},
		{"OneNetwork", m.oneNetwork},
		{"RemoteStaysSmall", m.staysSmall},
		{"SeveralAddresses", m.severalAddresses},
		{"AddressChanges", m.addressChanges},
		{"HostName", m.hostName},
		{"RootIsWrittenAgain", m.rootIsWrittenAgain},
		{"TwoNetworks", m.twoNetworks},
		{"APIServerAddress", m.apiServerAddress},
		{"BecomesPrimary", m.becomesPrimary},
		{"BecomesRemote", m.becomesRemote},
		{"RemoteLeaves", m.remoteLeaves},
		{"Teardown", m.tornDown},
		{"NoSecretWasTold", func(t *testing.T) {
			for _, what := range m.canaries.found(m.said.Bytes()) {
				t.Errorf("setup-mesh printed %s", what)
			}
		}},
	})
}

// pendingGateway is told with the words of the cloud, and costs nothing but time.
func (m *sharedMesh) pendingGateway(t *testing.T) {
	m.members = map[string]member{east1: {network: "network-1"}, remoteEast: {network: "network-1", primaries: []string{east1}}}
	m.edit(t)
	m.setGateway(t, east1, lab.GatewayPending)
	wantWords(t, m.run(t, 0, "plan"), "address known after apply")
	r := m.run(t, 3, "apply", "--yes", "--timeout", "10s")
	wantWords(t, r, "east-1", "istio-eastwestgateway has no address yet", "no load balancer class")
	if held := m.held(t, remoteEast); slices.ContainsFunc(held, func(o string) bool { return strings.HasPrefix(o, "MutatingWebhook") }) {
		t.Errorf("a cluster whose primary cannot be reached has webhooks: %v", held)
	}
	m.setGateway(t, east1, lab.GatewayIP)
}

func (m *sharedMesh) oneNetwork(t *testing.T) {
	m.becomes(t)
	if got := m.endpointsOfPrimaries(t, remoteEast); !slices.Equal(got, []string{"203.0.113.1:15012"}) {
		t.Errorf("the primary is at %v", got)
	}
}

// small is all that a remote cluster on its primary's network holds.
var small = []string{
	"ClusterRole istio-reader-clusterrole-istio-system",
	"ClusterRoleBinding istio-reader-clusterrole-istio-system",
	"ConfigMap default/istio-ca-crl", // by the primary's istiod, in every namespace
	"ConfigMap default/istio-ca-root-cert",
	"ConfigMap istio-system/istio-ca-crl",
	"ConfigMap istio-system/istio-ca-root-cert",
	"ConfigMap istio-system/istio-namespace-controller-election",
	"ConfigMap istio-system/kube-root-ca.crt",
	"ConfigMap istio-system/setup-mesh",
	"ConfigMap kube-system/istio-ca-crl",
	"ConfigMap kube-system/istio-ca-root-cert",
	"ConfigMap shop/istio-ca-crl",
	"ConfigMap shop/istio-ca-root-cert",
	"MutatingWebhookConfiguration istio-sidecar-injector",
	"Namespace istio-system",
	"Secret istio-system/setup-mesh-grant-east-1",
	"Service istio-system/istiod",
	"ServiceAccount istio-system/default",
	"ServiceAccount istio-system/istio-reader-service-account",
}

func (m *sharedMesh) staysSmall(t *testing.T) {
	if diff := cmp.Diff(small, m.held(t, remoteEast)); diff != "" {
		t.Errorf("a remote cluster holds (-want +got):\n%s", diff)
	}
}

// rewired wants the plan to say that the primary is elsewhere, and an apply to tell the remote cluster and nobody else.
func (m *sharedMesh) rewired(t *testing.T, was, is string) {
	t.Helper()
	wantWords(t, m.run(t, 2, "plan", "--detailed-exitcode"), fmt.Sprintf("gateway of east-1: %s -> %s", was, is))
	want := map[string][]string{"remote": {"update EndpointSlice istio-system/istiod-east-1"}}
	if diff := cmp.Diff(want, m.planJSON(t, 0).changes()); diff != "" {
		t.Errorf("planned changes (-want +got):\n%s", diff)
	}
	m.becomes(t)
}

func (m *sharedMesh) severalAddresses(t *testing.T) {
	m.setGateway(t, east1, lab.GatewayIPs)
	m.rewired(t, "203.0.113.1", "203.0.113.1, 203.0.113.101")
}

// addressChanges leaves the remote cluster with an address that leads nowhere: status says so, and apply mends it.
func (m *sharedMesh) addressChanges(t *testing.T) {
	m.setGateway(t, east1, lab.GatewayIP)
	m.rewired(t, "203.0.113.1, 203.0.113.101", "203.0.113.1")
	m.setGateway(t, east1, lab.GatewayIP2)
	wantWords(t, m.run(t, 2, "status"), "control-plane/address", "gateway of east-1: 203.0.113.1 -> 203.0.113.101")
	m.rewired(t, "203.0.113.1", "203.0.113.101")
}

func (m *sharedMesh) hostName(t *testing.T) {
	m.setGateway(t, east1, lab.GatewayHostname)
	m.rewired(t, "203.0.113.101", "203.0.113.1, 203.0.113.101")
	m.setGateway(t, east1, lab.GatewayHostname2)
	m.rewired(t, "203.0.113.1, 203.0.113.101", "203.0.113.101")
	without := with(m.command(t.Context(), "plan"), "SETUP_MESH_DNS_SERVER=127.0.0.1:9")
	r := wantCode(t, 0, m.do(t, without)) // and nothing is given up that may work
	wantWords(t, r, `"east-1.elb.example.com"`, "--dns-server", "Nothing to change.")
}

// rootIsWrittenAgain sees that the primary's istiod leads in the remote cluster.
func (m *sharedMesh) rootIsWrittenAgain(t *testing.T) {
	t.Helper()
	maps := m.clusters[remoteEast].kube.CoreV1().ConfigMaps("shop")
	if err := maps.Delete(t.Context(), "istio-ca-root-cert", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the root certificate is back", func(ctx ctx) error {
		_, err := maps.Get(ctx, "istio-ca-root-cert", metav1.GetOptions{})
		return err
	})
}

// twoNetworks has host names for the gateway of one network, which istiod resolves by itself, and an IP for the other.
func (m *sharedMesh) twoNetworks(t *testing.T) {
	m.setGateway(t, east1, lab.GatewayHostname)
	m.members = map[string]member{
		east1:      {network: "network-1", gateways: []string{"203.0.113.1:15443", "203.0.113.101:15443"}},
		remoteEast: {network: "network-2", primaries: []string{east1}, gateways: []string{"203.0.113.2:15443"}},
	}
	m.becomes(t)
}

// apiServerAddress gives the others another way to the API server of the remote cluster than the kubeconfig's.
func (m *sharedMesh) apiServerAddress(t *testing.T) {
	config := m.clusters[remoteEast].config
	ca := config.CAData
	if err := os.WriteFile(filepath.Join(m.dir, "certs", "api-ca.pem"), ca, 0o600); err != nil {
		t.Fatal(err)
	}
	server := strings.Replace(config.Host, "127.0.0.1", "localhost", 1)
	one := m.members[remoteEast]
	one.more = fmt.Sprintf(", apiServer: {server: '%s', tlsServerName: kubernetes.default.svc, caFile: certs/api-ca.pem}", server)
	m.members[remoteEast] = one
	m.edit(t)
	wantWords(t, m.run(t, 2, "plan", "--detailed-exitcode"), "API server of remote: "+config.Host+" -> "+server)
	m.becomes(t)
	stored := string(m.clusters[east1].secret(t, m.namespace, "istio-remote-secret-remote").Data["remote"])
	for _, want := range []string{"server: " + server, "tls-server-name: kubernetes.default.svc"} {
		if !strings.Contains(stored, want) {
			t.Errorf("the remote secret does not hold %q", want)
		}
	}
}

func (m *sharedMesh) becomesPrimary(t *testing.T) {
	m.members[remoteEast] = member{network: "network-2", gateways: []string{"203.0.113.2:15443"}}
	m.becomes(t)
	for _, o := range m.held(t, east1) {
		if strings.Contains(o, "istiod-gateway") && strings.HasPrefix(o, "Gateway") || strings.Contains(o, "istiod-vs") {
			t.Errorf("a primary that serves nobody exposes its istiod: %s", o)
		}
	}
	slices_, err := m.clusters[remoteEast].kube.DiscoveryV1().EndpointSlices(m.namespace).List(t.Context(),
		metav1.ListOptions{LabelSelector: "kubernetes.io/service-name=istiod"})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range slices_.Items {
		if s.Labels["endpointslice.kubernetes.io/managed-by"] == fieldManager {
			t.Errorf("its Service istiod leads to %s still", s.Name)
		}
	}
}

// becomesRemote leaves nothing of the control plane that was there.
func (m *sharedMesh) becomesRemote(t *testing.T) {
	m.setGateway(t, east1, lab.GatewayIP)
	m.members = map[string]member{east1: {network: "network-1"}, remoteEast: {network: "network-1", primaries: []string{east1}}}
	m.becomes(t)
	m.staysSmall(t)
	m.rootIsWrittenAgain(t)
}

func (m *sharedMesh) remoteLeaves(t *testing.T) {
	m.ended(t)
	delete(m.members, remoteEast)
	m.edit(t)
	m.run(t, 0, "apply", "--yes")
	m.wantAsBefore(t, remoteEast)
	wantRemotes(t, m.clusters[east1], nil)
	wantWords(t, m.run(t, 0, "plan", "--detailed-exitcode"), "Nothing to change.")
	m.members[remoteEast] = member{network: "network-1", primaries: []string{east1}}
	m.becomes(t)
}

func (m *sharedMesh) tornDown(t *testing.T) {
	m.ended(t)
	wantWords(t, m.run(t, 0, "teardown", "--yes"), fmt.Sprintf("Istio has left %d clusters", len(m.members)))
	for name := range m.clusters {
		m.wantAsBefore(t, name)
	}
}
