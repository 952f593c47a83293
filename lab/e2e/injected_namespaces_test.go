package e2e

import (
	"context"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const sample = "sample"

// injectedNamespaces lists a namespace that nobody has, and shop, which is somebody's: pods in both are injected. Listed no
// longer, the first goes where it is empty, and stays without our label where it is not; the other keeps its own label.
func (j *journey) injectedNamespaces(t *testing.T) {
	ctx, without := context.Background(), j.read(t, "topology.yaml")
	j.write(t, "topology.yaml", without+"injection: {namespaces: [sample, shop]}\n")
	wantWords(t, j.run(t, 2, "plan", "--detailed-exitcode"), "+ injection          namespace sample", "~ injection          namespace shop")
	j.run(t, 0, "apply", "--yes")
	j.run(t, 0, "plan", "--detailed-exitcode")
	j.run(t, 0, "status")
	for name, cluster := range map[string]string{east1: "first", east2: "east-2", west1: "west-1"} {
		for _, namespace := range []string{sample, "shop"} {
			j.clusters[name].wantInjected(t, namespace, cluster)
		}
	}
	theirs := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "theirs"}}
	if _, err := j.clusters[west1].kube.CoreV1().ConfigMaps(sample).Create(ctx, theirs, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}

	j.write(t, "topology.yaml", without)
	wantWords(t, j.run(t, 2, "plan", "--detailed-exitcode"), "- injection          namespace sample", "namespace sample stays: ConfigMap sample/theirs exists")
	j.run(t, 0, "apply", "--yes")
	j.run(t, 0, "plan", "--detailed-exitcode")
	for name, c := range j.clusters {
		if shop := c.namespace(t, "shop"); shop.Labels["istio-injection"] != "enabled" || shop.Labels["setup-mesh.io/mesh"] != "" {
			t.Errorf("%s: shop is labelled %v", name, shop.Labels)
		}
		if name == west1 {
			continue
		}
		if _, err := c.kube.CoreV1().Namespaces().Get(ctx, sample, metav1.GetOptions{}); !apierrors.IsNotFound(err) {
			t.Errorf("%s: namespace sample: %v, want not found", name, err)
		}
	}
	left := j.clusters[west1].namespace(t, sample)
	if left.Labels["istio-injection"] != "" || left.Labels["setup-mesh.io/mesh"] != "" || left.Annotations["setup-mesh.io/created"] != "" {
		t.Errorf("sample in west-1 is marked as ours still: %v, %v", left.Labels, left.Annotations)
	}
	j.deleteNamespace(t, west1, sample)
}

// wantInjected has a pod tried in a namespace: it gets a sidecar of the cluster. No pod is made.
func (c *cluster) wantInjected(t *testing.T, namespace, cluster string) {
	t.Helper()
	eventually(t, c.context+": service account of "+namespace, func(ctx context.Context) error {
		_, err := c.kube.CoreV1().ServiceAccounts(namespace).Get(ctx, "default", metav1.GetOptions{})
		return err
	})
	pod, err := c.tryPod(t.Context(), namespace)
	if err != nil {
		t.Fatalf("%s: a pod in %s: %v", c.context, namespace, err)
	}
	if err := ofSidecar(pod, cluster); err != nil {
		t.Errorf("%s: a pod in %s: %v", c.context, namespace, err)
	}
}

func (c *cluster) namespace(t *testing.T, name string) *corev1.Namespace {
	t.Helper()
	namespace, err := c.kube.CoreV1().Namespaces().Get(context.Background(), name, metav1.GetOptions{})
	if err != nil {
		t.Fatalf("%s: %v", c.context, err)
	}
	return namespace
}
