package e2e

import (
	"context"
	"crypto/x509"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"

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
				if *p.Name == "https-dns" {
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
	created, err := c.makePod(t.Context(), "shop")
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

func (m *sharedMesh) tornDown(t *testing.T) {
	m.ended(t)
	wantWords(t, m.run(t, 0, "teardown", "--yes"), fmt.Sprintf("Istio was removed from %d clusters", len(m.members)))
	for name := range m.clusters {
		m.wantAsBefore(t, name)
	}
}
