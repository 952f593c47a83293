package object

// InjectorRef is the webhook that injects the proxies of a cluster's pods, named
// as the chart does.
func InjectorRef(namespace string) Ref {
	name := "istio-sidecar-injector"
	if namespace != "istio-system" {
		name += "-" + namespace
	}
	return Ref{Group: "admissionregistration.k8s.io", Kind: "MutatingWebhookConfiguration", Name: name}
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
