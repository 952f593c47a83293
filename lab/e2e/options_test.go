package e2e

import (
	"context"
	"testing"

	authenticationv1 "k8s.io/api/authentication/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/setup-mesh/setup-mesh/lab"
)

// TestE2EOptions has one network, and in topology.yaml all that a cluster may have beside it: a name, an account of
// its own for its readers, an overlay, and no part in service discovery; then namespaces whose pods are injected.
func TestE2EOptions(t *testing.T) {
	needsLab(t)
	j := newJourney(t, lab.Options{Clusters: 3, Networks: []string{"flat", "flat", "flat"}})
	j.inOrder(t, []step{
		{"Before", j.takeStock},
		{"Apply", j.applyOptions},
		{"OwnAccountIsRead", j.ownAccount},
		{"AloneIsNotDiscovered", j.alone},
		{"NamespacesAreInjected", j.injectedNamespaces},
		{"Teardown", j.teardownOptions},
	})
}

func (j *journey) applyOptions(t *testing.T) {
	j.run(t, 0, "prep", "--mesh-id", "mymeshname", "--org", "example.com")
	j.topology(t,
		"context-east-1: {network: flat, name: first, serviceAccountReader: mesh-reader}",
		"context-east-2: {network: flat, overlay: {profile: minimal, values: {pilot: {traceSampling: 42}}}}",
		"context-west-1: {network: flat, disableRegistryJoin: true}",
	)
	wantWords(t, j.run(t, 0, "apply", "--yes"), "2 of 2 clusters discover each other")
	wantWords(t, j.run(t, 0, "plan", "--detailed-exitcode"), "1 network", "Nothing to change.")
	j.run(t, 0, "status")
}

// ownAccount: the token that east-2 has for first is of the account that the topology names.
func (j *journey) ownAccount(t *testing.T) {
	ctx := context.Background()
	stored := j.clusters["context-east-2"].secret(t, "istio-system", "istio-remote-secret-first").Data["first"]
	if got, want := subject(t, stored), "system:serviceaccount:istio-system:mesh-reader"; got != want {
		t.Errorf("east-2 reads first as %s, want %s", got, want)
	}
	deployments, err := j.clusters["context-east-2"].kube.AppsV1().Deployments("istio-system").List(ctx, metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if len(deployments.Items) != 1 || deployments.Items[0].Name != "istiod" {
		t.Errorf("east-2 has %d Deployments, want istiod alone: profile minimal, and no gateway on one network", len(deployments.Items))
	}
}

// alone: a cluster that does not join has trust and a control plane, and nobody reads it or is read by it.
func (j *journey) alone(t *testing.T) {
	c := j.clusters["context-west-1"]
	c.secret(t, "istio-system", "cacerts")
	c.mustIstiod(t)
	for at, name := range map[string]string{
		"context-west-1": "istio-remote-secret-first", "context-east-1": "istio-remote-secret-west-1", "context-east-2": "istio-remote-secret-west-1",
	} {
		_, err := j.clusters[at].kube.CoreV1().Secrets("istio-system").Get(context.Background(), name, metav1.GetOptions{})
		if !apierrors.IsNotFound(err) {
			t.Errorf("Secret %s in %s: %v, want not found", name, at, err)
		}
	}
}

func (j *journey) teardownOptions(t *testing.T) {
	j.run(t, 0, "teardown", "--yes")
	for name := range j.clusters {
		j.wantAsBefore(t, name)
	}
}

// subject is the user that an API server takes the bearer of a kubeconfig for.
func subject(t *testing.T, kubeconfig []byte) string {
	t.Helper()
	config, err := clientcmd.RESTConfigFromKubeConfig(kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	review, err := client.AuthenticationV1().SelfSubjectReviews().Create(context.Background(), &authenticationv1.SelfSubjectReview{}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return review.Status.UserInfo.Username
}
