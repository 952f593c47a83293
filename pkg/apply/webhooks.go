package apply

import "github.com/setup-mesh/setup-mesh/pkg/apply/object"

// injectorRef is the webhook that injects the proxies of a cluster's pods, named
// as the chart does.
func injectorRef(namespace string) object.Ref {
	name := "istio-sidecar-injector"
	if namespace != "istio-system" {
		name += "-" + namespace
	}
	return object.Ref{Group: "admissionregistration.k8s.io", Kind: "MutatingWebhookConfiguration", Name: name}
}

func rootConfigMapRef(namespace string) object.Ref {
	return object.Ref{Kind: "ConfigMap", Namespace: namespace, Name: object.RootConfigMap}
}

// validatorRef is the webhook that validates Istio's resources, named as the chart
// does.
func validatorRef(namespace string) object.Ref {
	return object.Ref{Group: "admissionregistration.k8s.io", Kind: "ValidatingWebhookConfiguration", Name: "istio-validator-" + namespace}
}
