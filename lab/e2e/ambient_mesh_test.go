package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/setup-mesh/setup-mesh/lab"
)

const (
	ambientBase  = "apiVersion: install.istio.io/v1alpha2\nkind: IstioControlPlane\nspec:\n  profile: ambient\n"
	sidecarsBase = "apiVersion: install.istio.io/v1alpha2\nkind: IstioControlPlane\nspec:\n  profile: default\n"
)

// ambientScopes are what base.yaml makes global, and the model as well.
const ambientScopes = `  meshConfig:
    serviceScopeConfigs:
    - servicesSelector: {matchExpressions: [{key: istio.io/global, operator: In, values: ["true"]}]}
      scope: GLOBAL
    - namespaceSelector: {matchLabels: {team: shared}}
      scope: GLOBAL
`

// The kinds of meshes that the ambient journey is about: base.yaml, and what topology.yaml says beside its clusters.
const (
	inAmbient      = "ambient: {namespaces: [shop, billing, stock]}\n"
	rotatesRoot    = "ambient: {experimental: [root-rotation], namespaces: [shop, billing, stock]}\n"
	withSidecars   = "ambient: {experimental: [sidecars], namespaces: [shop, billing, stock]}\n"
	besideSidecars = "ambient: {experimental: [sidecars]}\ninjection: {namespaces: [shop, billing, stock]}\n"
	inSidecars     = "injection: {namespaces: [shop, billing, stock]}\n"
)

// An ambientJourney is one through ambient meshes of clusters with a network each.
type ambientJourney struct {
	*journey
	model     ambientMesh
	more      map[string]string   // more keys of a context, after a comma
	witnesses map[string]*witness // by context
}

var ambientContexts = [3]string{east1, west1, north}

func networkOf(context string) string { return "network-" + nameOf(context) }

// TestE2EAmbient makes an ambient mesh of three clusters on three networks from nothing. What a ztunnel is told of each
// pair of them is what a model says, whatever becomes of gateways, clusters, and the mode of the mesh.
func TestE2EAmbient(t *testing.T) {
	needsLab(t)
	var networks []string
	for _, c := range ambientContexts {
		networks = append(networks, networkOf(c))
	}
	j := &ambientJourney{
		journey: newJourney(t, lab.Options{
			Contexts: ambientContexts[:], Networks: networks, Gateways: []lab.Gateway{lab.GatewayIP, lab.GatewayHostname, lab.GatewayPending},
		}),
		model: ambientMesh{
			scopes: []scope{{service: globalLabel}, {namespace: map[string]string{"team": "shared"}}}, clusters: map[string]ambientCluster{},
		},
		more: map[string]string{}, witnesses: map[string]*witness{},
	}
	for _, c := range ambientContexts {
		j.witnesses[c] = j.ztunnel(c).listen(t, j.clusters[c])
	}
	services := servicesOf(ambientContexts)
	j.inOrder(t, []step{
		{"Before", func(t *testing.T) { j.occupied(t, services) }},
		{"Prep", func(t *testing.T) { j.run(t, 0, "prep", "--mesh-id", "mymeshname", "--org", "example.com") }},
		{"PendingGateway", func(t *testing.T) { j.pendingGateway(t, services) }},
		{"ContinuedAfterKill", func(t *testing.T) { j.continued(t, services) }},
		{"Calls", j.calls},
		{"GatewaysAreReplaced", j.gatewaysReplaced},
		{"AddressesInTopology", j.addressesInTopology},
		{"ClusterLeavesAndComesBack", func(t *testing.T) { j.leavesAndComesBack(t, services) }},
		{"BackToSidecars", j.backToSidecars},
		{"FromSidecarsToAmbient", j.fromSidecars},
		{"AnotherRoot", j.anotherRoot},
		{"Teardown", j.tornDown},
	})
}

// join makes a cluster one of the model's, with its gateway at an address.
func (j *ambientJourney) join(context, gateway string, services map[string]map[string]ambientService) {
	j.model.clusters[nameOf(context)] = ambientCluster{network: networkOf(context), gateway: gateway, services: services[context]}
}

