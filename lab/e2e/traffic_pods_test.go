package e2e

import (
	"context"
	"maps"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// inTraffic is the namespace of the pods that call one another.
const inTraffic = "traffic"

// workloads puts into a cluster what setup-mesh verify would: a service that says who answers, a client, and one more
// that has no sidecar.
func workloads(t *testing.T, c *cluster) {
	t.Helper()
	ctx := context.Background()
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: inTraffic, Labels: map[string]string{"istio-injection": "enabled"}}}
	if _, err := c.kube.CoreV1().Namespaces().Create(ctx, namespace, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "client"}}
	if _, err := c.kube.CoreV1().ServiceAccounts(inTraffic).Create(ctx, account, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	service := newService("helloworld", corev1.ServiceSpec{Ports: []corev1.ServicePort{{Name: "http", Port: 5000}}})
	if _, err := c.kube.CoreV1().Services(inTraffic).Create(ctx, service, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	env := func(version string) []corev1.EnvVar {
		return []corev1.EnvVar{{Name: "SERVICE_VERSION", Value: version}}
	}
	hello := func(version string) *appsv1.Deployment {
		return deployment("helloworld-"+version, map[string]string{"app": "helloworld", "version": version}, "default",
			corev1.Container{Name: "helloworld", Image: "example.com/helloworld:1", Env: env(version), Ports: []corev1.ContainerPort{{ContainerPort: 5000}}})
	}
	client := corev1.Container{Name: "client", Image: "example.com/client:1"}
	plain := deployment("plain", map[string]string{"app": "plain"}, "client", client)
	plain.Spec.Template.Labels["sidecar.istio.io/inject"] = "false"
	for _, d := range []*appsv1.Deployment{hello("v1"), hello("v2"), deployment("client", map[string]string{"app": "client"}, "client", client), plain} {
		if _, err := c.kube.AppsV1().Deployments(inTraffic).Create(ctx, d, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
}

func deployment(name string, labels map[string]string, account string, container corev1.Container) *appsv1.Deployment {
	return &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: appsv1.DeploymentSpec{
		Selector: &metav1.LabelSelector{MatchLabels: labels},
		Template: corev1.PodTemplateSpec{
			ObjectMeta: metav1.ObjectMeta{Labels: maps.Clone(labels)}, Spec: corev1.PodSpec{ServiceAccountName: account, Containers: []corev1.Container{container}},
		},
	}}
}
