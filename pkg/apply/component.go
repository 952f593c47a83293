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
	Certificate    Component = "certificate"
	ControlPlane   Component = "IstioControlPlane"
	Primaries      Component = "primaries"
	Gateway        Component = "gateway"
	RemoteAccess   Component = "remote access"
	SharedServices Component = "shared services"
	Bookkeeping    Component = "record"
)

// Components lists all components in the order of a plan.
func Components() []Component {
	return []Component{Certificate, ControlPlane, Primaries, Gateway, RemoteAccess, SharedServices, Bookkeeping}
}

// Names of what we put into a cluster beside what Istio's charts render.
const (
	// EastWestGateway is the name of the gateway between networks.
	EastWestGateway = topology.EastWestGateway
	// crossNetworkGateway is the Gateway that exposes services to other
	// networks, named as in samples/multicluster/expose-services.yaml.
	crossNetworkGateway = "cross-network-gateway"
	// istiodGateway is the Gateway and istiodRoutes the VirtualService that
	// lead remote clusters to istiod, named as in
	// samples/multicluster/expose-istiod.yaml.
	istiodGateway = "istiod-gateway"
	istiodRoutes  = "istiod-vs"
	// gatewayPort carries mutual TLS between networks (AUTO_PASSTHROUGH).
	gatewayPort = 15443
	// Through discoveryPort proxies of remote clusters reach istiod, through
	// webhookPort their API servers do.
	discoveryPort = 15012
	webhookPort   = 15017
	// cacerts is the Secret that istiod reads a plugged-in CA from:
	// https://istio.io/latest/docs/tasks/security/cert-management/plugin-ca-cert/
	cacerts = "cacerts"

	remoteSecretPrefix = "istio-remote-secret-"
	grantPrefix        = "setup-mesh-grant-"

	// istiodService is where proxies and API servers find their control plane,
	// the primaries' in a remote cluster; rootConfigMap is where istiod writes
	// the root certificate for the proxies of a namespace.
	istiodService = "istiod"
	rootConfigMap = "istio-ca-root-cert"

	labelMesh    = "setup-mesh.io/mesh"
	labelNetwork = "topology.istio.io/network"

	// annotationControlPlanes names the clusters whose istiods may lead in
	// a remote one: https://istio.io/latest/docs/reference/config/annotations/#TopologyControlPlaneClusters
	annotationControlPlanes = "topology.istio.io/controlPlaneClusters"

	// annotationCreated marks a namespace that did not exist before us, and
	// which therefore goes with us.
	annotationCreated = "setup-mesh.io/created"

	// annotationSharedFrom marks the copy of a Service, and names the cluster
	// that has the original.
	annotationSharedFrom = "setup-mesh.io/shared-from"
)

// A Member is one cluster of a mesh, as every record names it.
type Member struct {
	Name      string `json:"name"`          // in the mesh: a DNS-1123 label
	Context   string `json:"context"`       // in the kubeconfig of whoever applied last
	UID       string `json:"uid,omitempty"` // of the kube-system namespace: what the cluster is
	Network   string `json:"network"`
	Namespace string `json:"namespace"` // Istio's
	Role      string `json:"role"`      // RolePrimary or RoleRemote
	// Primaries are the names of the clusters that serve a remote one.
	Primaries []string `json:"primaries,omitempty"`
}

// What a cluster is in its mesh.
const (
	RolePrimary = "primary" // runs its own control plane
	RoleRemote  = "remote"  // is served by those of its primaries
)

// remote says whether m is served by the control planes of others.
func (m Member) remote() bool { return m.Role == RoleRemote }

// memberOf is a cluster of the topology, not yet identified.
func memberOf(c topology.Cluster) Member {
	m := Member{Name: c.Name, Context: c.Context, Network: c.Network, Namespace: c.Namespace, Role: RolePrimary, Primaries: c.Primaries}
	if c.Remote() {
		m.Role = RoleRemote
	}
	return m
}

func namespaceRef(name string) kube.Ref {
	return kube.Ref{Version: "v1", Kind: "Namespace", Name: name}
}

func secretRef(namespace, name string) kube.Ref {
	return kube.Ref{Version: "v1", Kind: "Secret", Namespace: namespace, Name: name}
}

func serviceRef(namespace, name string) kube.Ref {
	return kube.Ref{Version: "v1", Kind: "Service", Namespace: namespace, Name: name}
}

func istiodRef(namespace string) kube.Ref {
	return kube.Ref{Group: "apps", Version: "v1", Kind: "Deployment", Namespace: namespace, Name: "istiod"}
}

func gatewayServiceRef(namespace string) kube.Ref {
	return serviceRef(namespace, EastWestGateway)
}

func istiodServiceRef(namespace string) kube.Ref {
	return serviceRef(namespace, istiodService)
}

func endpointsRef(namespace, primary string) kube.Ref {
	return kube.Ref{Group: "discovery.k8s.io", Version: "v1", Kind: "EndpointSlice", Namespace: namespace, Name: istiodService + "-" + primary}
}

// crdRef names no object: it stands for the kind.
var crdRef = kube.Ref{Group: "apiextensions.k8s.io", Version: "v1", Kind: "CustomResourceDefinition"}

func isCRD(r kube.Ref) bool { return r.Kind == crdRef.Kind }

func isWebhook(r kube.Ref) bool { return strings.HasSuffix(r.Kind, "WebhookConfiguration") }

// isIstioResource says whether r is a custom resource that istiod validates.
func isIstioResource(r kube.Ref) bool { return strings.HasSuffix(r.Group, ".istio.io") }