// moved has the gateway of a cluster elsewhere in the model.
func (j *ambientJourney) moved(context, gateway string) {
	c := j.model.clusters[nameOf(context)]
	c.gateway = gateway
	j.model.clusters[nameOf(context)] = c
}

// occupied gives the clusters their services, and notes all that is in them.
func (j *ambientJourney) occupied(t *testing.T, services map[string]map[string]ambientService) {
	for context, c := range j.clusters {
		c.createAll(t, services[context])
		var err error
		if j.before[context], err = c.snapshot(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

func (j *ambientJourney) ztunnel(context string) ztunnel {
	return ztunnel{nameOf(context), networkOf(context)}
}

// edit writes topology.yaml and base.yaml of a mesh of these clusters.
func (j *ambientJourney) edit(t *testing.T, kind string, contexts ...string) {
	t.Helper()
	text := "mesh_id: mymeshname\n" + kind + "contexts:\n"
	for _, c := range contexts {
		text += fmt.Sprintf("  %s: {network: %s%s}\n", c, networkOf(c), j.more[c])
	}
	j.write(t, "topology.yaml", text)
	base := ambientBase + ambientScopes
	if !strings.HasPrefix(kind, "ambient:") {
		base = sidecarsBase
	}
	j.write(t, "base.yaml", base)
}

// verify wants nothing to be left to do, and ztunnels to be told what the model says.
func (j *ambientJourney) verify(t *testing.T) {
	t.Helper()
	wantWords(t, j.run(t, 0, "plan", "--detailed-exitcode"), "Nothing to change.")
	j.wantTold(t)
}

func (j *ambientJourney) wantTold(t *testing.T) {
	t.Helper()
	for _, c := range ambientContexts {
		if _, ok := j.model.clusters[nameOf(c)]; ok {
			j.ztunnel(c).wantTold(t, j.clusters[c].mustIstiod(t).Addresses.XDS, j.model, ambientNamespaces...)
		}
	}
}

// becomes edits, applies and verifies.
func (j *ambientJourney) becomes(t *testing.T, kind string, contexts ...string) {
	t.Helper()
	j.edit(t, kind, contexts...)
	wantWords(t, j.run(t, 0, "apply", "--yes"), "The mesh is one")
	j.verify(t)
}

// pendingGateway kills an apply that waits for the load balancer of one cluster. The others are a mesh, and nobody has heard
// of that one.
func (j *ambientJourney) pendingGateway(t *testing.T, services map[string]map[string]ambientService) {
	j.edit(t, inAmbient, ambientContexts[:]...)
	wantWords(t, j.run(t, 2, "plan", "--detailed-exitcode"), "9 to update, 0 to delete in 3 clusters") // the namespaces
	run := j.start(t, "apply", "--yes")
	run.waitFor(t, "north", "still waiting: ambient gateway")
	j.join(east1, "203.0.113.1:15008", services)
	j.join(west1, "west-1.elb.example.com:15008", services)
	j.wantTold(t)
	for _, c := range ambientContexts[:2] {
		_, err := j.clusters[c].kube.CoreV1().Secrets("istio-system").Get(t.Context(), "istio-remote-secret-north", metav1.GetOptions{})
		if !apierrors.IsNotFound(err) {
			t.Errorf("%s: the remote secret for north, while its gateway is pending: %v", c, err)
		}
	}
	if err := run.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	run.end(t)
}

// continued is the same apply another time.
func (j *ambientJourney) continued(t *testing.T, services map[string]map[string]ambientService) {
	for _, c := range j.clusters {
		c.endLock(t)
	}
	j.setGateway(t, north, lab.GatewayIP)
	wantWords(t, j.run(t, 0, "apply", "--yes"), "The mesh is one")
	j.join(north, "203.0.113.3:15008", services)
	j.verify(t)
	wantWords(t, j.run(t, 0, "status"), "The mesh is one")
	j.wantHeard(t)
}

// calls are answered from every cluster by every cluster, through gateways with an address and with a name. Nobody says how
// they are secured: there is no ztunnel.
func (j *ambientJourney) calls(t *testing.T) {
	wantWords(t, j.run(t, 0, "verify"), "Every cluster is answered by those that it should be.", "was not seen: ztunnels do not say")
	wantWords(t, j.run(t, 0, "plan", "--detailed-exitcode"), "Nothing to change.")
}

// wantHeard wants ztunnels to have been told of no gateway but those of the model, and of others that are allowed.
func (j *ambientJourney) wantHeard(t *testing.T, others ...string) {
	t.Helper()
	for context, w := range j.witnesses {
		if _, ok := j.model.clusters[nameOf(context)]; !ok {
			continue
		}
		w.wantHeard(t, j.ztunnel(context), j.model.gateways(nameOf(context)), others)
	}
}

func (j *ambientJourney) setGateway(t *testing.T, context string, kind lab.Gateway) {
	t.Helper()
	if err := j.lab.SetGateway(t.Context(), context, kind); err != nil {
		t.Fatal(err)
	}
}

// gatewaysReplaced has load balancers give other addresses, and a host name for an address: ztunnels hear of it without an
// apply, and nothing is left to do.
func (j *ambientJourney) gatewaysReplaced(t *testing.T) {
	before := []string{"network-east-1 203.0.113.1:15008", "network-west-1 west-1.elb.example.com:15008"}
	j.setGateway(t, east1, lab.GatewayIP2)
	j.setGateway(t, west1, lab.GatewayIP)
	j.moved(east1, "203.0.113.101:15008")
	j.moved(west1, "203.0.113.2:15008")
	j.verify(t)
	j.wantHeard(t, before...)
}

// addressesInTopology has gateways where topology.yaml says, by an address and by a name, and then where they say.
func (j *ambientJourney) addressesInTopology(t *testing.T) {
	before := []string{"network-east-1 203.0.113.101:15008", "network-west-1 203.0.113.2:15008"}
	j.more[west1] = ", gateway: {addresses: [198.51.100.2], port: 31008}"
	j.more[east1] = ", gateway: {addresses: [east-1.elb.example.com]}"
	j.moved(west1, "198.51.100.2:31008")
	j.moved(east1, "east-1.elb.example.com:15008")
	j.becomes(t, inAmbient, ambientContexts[:]...)
	j.wantHeard(t, before...)
	before = []string{"network-east-1 east-1.elb.example.com:15008", "network-west-1 198.51.100.2:31008"}
	clear(j.more)
	j.moved(west1, "203.0.113.2:15008")
	j.moved(east1, "203.0.113.101:15008")
	j.becomes(t, inAmbient, ambientContexts[:]...)
	j.wantHeard(t, before...)
}

// leavesAndComesBack takes a cluster out, which is as it was before then, and in again.
func (j *ambientJourney) leavesAndComesBack(t *testing.T, services map[string]map[string]ambientService) {
	delete(j.model.clusters, "north")
	j.becomes(t, inAmbient, east1, west1)
	j.wantAsBefore(t, north)
	j.wantHeard(t, "network-north 203.0.113.3:15008")
	j.join(north, "203.0.113.3:15008", services)
	j.becomes(t, inAmbient, ambientContexts[:]...)
	j.wantHeard(t)
}

// backToSidecars takes the steps of docs/ambient.md from their end.
func (j *ambientJourney) backToSidecars(t *testing.T) {
	j.becomes(t, withSidecars, ambientContexts[:]...)
	j.becomes(t, besideSidecars, ambientContexts[:]...)
	j.edit(t, inSidecars, ambientContexts[:]...)
	wantWords(t, j.run(t, 0, "apply", "--yes"), "The mesh is one")
	wantWords(t, j.run(t, 0, "plan", "--detailed-exitcode"), "Nothing to change.")
}

// fromSidecars takes the steps of docs/ambient.md. The clusters read one another already, and one load balancer is pending:
// no ztunnel is told of a Gateway before it is reached.
func (j *ambientJourney) fromSidecars(t *testing.T) {
	j.setGateway(t, north, lab.GatewayPending)
	services := j.clusters[north].kube.CoreV1().Services("istio-system")
	patch := []byte(`{"status":{"loadBalancer":{"ingress":[{"ip":"203.0.113.3"}]}}}`) // that of sidecars stays
	if _, err := services.Patch(t.Context(), "istio-eastwestgateway", types.MergePatchType, patch, metav1.PatchOptions{}, "status"); err != nil {
		t.Fatal(err)
	}
	j.edit(t, besideSidecars, ambientContexts[:]...)
	run := j.start(t, "apply", "--yes")
	run.waitFor(t, "north", "still waiting: ambient gateway: not programmed")
	j.setGateway(t, north, lab.GatewayIP)
	wantWords(t, wantCode(t, 0, run.end(t)), "The mesh is one")
	j.verify(t)
	j.wantHeard(t)
	j.becomes(t, withSidecars, ambientContexts[:]...)
	j.becomes(t, inAmbient, ambientContexts[:]...)
	j.wantHeard(t)
}

// anotherRoot rotates the root. That goes no further than its first step, and back, unless topology.yaml asks for it, and waits
// twice until ztunnels are restarted.
func (j *ambientJourney) anotherRoot(t *testing.T) {
	was := j.read(t, "certs/root-cert.pem")
	wantWords(t, j.run(t, 1, "certs", "rotate-root", "--yes"), "before the rotation of the root goes on", "the mesh is in ambient mode", "certs rotate-root --back")
	wantWords(t, j.run(t, 0, "certs", "rotate-root", "--back", "--yes"), "again")
	j.edit(t, rotatesRoot, ambientContexts[:]...)
	run := j.start(t, "certs", "rotate-root", "--yes")
	run.waitFor(t, "Step 2 of 3")
	j.restartsZtunnels(t, run, "was started before root")
	run.waitFor(t, "all its proxies trust the root that is to sign")
	run.waitFor(t, "Step 3 of 3")
	j.restartsZtunnels(t, run, "does not stand for")
	wantWords(t, wantCode(t, 0, run.end(t)), "The mesh has root")
	if j.read(t, "certs/root-cert.pem") == was {
		t.Error("the root is the same")
	}
	j.verify(t)
	wantWords(t, j.run(t, 0, "status"), "The mesh is one")
}

// restartsZtunnels does in all clusters what a run that waits for a reason says of one.
func (j *ambientJourney) restartsZtunnels(t *testing.T, run *running, reason string) {
	t.Helper()
	run.waitFor(t, reason, "-n istio-system rollout restart daemonset ztunnel")
	patch := fmt.Appendf(nil, `{"spec":{"template":{"metadata":{"annotations":{"kubectl.kubernetes.io/restartedAt":%q}}}}}`, time.Now().Format(time.RFC3339Nano))
	for _, c := range j.clusters {
		if _, err := c.kube.AppsV1().DaemonSets("istio-system").Patch(t.Context(), "ztunnel", types.StrategicMergePatchType, patch, metav1.PatchOptions{}); err != nil {
			t.Fatal(err)
		}
	}
}

// tornDown is refused while a namespace is enrolled that setup-mesh did not enrol. Nothing is left of a mesh afterwards.
func (j *ambientJourney) tornDown(t *testing.T) {
	namespaces := j.clusters[east1].kube.CoreV1().Namespaces()
	label := func(value string) {
		patch := []byte(`{"metadata":{"labels":{"istio.io/dataplane-mode":` + value + `}}}`)
		if _, err := namespaces.Patch(t.Context(), "default", types.MergePatchType, patch, metav1.PatchOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	label(`"ambient"`)
	wantWords(t, j.run(t, 1, "teardown", "--yes"), "Namespace default is enrolled in the ambient mesh")
	label("null")
	wantWords(t, j.run(t, 0, "teardown", "--yes"), "Istio was removed from 3 clusters")
	for context := range j.clusters {
		j.wantAsBefore(t, context)
	}
}
