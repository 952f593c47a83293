package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// certificates are of a kind that Istio knows nothing of.
var certificates = schema.GroupVersionResource{Group: "cert-manager.io", Version: "v1", Resource: "certificates"}

// furnish puts into Istio's namespace what its users have there.
func (u *upkeep) furnish(t *testing.T, c *cluster) {
	t.Helper()
	crd := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": map[string]any{"name": "certificates.cert-manager.io"},
		"spec": map[string]any{"group": "cert-manager.io", "scope": "Namespaced", "names": map[string]any{"kind": "Certificate", "plural": "certificates"},
			"versions": []any{map[string]any{"name": "v1", "served": true, "storage": true, "schema": map[string]any{
				"openAPIV3Schema": map[string]any{"type": "object", "x-kubernetes-preserve-unknown-fields": true}}}}},
	}}
	crds := schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"}
	if _, err := c.dynamic.Resource(crds).Create(t.Context(), crd, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	var owner *unstructured.Unstructured
	eventually(t, "a Certificate", func(ctx ctx) (err error) {
		owner, err = c.dynamic.Resource(certificates).Namespace("istio-system").Create(ctx, theirs(&unstructured.Unstructured{
			Object: map[string]any{"apiVersion": "cert-manager.io/v1", "kind": "Certificate"}}), metav1.CreateOptions{})
		return err
	})
	for _, o := range usersOwn(owner) {
		content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(o)
		if err != nil {
			t.Fatal(err)
		}
		one := theirs(&unstructured.Unstructured{Object: content})
		resource := one.GroupVersionKind().GroupVersion().WithResource(resources[one.GetKind()])
		if _, err := c.dynamic.Resource(resource).Namespace("istio-system").Create(t.Context(), one, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
}

func theirs(o *unstructured.Unstructured) *unstructured.Unstructured {
	o.SetName("theirs")
	return o
}

var resources = map[string]string{
	"NetworkPolicy": "networkpolicies", "Role": "roles", "RoleBinding": "rolebindings", "CronJob": "cronjobs",
	"Ingress": "ingresses", "ResourceQuota": "resourcequotas", "Secret": "secrets",
}

// usersOwn are objects of many kinds, and the Secret that a controller has made for the owner.
func usersOwn(owner *unstructured.Unstructured) []any {
	meta := func(version, kind string) metav1.TypeMeta { return metav1.TypeMeta{APIVersion: version, Kind: kind} }
	job := corev1.PodSpec{RestartPolicy: corev1.RestartPolicyNever, Containers: []corev1.Container{{Name: "a", Image: "example.com/a:1"}}}
	return []any{
		&networkingv1.NetworkPolicy{TypeMeta: meta("networking.k8s.io/v1", "NetworkPolicy")},
		&rbacv1.Role{TypeMeta: meta("rbac.authorization.k8s.io/v1", "Role")},
		&rbacv1.RoleBinding{TypeMeta: meta("rbac.authorization.k8s.io/v1", "RoleBinding"), RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: "theirs"}},
		&batchv1.CronJob{TypeMeta: meta("batch/v1", "CronJob"), Spec: batchv1.CronJobSpec{Schedule: "0 0 1 1 *",
			JobTemplate: batchv1.JobTemplateSpec{Spec: batchv1.JobSpec{Template: corev1.PodTemplateSpec{Spec: job}}}}},
		&networkingv1.Ingress{TypeMeta: meta("networking.k8s.io/v1", "Ingress"), Spec: networkingv1.IngressSpec{
			DefaultBackend: &networkingv1.IngressBackend{Service: &networkingv1.IngressServiceBackend{Name: "a", Port: networkingv1.ServiceBackendPort{Number: 80}}}}},
		&corev1.ResourceQuota{TypeMeta: meta("v1", "ResourceQuota")},
		&corev1.Secret{TypeMeta: meta("v1", "Secret"), ObjectMeta: metav1.ObjectMeta{OwnerReferences: []metav1.OwnerReference{{
			APIVersion: owner.GetAPIVersion(), Kind: owner.GetKind(), Name: owner.GetName(), UID: owner.GetUID()}}}},
	}
}

// wantFurnished wants a cluster to hold what it held before Istio came, and what is the user's.
func (u *upkeep) wantFurnished(t *testing.T, name string, theirs map[string]string) {
	t.Helper()
	var diff string
	eventually(t, name+": as it was before, and with what is the user's", func(ctx ctx) error {
		after, err := u.clusters[name].snapshot(ctx)
		if err != nil {
			return err
		}
		for key, o := range theirs {
			if after[key] != o {
				return fmt.Errorf("%s is %q, and was %q", key, after[key], o)
			}
			delete(after, key)
		}
		if ns := "/Namespace//istio-system"; !strings.Contains(after[ns], "setup-mesh") {
			delete(after, ns)
		}
		for _, o := range []string{"/ConfigMap/istio-system/kube-root-ca.crt", "/ServiceAccount/istio-system/default"} {
			delete(after, o) // Kubernetes has them in every namespace
		}
		diff = cmp.Diff(u.before[name], after)
		return errorIf(diff != "", "objects (-before +after):\n%s", diff)
	})
}

func (u *upkeep) mustSnapshot(t *testing.T, name string) map[string]string {
	t.Helper()
	s, err := u.clusters[name].snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// since are the objects of a cluster that it did not hold before.
func (u *upkeep) since(t *testing.T, name string, before map[string]string) map[string]string {
	t.Helper()
	out := u.mustSnapshot(t, name)
	for key := range before {
		delete(out, key)
	}
	return out
}
