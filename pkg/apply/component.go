package apply

import (
	"strings"

	"github.com/setup-mesh/setup-mesh/pkg/apply/kube"
	"github.com/setup-mesh/setup-mesh/pkg/topology"
)

// A Component is a part of a cluster's membership in the user's terms.
type Component string

// The components, in the order in which a plan lists them.
const (
	Certificate  Component = "certificate"
	ControlPlane Component = "IstioControlPlane"
	Gateway      Component = "gateway"
	RemoteAccess Component = "remote access"
	Bookkeeping  Component = "record"
)

// Components lists all components in the order of a plan.
func Components() []Component {
	return []Component{Certificate, ControlPlane, Gateway, RemoteAccess, Bookkeeping}
}

// Names of what we put into a cluster beside what Istio's charts render.
const (
	// EastWestGateway is the name of the gateway between networks.
	EastWestGateway = topology.EastWestGateway
	// crossNetworkGateway is the Gateway that exposes services to other
	// networks, named as in samples/multicluster/expose-services.yaml.
	crossNetworkGateway = "cross-network-gateway"
	// gatewayPort carries mutual TLS between networks (AUTO_PASSTHROUGH).
	gatewayPort = 15443
	// cacerts is the Secret that istiod reads a plugged-in CA from:
	// https://istio.io/latest/docs/tasks/security/cert-management/plugin-ca-cert/
	cacerts = "cacerts"

	remoteSecretPrefix = "istio-remote-secret-"
	grantPrefix        = "setup-mesh-grant-"

	labelMesh    = "setup-mesh.io/mesh"
	labelNetwork = "topology.istio.io/network"

	// annotationCreated marks a namespace that did not exist before us, and
	// which therefore goes with us.
	annotationCreated = "setup-mesh.io/created"
)

// A Member is one cluster of a mesh, as every record names it.
type Member struct {
	Name      string `json:"name"`          // in the mesh: a DNS-1123 label
	Context   string `json:"context"`       // in the kubeconfig of whoever applied last
	UID       string `json:"uid,omitempty"` // of the kube-system namespace: what the cluster is
	Network   string `json:"network"`
	Namespace string `json:"namespace"` // Istio's
	Role      string `json:"role"`      // "primary"
}

// RolePrimary is a cluster that runs its own control plane.
const RolePrimary = "primary"

func namespaceRef(name string) kube.Ref {
	return kube.Ref{Version: "v1", Kind: "Namespace", Name: name}
}

func secretRef(namespace, name string) kube.Ref {
	return kube.Ref{Version: "v1", Kind: "Secret", Namespace: namespace, Name: name}
}

func istiodRef(namespace string) kube.Ref {
	return kube.Ref{Group: "apps", Version: "v1", Kind: "Deployment", Namespace: namespace, Name: "istiod"}
}

func gatewayServiceRef(namespace string) kube.Ref {
	return kube.Ref{Version: "v1", Kind: "Service", Namespace: namespace, Name: EastWestGateway}
}

// crdRef names no object: it stands for the kind.
var crdRef = kube.Ref{Group: "apiextensions.k8s.io", Version: "v1", Kind: "CustomResourceDefinition"}

func isCRD(r kube.Ref) bool { return r.Kind == crdRef.Kind }

func isWebhook(r kube.Ref) bool { return strings.HasSuffix(r.Kind, "WebhookConfiguration") }

// isIstioResource says whether r is a custom resource that istiod validates.
func isIstioResource(r kube.Ref) bool { return strings.HasSuffix(r.Group, ".istio.io") }
