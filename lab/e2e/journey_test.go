package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/setup-mesh/setup-mesh/lab"
)

// The contexts of the journey's lab, with the networks that its topology says.
const (
	east1 = "context-east-1"
	east2 = "context-east-2"
	west1 = "context-west-1"

	inEast1 = east1 + ": {network: network-east}"
	inEast2 = east2 + ": {network: network-east}"
	inWest1 = west1 + ": {network: network-west}"
)

// A journey is one user's way with three clusters, from nothing to a mesh and back. Its steps build on each other.
type journey struct {
	*user
	lab      *lab.Lab
	clusters map[string]*cluster // by context
	before   map[string]map[string]string
}

// TestE2EJourney makes one mesh out of three clusters on two networks, sees by their istiods that it is one, changes it
// by editing topology.yaml and base.yaml, and takes it out again.
func TestE2EJourney(t *testing.T) {
	needsLab(t)
	j := newJourney(t, lab.Options{Clusters: 3})
	j.inOrder(t, []step{
		{"Before", j.takeStock},
		{"Prep", j.prepare},
		{"Plan", j.plan},
		{"FirstApply", j.firstApply},
		{"NothingToChange", j.nothingToChange},
		{"TwoAppliesAtOnce", j.twoApplies},
		{"EveryIstiodReadsTheOthers", j.discovery},
		{"WorkloadsAreInjected", j.injection},
		{"InvalidGatewayIsRefused", j.validation},
		{"EndpointsAcrossNetworks", j.endpoints},
		{"MutualTLSUnderOneRoot", j.identity},
		{"Bundle", j.bundled},
		{"Graph", j.drawn},
		{"NothingToChangeAfterRestart", j.afterRestart},
		{"BaseChanges", j.baseChanges},
		{"OverlayChanges", j.overlayChanges},
		{"NetworkChanges", j.networkChanges},
		{"WorkloadsEnd", j.workloadsEnd},
		{"ClusterLeaves", j.clusterLeaves},
		{"ClusterComesBack", j.clusterComesBack},
		{"ContextIsGone", j.contextIsGone},
		{"ContextIsBack", j.contextIsBack},
		{"Teardown", j.teardown},
		{"TeardownAfterKill", j.teardownAfterKill},
	})
}

// newJourney starts a lab, and a user with contexts for its clusters.
func newJourney(t *testing.T, o lab.Options) *journey {
	t.Helper()
	l := startLab(t, o)
	j := &journey{user: newUser(t, l.Kubeconfig()), lab: l, clusters: map[string]*cluster{}, before: map[string]map[string]string{}}
	var err error
	if j.dns, err = l.DNS(context.Background()); err != nil {
		t.Fatal(err)
	}
	members, err := l.Clusters(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range members {
		j.clusters[m.Context] = openCluster(t, l, m.Context)
	}
	return j
}

// nameOf is the name in the mesh of the cluster with a context.
func nameOf(context string) string {
	return strings.TrimPrefix(context[strings.LastIndexByte(context, '/')+1:], "context-")
}

// A step of a journey is a test that builds on those before it.
type step struct {
	name string
	run  func(*testing.T)
}

// inOrder runs steps up to the first that fails.
func (j *journey) inOrder(t *testing.T, steps []step) {
	for _, s := range steps {
		if !t.Run(s.name, s.run) {
			return
		}
	}
}

// takeStock puts something of the user's into the clusters, and then notes all that is in them.
func (j *journey) takeStock(t *testing.T) {
	ctx := context.Background()
	for name, c := range j.clusters {
		openShop(t, c)
		var err error
		if j.before[name], err = c.snapshot(ctx); err != nil {
			t.Fatal(err)
		}
		if len(j.before[name]) < 100 {
			t.Errorf("%s: %d objects are less than any cluster has", name, len(j.before[name]))
		}
	}
}

// openShop puts a namespace for injected workloads into a cluster, with a service hello.
func openShop(t testing.TB, c *cluster) {
	t.Helper()
	ctx := context.Background()
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "shop", Labels: map[string]string{"istio-injection": "enabled"}}}
	service := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: "hello"}, Spec: corev1.ServiceSpec{
		Selector: map[string]string{"app": "hello"}, Ports: []corev1.ServicePort{{Name: "http", Port: 80}}}}
	if _, err := c.kube.CoreV1().Namespaces().Create(ctx, namespace, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.kube.CoreV1().Services("shop").Create(ctx, service, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "service account of shop", func(ctx context.Context) error {
		if _, err := c.kube.CoreV1().ConfigMaps("shop").Get(ctx, "kube-root-ca.crt", metav1.GetOptions{}); err != nil {
			return err
		}
		_, err := c.kube.CoreV1().ServiceAccounts("shop").Get(ctx, "default", metav1.GetOptions{})
		return err
	})
}

