package e2e

import (
	"bytes"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"

	"github.com/setup-mesh/setup-mesh/lab"
)

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
		{"InjectedByHand", m.injectedByHand},
		{"APIServerAddress", m.apiServerAddress},
		{"APIServerBehindProxy", m.apiServerBehindProxy},
		{"BecomesPrimary", m.becomesPrimary},
		{"BecomesRemote", m.becomesRemote},
		{"RemoteLeaves", m.remoteLeaves},
		{"Teardown", m.tornDown},
	})
}

// pendingGateway is told with the words of the cloud, and costs nothing but time.
func (m *sharedMesh) pendingGateway(t *testing.T) {
	m.members = map[string]member{east1: {network: "network-1"}, remoteEast: {network: "network-1", primaries: []string{east1}}}
	m.edit(t)
	m.setGateway(t, east1, lab.GatewayPending)
	wantWords(t, m.run(t, 0, "plan"), "address known after apply")
	m.givesUp(t, "apply --yes", 10*time.Second, 3, "east-1", "istio-eastwestgateway has no address yet", "no load balancer class")
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
	eventually(t, "a remote cluster is small", func(ctx) error { // its primary's istiod writes when it comes to it
		diff := cmp.Diff(small, m.held(t, remoteEast))
		return errorIf(diff != "", "it holds (-want +got):\n%s", diff)
	})
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

// apiServerBehindProxy has a kubeconfig that leads to a proxy, whose CA is not that of the cluster's service accounts:
// what the kubeconfig says is what the others are given.
func (m *sharedMesh) apiServerBehindProxy(t *testing.T) {
	before := loadKubeconfig(t, m.kubeconfig).Clusters
	proxy := proxyOf(t, m.clusters[remoteEast])
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: proxy.Certificate().Raw})
	m.editKubeconfig(t, func(c *api.Config) {
		one := c.Clusters[c.Contexts[remoteEast].Cluster]
		one.Server, one.CertificateAuthority, one.CertificateAuthorityData = proxy.URL, "", ca
	})
	one := m.members[remoteEast]
	one.more = ""
	m.members[remoteEast] = one
	m.becomes(t)
	stored, err := clientcmd.Load(m.clusters[east1].secret(t, m.namespace, "istio-remote-secret-remote").Data["remote"])
	if err != nil {
		t.Fatal(err)
	}
	if got := stored.Clusters["remote"]; got.Server != proxy.URL || !bytes.Equal(got.CertificateAuthorityData, ca) {
		t.Errorf("the others reach the API server at %s by a CA that is the proxy's: %v", got.Server, bytes.Equal(got.CertificateAuthorityData, ca))
	}
	m.editKubeconfig(t, func(c *api.Config) { c.Clusters = before })
	m.becomes(t)
}

// proxyOf stands before the API server of a cluster, with a certificate of its own.
func proxyOf(t *testing.T, c *cluster) *httptest.Server {
	t.Helper()
	to, err := url.Parse(c.config.Host)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(to)
	proxy.FlushInterval = -1 // watches
	if proxy.Transport, err = rest.TransportFor(rest.AnonymousClientConfig(c.config)); err != nil {
		t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(proxy)
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // of clients that are gone
	for port := 32000; ; port++ {                  // above 32767 the kernel may have given it to somebody
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			s.Listener.Close()
			s.Listener = l
			break
		}
		if port == 32767 {
			t.Fatal(err)
		}
	}
	s.StartTLS()
	t.Cleanup(func() { s.CloseClientConnections(); s.Close() })
	return s
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
