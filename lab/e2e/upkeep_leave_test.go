package e2e

import (
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd/api"
)

// renamed: topology.yaml has another context for a cluster, whose login does not work; the old one works still. Which
// cluster it leads to nobody knows, and so none is ended until the user says that it is another.
func (u *upkeep) renamed(t *testing.T) {
	u.editKubeconfig(t, func(c *api.Config) {
		c.AuthInfos["expired"] = &api.AuthInfo{Token: "expired-0123456789"}
		c.Contexts["new-east-2"] = &api.Context{Cluster: c.Contexts[east2].Cluster, AuthInfo: "expired"}
	})
	u.topology(t, inEast1, "new-east-2: {network: network-east}", inWest1)
	wantWords(t, u.run(t, 3, "plan"), "new-east-2 is not reached, and may be the same cluster as east-2", "--leaving east-2", "0 to delete")
	before := u.versions(t)
	for _, code := range []int{3, 1} { // the first records the new name, and the second has nothing to do
		wantWords(t, u.run(t, code, "apply", "--yes"), "--leaving east-2")
	}
	for context, objects := range u.versions(t) {
		for _, c := range changed(before[context], objects) {
			if c != "update ConfigMap istio-system/setup-mesh" && c != "create Secret istio-system/setup-mesh-grant-new-east-2" {
				t.Errorf("%s: %s", context, c)
			}
		}
	}
	wantRemotes(t, u.clusters[east1], []string{"east-2", "west-1"})

	u.run(t, 3, "apply", "--yes", "--leaving", "east-2") // and new-east-2 is not reached
	u.wantAsBefore(t, east2)
	wantRemotes(t, u.clusters[east1], []string{"west-1"})
	u.all(t)
	u.applied(t)
}

// leavesUnrecorded takes out a cluster with things of its users in Istio's namespace, when one of the others has lost its
// record of what is in it.
func (u *upkeep) leavesUnrecorded(t *testing.T) {
	west, east := u.clusters[west1], u.clusters[east1]
	before := u.mustSnapshot(t, west1)
	u.furnish(t, west)
	mine := u.since(t, west1, before)
	if err := east.kube.CoreV1().ConfigMaps("istio-system").Delete(t.Context(), "setup-mesh", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	u.topology(t, inEast1, inEast2)
	wantWords(t, u.run(t, 0, "plan"), "west-1: namespace istio-system stays")
	u.healed(t)
	u.wantFurnished(t, west1, mine)
	for _, name := range []string{"istio-remote-secret-west-1", "setup-mesh-grant-west-1"} {
		if _, err := east.kube.CoreV1().Secrets("istio-system").Get(t.Context(), name, metav1.GetOptions{}); !apierrors.IsNotFound(err) {
			t.Errorf("Secret %s in east-1: %v, want not found", name, err)
		}
	}
}

// takeOut tears down by a topology.yaml that names one cluster of two.
func (u *upkeep) takeOut(t *testing.T) {
	before := u.mustSnapshot(t, east1)
	u.furnish(t, u.clusters[east1])
	mine := u.since(t, east1, before)
	u.topology(t, inEast1)
	was := u.versions(t)
	wantWords(t, u.run(t, 1, "teardown", "--yes"), "topology.yaml does not name: east-2", "--all-members")
	wantSame(t, was, u.versions(t))
	wantWords(t, u.run(t, 0, "teardown", "--yes", "--all-members"), "Istio was removed from 2 clusters", "east-1: namespace istio-system stays")
	u.wantAsBefore(t, east2)
	u.wantFurnished(t, east1, mine)
}
