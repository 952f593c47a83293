package object

// injectorRef is the webhook that injects the proxies of a cluster's pods, named
// as the chart does.
func InjectorRef(namespace string) Ref {
	name := "istio-sidecar-injector"
	if namespace != "istio-system" {
		name += "-" + namespace
	}
	return Ref{Group: "admissionregistration.k8s.io", Kind: "MutatingWebhookConfiguration", Name: name}
}

func RootConfigMapRef(namespace string) Ref {
	return Ref{Kind: "ConfigMap", Namespace: namespace, Name: RootConfigMap}
}

// validatorRef is the webhook that validates Istio's resources, named as the chart
// does.
func ValidatorRef(namespace string) Ref {
	return Ref{Group: "admissionregistration.k8s.io", Kind: "ValidatingWebhookConfiguration", Name: "istio-validator-" + namespace}
}