func (j *journey) prepare(t *testing.T) {
	wantWords(t, j.run(t, 0, "prep", "--mesh-id", "mymeshname", "--org", "example.com"), "next: ", "setup-mesh plan")
	j.topology(t, inEast1, inEast2, inWest1)
}

// plan shows what is to be done, and does nothing.
func (j *journey) plan(t *testing.T) {
	r := j.run(t, 2, "plan", "--detailed-exitcode")
	wantWords(t, r, "east-1", "east-2", "west-1", "IstioControlPlane", "reads east-2, west-1", "0 to update, 0 to delete in 3 clusters")
	for name, c := range j.clusters {
		after, err := c.snapshot(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(j.before[name], after); diff != "" {
			t.Errorf("%s: plan wrote (-before +after):\n%s", name, diff)
		}
	}
}

func (j *journey) firstApply(t *testing.T) {
	wantWords(t, j.run(t, 0, "apply", "--yes"), "3 of 3 clusters discover each other")
	j.collectSecrets(t)
	if n := j.canaries.count(); n < 50 {
		t.Errorf("only %d secrets were collected", n)
	}
}

// versions is what [cluster.versions] says of every cluster.
func (j *journey) versions(t *testing.T) map[string]map[string]string {
	t.Helper()
	out := map[string]map[string]string{}
	for name, c := range j.clusters {
		out[name] = c.versions(t)
	}
	return out
}

// nothingToChange holds right after an apply, and an apply does nothing then.
func (j *journey) nothingToChange(t *testing.T) {
	wantWords(t, j.run(t, 0, "plan", "--detailed-exitcode"), "Nothing to change.")
	if diff := cmp.Diff(map[string][]string{}, j.planJSON(t, 0).changes()); diff != "" {
		t.Errorf("plan after apply (-want +got):\n%s", diff)
	}
	before := j.versions(t)
	for name, objects := range before {
		if len(objects) < 50 {
			t.Errorf("%s: %d objects are ours, which is less than Istio has", name, len(objects))
		}
	}
	wantWords(t, j.run(t, 0, "apply", "--yes"), "Nothing to change.")
	if diff := cmp.Diff(before, j.versions(t)); diff != "" {
		t.Errorf("an apply with nothing to change wrote (-before +after):\n%s", diff)
	}
	wantWords(t, j.run(t, 0, "status"), "The mesh is one")
}

// discovery asks every istiod itself whom it reads.
func (j *journey) discovery(t *testing.T) {
	for context, others := range map[string][]string{east1: {"east-2", "west-1"}, east2: {"east-1", "west-1"}, west1: {"east-1", "east-2"}} {
		wantRemotes(t, j.clusters[context], others)
	}
}

// wantRemotes wants the istiod of c to have synced exactly the clusters of these names, besides its own.
func wantRemotes(t testing.TB, c *cluster, want []string) {
	t.Helper()
	eventually(t, c.context+": debug/clusterz", func(ctx context.Context) error {
		i, err := c.istiod(ctx)
		if err != nil {
			return err
		}
		var list []struct {
			ID         string `json:"id"`
			SecretName string `json:"secretName"`
			SyncStatus string `json:"syncStatus"`
		}
		if err := getJSON(ctx, "http://"+i.Addresses.Monitoring+"/debug/clusterz", &list); err != nil {
			return err
		}
		var got []string
		for _, remote := range list {
			if remote.SecretName == "" {
				continue // its own
			}
			if remote.SyncStatus != "synced" {
				return fmt.Errorf("%s is %s", remote.ID, remote.SyncStatus)
			}
			got = append(got, remote.ID)
		}
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			return fmt.Errorf("remote clusters (-want +got):\n%s", diff)
		}
		return nil
	})
}

func getJSON(ctx context.Context, url string, into any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("GET %s: %s: %s", url, resp.Status, body)
	}
	return json.Unmarshal(body, into)
}
