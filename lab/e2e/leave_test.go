package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
)

// stored is a client with the kubeconfig that consumer holds of source.
func stored(t *testing.T, consumer *cluster, namespace, source string) *kubernetes.Clientset {
	t.Helper()
	config, err := clientcmd.RESTConfigFromKubeConfig(consumer.secret(t, namespace, "istio-remote-secret-"+source).Data[source])
	if err != nil {
		t.Fatal(err)
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func listServices(client *kubernetes.Clientset) error {
	_, err := client.CoreV1().Services("").List(context.Background(), metav1.ListOptions{Limit: 1})
	return err
}

// wantRevoked wants an API server to refuse a credential, once it has forgotten that it took it a moment ago.
func wantRevoked(t *testing.T, credential *kubernetes.Clientset) {
	t.Helper()
	eventually(t, "the credential is refused", func(context.Context) error {
		err := listServices(credential)
		return errorIf(!apierrors.IsUnauthorized(err), "%v, want 401", err)
	})
}

// wantAsBefore wants a cluster to hold what it held before setup-mesh came.
func (j *journey) wantAsBefore(t *testing.T, name string) {
	t.Helper()
	var diff string
	eventually(t, name+": as it was before", func(ctx context.Context) error {
		after, err := j.clusters[name].snapshot(ctx)
		if err != nil {
			return err
		}
		diff = cmp.Diff(j.before[name], after)
		return errorIf(diff != "", "objects (-before +after):\n%s", diff)
	})
}

// freshCheckout is another machine: the same files as in the work directory, and nothing else.
func (j *journey) freshCheckout(t *testing.T) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "checkout")
	if err := os.MkdirAll(filepath.Join(dir, "certs"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"topology.yaml", "base.yaml", "certs/root-cert.pem", "certs/root-key.pem"} {
		if err := copyFile(filepath.Join(dir, name), filepath.Join(j.dir, name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	was := j.dir
	j.dir = dir
	t.Cleanup(func() { j.dir = was })
}

// clusterLeaves takes a cluster out of a fresh checkout of topology.yaml: that it was a member is known to the others.
func (j *journey) clusterLeaves(t *testing.T) {
	j.topology(t, inEast1, inWest1)
	j.freshCheckout(t)
	credential := stored(t, j.clusters[east1], "istio-system", "east-2")
	if err := listServices(credential); err != nil {
		t.Errorf("the credential of east-1 for east-2, while both are members: %v", err)
	}
	leaves := []string{"delete Secret istio-system/istio-remote-secret-east-2", "delete Secret istio-system/setup-mesh-grant-east-2", record}
	j.edited(t, map[string][]string{}, map[string][]string{"east-1": leaves, "west-1": leaves})
	wantRemotes(t, j.clusters[east1], []string{"west-1"})
	wantRemotes(t, j.clusters[west1], []string{"east-1"})
	j.wantAsBefore(t, east2)
	wantRevoked(t, credential)
}

// clusterComesBack adds a cluster: the others get no more than the access that goes with it.
func (j *journey) clusterComesBack(t *testing.T) {
	j.topology(t, inEast1, inEast2, inWest1)
	created := j.planJSON(t, 2, "--detailed-exitcode").changes()["east-2"]
	if len(created) < 50 {
		t.Errorf("east-2 is to get %d objects", len(created))
	}
	for _, c := range created {
		if !strings.HasPrefix(c, "create ") {
			t.Errorf("east-2, which holds nothing of ours: %s", c)
		}
	}
	joins := []string{"create Secret istio-system/istio-remote-secret-east-2", "create Secret istio-system/setup-mesh-grant-east-2", record}
	j.edited(t, map[string][]string{}, map[string][]string{"east-1": joins, "east-2": created, "west-1": joins})
	j.discovery(t)
}

// contextIsGone takes a cluster out whose context nobody has any more: the others are cleaned, and what could not be
// reached is said, until it is told to be forgotten.
func (j *journey) contextIsGone(t *testing.T) {
	j.topology(t, inEast1, inWest1)
	j.editKubeconfig(t, func(c *api.Config) { delete(c.Contexts, east2) })
	leaves := []string{"delete Secret istio-system/istio-remote-secret-east-2", "delete Secret istio-system/setup-mesh-grant-east-2"}
	p := j.planJSON(t, 3)
	if diff := cmp.Diff(map[string][]string{"east-1": leaves, "west-1": leaves}, without(p.changes(), record)); diff != "" {
		t.Errorf("planned changes (-want +got):\n%s", diff)
	}
	wantWords(t, j.run(t, 3, "plan"), "east-2", "not reached", "--forget east-2")
	wantWords(t, j.run(t, 3, "apply", "--yes"), "east-2")
	wantRemotes(t, j.clusters[east1], []string{"west-1"})
	wantRemotes(t, j.clusters[west1], []string{"east-1"})
	j.run(t, 3, "plan") // it is a member still
	j.run(t, 0, "apply", "--yes", "--forget", "east-2")
	wantWords(t, j.run(t, 0, "plan", "--detailed-exitcode"), "Nothing to change.")
}

// without leaves out a change that may or may not be there.
func without(changes map[string][]string, change string) map[string][]string {
	out := map[string][]string{}
	for name, list := range changes {
		for _, c := range list {
			if c != change {
				out[name] = append(out[name], c)
			}
		}
	}
	return out
}

// contextIsBack lets a cluster join again that holds what it held when it was forgotten.
func (j *journey) contextIsBack(t *testing.T) {
	if err := copyFile(j.kubeconfig, j.lab.Kubeconfig(), 0o600); err != nil {
		t.Fatal(err)
	}
	j.topology(t, inEast1, inEast2, inWest1)
	j.run(t, 0, "apply", "--yes")
	j.collectSecrets(t)
	j.discovery(t)
	wantWords(t, j.run(t, 0, "plan", "--detailed-exitcode"), "Nothing to change.")
}

// teardown leaves the clusters as they were found, without a user's resources of Istio too where the user says so.
// There is nothing to do the second time.
func (j *journey) teardown(t *testing.T) {
	createVirtualService(t, j.clusters[east1])
	wantWords(t, j.run(t, 0, "teardown", "--yes", "--crds"), "Istio was removed from 3 clusters")
	for name := range j.clusters {
		j.wantAsBefore(t, name)
	}
	wantWords(t, j.run(t, 0, "teardown", "--yes"), "Nothing to change.")
	if _, err := os.Stat(filepath.Join(j.dir, "certs", "root-key.pem")); err != nil {
		t.Errorf("the root key outlives a teardown: %v", err)
	}
}

// teardownAfterKill cleans clusters in which an apply was killed halfway.
func (j *journey) teardownAfterKill(t *testing.T) {
	run := j.start(t, "apply", "--yes")
	run.waitFor(t, "configuration:")
	if err := run.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	run.end(t)
	written := 0
	for _, c := range j.clusters { // to one after the other, or at once
		written += len(c.versions(t))
	}
	if written == 0 {
		t.Error("the apply was killed before it wrote anything")
	}
	wantWords(t, j.run(t, 1, "teardown", "--yes"), "locked by e2e@") // the dead one may be alive, for all that anybody knows
	for _, c := range j.clusters {
		c.waitUnlocked(t)
	}
	j.run(t, 0, "teardown", "--yes")
	for name := range j.clusters {
		j.wantAsBefore(t, name)
	}
}

// endLock sets the lock of a cluster to what it will be half a minute after whoever has it has died.
func (c *cluster) endLock(t *testing.T) {
	t.Helper()
	patch := fmt.Sprintf(`{"spec":{"renewTime":%q}}`, time.Now().Add(-time.Hour).UTC().Format(metav1.RFC3339Micro))
	_, err := c.kube.CoordinationV1().Leases("istio-system").Patch(t.Context(), fieldManager, types.MergePatchType, []byte(patch), metav1.PatchOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		t.Fatal(err)
	}
}

// waitUnlocked waits until nobody can hold the lock of a cluster any more who does not renew it.
func (c *cluster) waitUnlocked(t *testing.T) {
	t.Helper()
	eventually(t, c.context+": the lock of the dead expires", func(ctx context.Context) error {
		lease, err := c.kube.CoordinationV1().Leases("istio-system").Get(ctx, fieldManager, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return nil
		}
		if err != nil {
			return err
		}
		end := lease.Spec.RenewTime.Add(time.Duration(*lease.Spec.LeaseDurationSeconds+1) * time.Second)
		return errorIf(time.Now().Before(end), "it is locked until %s", end)
	})
}
