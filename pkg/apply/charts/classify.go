package charts

import (
	"fmt"
	"strings"

	"istio.io/istio/operator/pkg/component"
	"istio.io/istio/operator/pkg/manifest"
)

// classify names the component of each object. The renderer puts all ingress
// gateways into one set, and labels none of their objects with the gateway's
// name; their names say it.
func classify(sets []manifest.ManifestSet) []Object {
	var out []Object
	for _, set := range sets {
		for _, m := range set.Manifests {
			out = append(out, Object{Component: componentOf(set.Component, m), Unstructured: m.Unstructured})
		}
	}
	return out
}

func componentOf(set component.Name, m manifest.Manifest) string {
	switch set {
	case component.IngressComponentName:
		return "ingressgateway:" + gatewayOf(m.GetKind(), m.GetName())
	case component.EgressComponentName:
		return "egressgateway:" + gatewayOf(m.GetKind(), m.GetName())
	default:
		return strings.ToLower(string(set))
	}
}

// gatewayOf undoes what the gateway charts do to a gateway's name.
func gatewayOf(kind, name string) string {
	switch kind {
	case "ServiceAccount":
		return strings.TrimSuffix(name, "-service-account")
	case "Role", "RoleBinding":
		return strings.TrimSuffix(name, "-sds")
	default:
		return name
	}
}

// identity is what an API server tells objects apart by.
func identity(o Object) string {
	gvk := o.GroupVersionKind()
	name := o.GetName()
	if ns := o.GetNamespace(); ns != "" {
		name = ns + "/" + name
	}
	return fmt.Sprintf("%s %s", gvk.GroupKind(), name)
}
