package e2e

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/yaml"
)

const helloDeployment = `apiVersion: apps/v1
kind: Deployment
metadata: {name: hello, namespace: shop}
spec:
  selector: {matchLabels: {app: hello}}
  template:
    metadata: {labels: {app: hello}}
    spec: {containers: [{name: app, image: "example.com/hello:1"}]}
`

// A handed sidecar is what tells where a pod belongs, and how its proxy runs.
type handed struct {
	image, cluster, network string
	native                  bool
}

// injectedByHand wants of setup-mesh inject what the live webhook gives pods of the same template, in every cluster.
func (j *journey) injectedByHand(t *testing.T) {
	j.write(t, "app.yaml", helloDeployment)
	for name, c := range j.clusters {
		r := j.run(t, 0, "inject", "-f", filepath.Join(j.dir, "app.yaml"), "--context", name)
		var byHand appsv1.Deployment
		if err := yaml.NewYAMLOrJSONDecoder(strings.NewReader(r.stdout), 4096).Decode(&byHand); err != nil {
			t.Fatalf("%v: %s", err, r)
		}
		live, err := c.tryPod(t.Context(), "shop")
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got, want := handedOf(t, byHand.Spec.Template.Spec), handedOf(t, live.Spec)
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(handed{})); diff != "" {
			t.Errorf("%s: sidecar (-webhook +by hand):\n%s", name, diff)
		}
	}
}

func handedOf(t *testing.T, pod corev1.PodSpec) handed {
	t.Helper()
	all := append(slices.Clone(pod.InitContainers), pod.Containers...)
	i := slices.IndexFunc(all, func(c corev1.Container) bool { return c.Name == "istio-proxy" })
	if i < 0 {
		t.Fatalf("a pod with %d containers has no sidecar", len(all))
	}
	out := handed{image: all[i].Image, native: i < len(pod.InitContainers)}
	for _, e := range all[i].Env {
		switch e.Name {
		case "ISTIO_META_CLUSTER_ID":
			out.cluster = e.Value
		case "ISTIO_META_NETWORK":
			out.network = e.Value
		}
	}
	return out
}
