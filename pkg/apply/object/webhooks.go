package object

import "k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

// InjectorRef is the webhook that injects the proxies of a cluster's pods, named
// as the chart does.
func InjectorRef(namespace string) Ref {
	name := "istio-sidecar-injector"
	if namespace != "istio-system" {
		name += "-" + namespace
	}
	return Ref{Group: "admissionregistration.k8s.io", Kind: "MutatingWebhookConfiguration", Name: name}
}

// DefaultInjectionPath is where istiod injects pods of its own cluster.
const DefaultInjectionPath = "/inject"

// InjectionPath is where istiod injects for the cluster of a webhook.
func InjectionPath(injector *unstructured.Unstructured) string {
	hooks, _, _ := unstructured.NestedSlice(injector.Object, "webhooks")
	for _, h := range hooks {
		if m, ok := h.(map[string]any); ok {
			if path, _, _ := unstructured.NestedString(m, "clientConfig", "service", "path"); path != "" {
				return path
			}
		}
	}
	return DefaultInjectionPath
}

// RootConfigMapRef is where istiod writes the root certificate for the proxies of a
// namespace.
func RootConfigMapRef(namespace string) Ref {
	return Ref{Kind: "ConfigMap", Namespace: namespace, Name: RootConfigMap}
}

// ValidatorRef is the webhook that validates Istio's resources, named as the chart
// does.
func ValidatorRef(namespace string) Ref {
	return Ref{Group: "admissionregistration.k8s.io", Kind: "ValidatingWebhookConfiguration", Name: "istio-validator-" + namespace}
}
