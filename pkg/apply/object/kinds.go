package object

import (
	"maps"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// A Resource is what the API calls the objects of a kind.
type Resource struct {
	Version    string // in which they are read and deleted
	Plural     string // in paths, and in the rules of a role
	Namespaced bool
}

// ResourceOf returns how the objects of a kind are addressed, for the kinds
// that Kubernetes, Istio and the Gateway API define: no discovery is needed for
// them. A cluster whose CRDs are older may serve them in another version only.
func ResourceOf(kind schema.GroupKind) (Resource, bool) {
	r, ok := known[kind]
	return r, ok
}

// Kinds are all kinds that [ResourceOf] knows.
func Kinds() map[schema.GroupKind]Resource { return maps.Clone(known) }

// known never changes. Istio's versions: https://istio.io/latest/docs/reference/config/
var known = func() map[schema.GroupKind]Resource {
	m := map[schema.GroupKind]Resource{}
	for _, g := range []struct {
		group, version string
		namespaced     bool
		kinds          string // Kind=plural
	}{
		{"", "v1", false, "Namespace=namespaces Node=nodes"},
		{"", "v1", true, "ConfigMap=configmaps Endpoints=endpoints Event=events LimitRange=limitranges " +
			"PersistentVolumeClaim=persistentvolumeclaims Pod=pods ReplicationController=replicationcontrollers " +
			"ResourceQuota=resourcequotas Secret=secrets Service=services ServiceAccount=serviceaccounts"},
		{"apps", "v1", true, "DaemonSet=daemonsets Deployment=deployments ReplicaSet=replicasets StatefulSet=statefulsets"},
		{"autoscaling", "v2", true, "HorizontalPodAutoscaler=horizontalpodautoscalers"},
		{"batch", "v1", true, "CronJob=cronjobs Job=jobs"},
		{"policy", "v1", true, "PodDisruptionBudget=poddisruptionbudgets"},
		{"coordination.k8s.io", "v1", true, "Lease=leases"},
		{"discovery.k8s.io", "v1", true, "EndpointSlice=endpointslices"},
		{"events.k8s.io", "v1", true, "Event=events"},
		{"networking.k8s.io", "v1", true, "Ingress=ingresses NetworkPolicy=networkpolicies"},
		{"networking.k8s.io", "v1", false, "IngressClass=ingressclasses ServiceCIDR=servicecidrs"},
		{"rbac.authorization.k8s.io", "v1", true, "Role=roles RoleBinding=rolebindings"},
		{"rbac.authorization.k8s.io", "v1", false, "ClusterRole=clusterroles ClusterRoleBinding=clusterrolebindings"},
		{"apiextensions.k8s.io", "v1", false, "CustomResourceDefinition=customresourcedefinitions"},
		{"admissionregistration.k8s.io", "v1", false, "MutatingWebhookConfiguration=mutatingwebhookconfigurations " +
			"ValidatingWebhookConfiguration=validatingwebhookconfigurations " +
			"ValidatingAdmissionPolicy=validatingadmissionpolicies ValidatingAdmissionPolicyBinding=validatingadmissionpolicybindings"},
		{"scheduling.k8s.io", "v1", false, "PriorityClass=priorityclasses"},
		{"networking.istio.io", "v1", true, "DestinationRule=destinationrules Gateway=gateways " +
			"ServiceEntry=serviceentries Sidecar=sidecars VirtualService=virtualservices " +
			"WorkloadEntry=workloadentries WorkloadGroup=workloadgroups"},
		{"networking.istio.io", "v1alpha3", true, "EnvoyFilter=envoyfilters"},
		{"networking.istio.io", "v1beta1", true, "ProxyConfig=proxyconfigs"},
		{"security.istio.io", "v1", true, "AuthorizationPolicy=authorizationpolicies PeerAuthentication=peerauthentications " +
			"RequestAuthentication=requestauthentications"},
		{"telemetry.istio.io", "v1", true, "Telemetry=telemetries"},
		{"extensions.istio.io", "v1alpha1", true, "TrafficExtension=trafficextensions WasmPlugin=wasmplugins"},
		{"gateway.networking.k8s.io", "v1", true, "Gateway=gateways HTTPRoute=httproutes"},
		{"gateway.networking.k8s.io", "v1beta1", true, "ReferenceGrant=referencegrants"},
		{"gateway.networking.k8s.io", "v1", false, "GatewayClass=gatewayclasses"},
		{"k8s.cni.cncf.io", "v1", true, "NetworkAttachmentDefinition=network-attachment-definitions"}, // of Istio's CNI plugin
	} {
		for _, k := range strings.Fields(g.kinds) {
			kind, plural, _ := strings.Cut(k, "=")
			m[schema.GroupKind{Group: g.group, Kind: kind}] = Resource{Version: g.version, Plural: plural, Namespaced: g.namespaced}
		}
	}
	return m
}()

// Resource is what the API calls the objects of r's kind, as the rules of a role
// name them. For a kind that is not known it is what Kubernetes' own custom
// would call it.
func (r Ref) Resource() string {
	if k, ok := known[r.GroupKind()]; ok {
		return k.Plural
	}
	guess, _ := meta.UnsafeGuessKindToResource(r.GroupKind().WithVersion("v1"))
	return guess.Resource
}
