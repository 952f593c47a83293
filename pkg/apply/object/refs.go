package object

import (
	"cmp"
	"strings"
)

// RBACGroup is the API group of roles and their bindings.
const RBACGroup = "rbac.authorization.k8s.io"

// NamespaceRef is a namespace.
func NamespaceRef(name string) Ref {
	return Ref{Kind: "Namespace", Name: name}
}

// SecretRef is a Secret.
func SecretRef(namespace, name string) Ref {
	return Ref{Kind: "Secret", Namespace: namespace, Name: name}
}

// ServiceRef is a Service.
func ServiceRef(namespace, name string) Ref {
	return Ref{Kind: "Service", Namespace: namespace, Name: name}
}

// IstiodRef is the Deployment of istiod in Istio's namespace.
func IstiodRef(namespace string) Ref {
	return Ref{Group: "apps", Kind: "Deployment", Namespace: namespace, Name: "istiod"}
}

// GatewayRef is the Deployment of the east-west gateway in Istio's namespace.
func GatewayRef(namespace string) Ref {
	return Ref{Group: "apps", Kind: "Deployment", Namespace: namespace, Name: EastWestGateway}
}

// GatewayServiceRef is the Service of the east-west gateway in Istio's namespace.
func GatewayServiceRef(namespace string) Ref {
	return ServiceRef(namespace, EastWestGateway)
}

// GatewayAPIGroup is the group of the Gateway API.
const GatewayAPIGroup = "gateway.networking.k8s.io"

// IsGatewayAPI says whether r is a CRD of the Gateway API.
func IsGatewayAPI(r Ref) bool { return IsCRD(r) && strings.HasSuffix(r.Name, "."+GatewayAPIGroup) }

// AmbientGatewayRef is the Gateway between networks of an ambient mesh.
func AmbientGatewayRef(namespace string) Ref {
	return Ref{Group: GatewayAPIGroup, Kind: "Gateway", Namespace: namespace, Name: AmbientGateway}
}

// AmbientGatewayServiceRef is the Service that istiod makes for it.
func AmbientGatewayServiceRef(namespace string) Ref {
	return ServiceRef(namespace, AmbientGateway)
}

// AmbientWorkloadRef is the Deployment that istiod makes of that Gateway.
func AmbientWorkloadRef(namespace string) Ref {
	return Ref{Group: "apps", Kind: "Deployment", Namespace: namespace, Name: AmbientGateway}
}

// IstiodServiceRef is the Service of istiod in Istio's namespace. In a remote
// cluster its primaries stand behind it.
func IstiodServiceRef(namespace string) Ref {
	return ServiceRef(namespace, IstiodService)
}

// MeshConfigRef is where the chart puts the mesh configuration of istiod, as text in YAML
// under the key "mesh".
func MeshConfigRef(namespace string) Ref {
	return Ref{Kind: "ConfigMap", Namespace: namespace, Name: "istio"}
}

// EndpointsRef is the EndpointSlice of a remote cluster that leads to a primary.
func EndpointsRef(namespace, primary string) Ref {
	return Ref{Group: "discovery.k8s.io", Kind: "EndpointSlice", Namespace: namespace, Name: IstiodService + "-" + primary}
}

// CrdRef names no object: it stands for the kind.
var CrdRef = Ref{Group: "apiextensions.k8s.io", Kind: "CustomResourceDefinition"}

// IsCRD says whether r is a CustomResourceDefinition.
func IsCRD(r Ref) bool { return r.Kind == CrdRef.Kind }

// IsWebhook says whether r is a configuration of webhooks, mutating or validating.
func IsWebhook(r Ref) bool { return strings.HasSuffix(r.Kind, "WebhookConfiguration") }

// IsIstioResource says whether r is a custom resource that istiod validates.
func IsIstioResource(r Ref) bool { return strings.HasSuffix(r.Group, ".istio.io") }

// CompareRefs orders objects by group, kind, namespace and name.
func CompareRefs(a, b Ref) int {
	return cmp.Or(strings.Compare(a.Group, b.Group), strings.Compare(a.Kind, b.Kind), strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Name, b.Name))
}
