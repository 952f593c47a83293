package object

import "github.com/setup-mesh/setup-mesh/pkg/topology"

// Names of what we put into a cluster beside what Istio's charts render.
const (
	// EastWestGateway is the name of the gateway between networks.
	EastWestGateway = topology.EastWestGateway
	// AmbientGateway is the name of the Gateway between networks of an ambient mesh, and
	// of all that istiod makes for it. It is not that of the other, which istiod would not
	// touch (docs/decisions/0027-ambient-mode.md).
	AmbientGateway = EastWestGateway + "-ambient"
	// CrossNetworkGateway is the Gateway that exposes services to other
	// networks, named as in samples/multicluster/expose-services.yaml.
	CrossNetworkGateway = "cross-network-gateway"
	// IstiodGateway is the Gateway and IstiodRoutes the VirtualService that
	// lead remote clusters to istiod, named as in
	// samples/multicluster/expose-istiod.yaml.
	IstiodGateway = "istiod-gateway"
	IstiodRoutes  = "istiod-vs"
	// PeerGatewayPrefix begins the names of the Gateways that say where those of other
	// clusters are.
	PeerGatewayPrefix = "setup-mesh-gateway-"
	// HBONEPort is the one on which node proxies tunnel to gateways of other networks.
	HBONEPort int64 = topology.HBONEPort
	// GatewayPort carries mutual TLS between networks (AUTO_PASSTHROUGH).
	GatewayPort = 15443
	// Through DiscoveryPort proxies of remote clusters reach istiod, through
	// WebhookPort their API servers do.
	DiscoveryPort = 15012
	WebhookPort   = 15017
	// Cacerts is the Secret that istiod reads a plugged-in CA from:
	// https://istio.io/latest/docs/tasks/security/cert-management/plugin-ca-cert/
	Cacerts = "cacerts"

	RemoteSecretPrefix = "istio-remote-secret-"
	GrantPrefix        = "setup-mesh-grant-"

	// IstiodService is where proxies and API servers find their control plane,
	// the primaries' in a remote cluster; RootConfigMap is where istiod writes
	// the root certificate for the proxies of a namespace.
	IstiodService = "istiod"
	RootConfigMap = "istio-ca-root-cert"
	// ListsConfigMap is where istiod writes the revocation lists for the proxies of a
	// namespace, unless pilot.crlConfigMapName says otherwise.
	ListsConfigMap = "istio-ca-crl"

	LabelMesh = "setup-mesh.io/mesh"
	// LabelPermissions marks the roles that we ask for: those in Istio's namespace go
	// with it.
	LabelPermissions = "setup-mesh.io/permissions"
	LabelNetwork     = "topology.istio.io/network"

	// LabelInjection on a namespace has its pods injected, or not, by the default
	// revision, whatever LabelRevision says. That has them injected by one revision.
	// https://istio.io/latest/docs/setup/additional-setup/sidecar-injection/#controlling-the-injection-policy
	LabelInjection = "istio-injection"
	LabelRevision  = "istio.io/rev"

	// LabelDataplane on a namespace, or a pod, has pods in the mesh through the proxies of
	// their nodes: https://istio.io/latest/docs/ambient/usage/add-workloads/
	LabelDataplane   = "istio.io/dataplane-mode"
	DataplaneAmbient = "ambient"

	// LabelManaged is on what istiod makes for Gateways, and names who does. istiod leaves
	// anything else alone.
	// https://github.com/istio/istio/blob/1.31.0/pilot/pkg/config/kube/gatewaycommon/deploymentcontroller.go (canManage)
	LabelManaged = "gateway.istio.io/managed"

	// SelectIstiod selects the Deployments and the pods of istiods.
	SelectIstiod = "app=istiod"

	// AnnotationAccount says as whom the gateway proves itself that a Gateway stands for.
	AnnotationAccount = "gateway.istio.io/service-account"
	// AnnotationControlPlanes names the clusters whose istiods may lead in
	// a remote one: https://istio.io/latest/docs/reference/config/annotations/#TopologyControlPlaneClusters
	AnnotationControlPlanes = "topology.istio.io/controlPlaneClusters"

	// AnnotationCreated marks a namespace that did not exist before us, and
	// which therefore goes with us.
	AnnotationCreated = "setup-mesh.io/created"

	// AnnotationSharedFrom marks the copy of a Service, and names the cluster
	// that has the original.
	AnnotationSharedFrom = "setup-mesh.io/shared-from"
)
