package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ambientNamespaces are those of the services of an ambient mesh. stock is in other hands in each cluster.
var ambientNamespaces = []string{"shop", "billing", "stock"}

// servicesOf are those of three clusters, in their order, as their users label them: global here, there, in all and in none,
// by their own label and by that of their namespace.
func servicesOf(contexts [3]string) map[string]map[string]ambientService {
	shared := map[string]string{"team": "shared"}
	out := map[string]map[string]ambientService{}
	for i, context := range contexts {
		first, pods := i == 0, i+1
		own := map[string]ambientService{}
		add := func(name string, is, global bool, pods int) {
			namespace, _, _ := strings.Cut(name, "/")
			s := ambientService{pods: pods, labels: map[string]string{}, namespaceLabels: map[string]string{}}
			if global {
				s.labels = globalLabel
			}
			if namespace == "billing" || namespace == "stock" && !first {
				s.namespaceLabels = shared
			}
			if is {
				own[name] = s
			}
		}
		add("shop/all", true, true, pods)
		add("shop/none", true, false, pods)
		add("shop/first", true, first, 1)
		add("shop/others", true, !first, 1)
		add("shop/only-first", first, true, 1)
		add("shop/only-others", !first, true, pods)
		add("shop/lonely", first, false, 1)
		add("shop/last-is-missing", i < 2, true, 1)
		add("shop/nothing-but-in-first", true, true, max(0, 1-i))
		add("billing/all", true, false, pods)
		add("billing/only-last", i == 2, false, 1)
		add("stock/by-namespace", true, false, 1)
		add("stock/by-both", true, first, 1)
		out[context] = own
	}
	return out
}

// createAll puts services into a cluster, with the pods behind them, and notes their addresses.
func (c *cluster) createAll(t *testing.T, services map[string]ambientService) {
	t.Helper()
	made := map[string]bool{}
	for key, s := range services {
		namespace, name, _ := strings.Cut(key, "/")
		if !made[namespace] {
			n := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace, Labels: s.namespaceLabels}}
			if _, err := c.kube.CoreV1().Namespaces().Create(t.Context(), n, metav1.CreateOptions{FieldManager: "helm"}); err != nil {
				t.Fatal(err)
			}
			eventually(t, c.context+": service account of "+namespace, func(ctx context.Context) error {
				_, err := c.kube.CoreV1().ServiceAccounts(namespace).Get(ctx, "default", metav1.GetOptions{})
				return err
			})
			made[namespace] = true
		}
		service := newService(name, corev1.ServiceSpec{})
		for k, v := range s.labels {
			service.Labels[k] = v
		}
		created, err := c.kube.CoreV1().Services(namespace).Create(t.Context(), service, metav1.CreateOptions{FieldManager: "helm"})
		if err != nil {
			t.Fatal(err)
		}
		s.vip = created.Spec.ClusterIP
		services[key] = s
		for i := range s.pods {
			if _, err := c.kube.CoreV1().Pods(namespace).Create(t.Context(), enrolledPod(name, i), metav1.CreateOptions{}); err != nil {
				t.Fatal(err)
			}
		}
	}
	eventually(t, c.context+": all pods are ready", func(ctx context.Context) error {
		for namespace := range made {
			pods, err := c.kube.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{FieldSelector: "status.phase!=Running"})
			if err != nil || len(pods.Items) > 0 {
				return fmt.Errorf("%d are not in %s: %w", len(pods.Items), namespace, err)
			}
		}
		return nil
	})
}

// enrolledPod is one behind a service, as Istio's node agent marks it once it has its traffic redirected.
func enrolledPod(service string, i int) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Name: fmt.Sprintf("%s-%d", service, i), Labels: map[string]string{"app": service},
			Annotations: map[string]string{"ambient.istio.io/redirection": "enabled"},
		},
		Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: "example.com/app:1"}}},
	}
}
