package kube

import (
	"context"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// A resource is what the API calls the objects of a kind.
type resource struct {
	plural     string
	namespaced bool
}

// known holds the kinds that Kubernetes, Istio and the Gateway API define, so
// that no discovery is needed for them: a kind's plural and scope do not change
// between versions. It never changes.
var known = func() map[schema.GroupKind]resource {
	m := map[schema.GroupKind]resource{}
	for _, g := range []struct {
		group      string
		namespaced bool
		kinds      string // Kind=plural
	}{
		{"", false, "Namespace=namespaces Node=nodes"},
		{"", true, "ConfigMap=configmaps Endpoints=endpoints Event=events LimitRange=limitranges " +
			"PersistentVolumeClaim=persistentvolumeclaims Pod=pods ReplicationController=replicationcontrollers " +
			"ResourceQuota=resourcequotas Secret=secrets Service=services ServiceAccount=serviceaccounts"},
		{"apps", true, "DaemonSet=daemonsets Deployment=deployments ReplicaSet=replicasets StatefulSet=statefulsets"},
		{"autoscaling", true, "HorizontalPodAutoscaler=horizontalpodautoscalers"},
		{"batch", true, "CronJob=cronjobs Job=jobs"},
		{"policy", true, "PodDisruptionBudget=poddisruptionbudgets"},
		{"coordination.k8s.io", true, "Lease=leases"},
		{"discovery.k8s.io", true, "EndpointSlice=endpointslices"},
		{"events.k8s.io", true, "Event=events"},
		{"networking.k8s.io", true, "Ingress=ingresses NetworkPolicy=networkpolicies"},
		{"networking.k8s.io", false, "IngressClass=ingressclasses ServiceCIDR=servicecidrs"},
		{"rbac.authorization.k8s.io", true, "Role=roles RoleBinding=rolebindings"},
		{"rbac.authorization.k8s.io", false, "ClusterRole=clusterroles ClusterRoleBinding=clusterrolebindings"},
		{"apiextensions.k8s.io", false, "CustomResourceDefinition=customresourcedefinitions"},
		{"admissionregistration.k8s.io", false, "MutatingWebhookConfiguration=mutatingwebhookconfigurations " +
			"ValidatingWebhookConfiguration=validatingwebhookconfigurations " +
			"ValidatingAdmissionPolicy=validatingadmissionpolicies ValidatingAdmissionPolicyBinding=validatingadmissionpolicybindings"},
		{"scheduling.k8s.io", false, "PriorityClass=priorityclasses"},
		{"networking.istio.io", true, "DestinationRule=destinationrules EnvoyFilter=envoyfilters Gateway=gateways " +
			"ProxyConfig=proxyconfigs ServiceEntry=serviceentries Sidecar=sidecars VirtualService=virtualservices " +
			"WorkloadEntry=workloadentries WorkloadGroup=workloadgroups"},
		{"security.istio.io", true, "AuthorizationPolicy=authorizationpolicies PeerAuthentication=peerauthentications " +
			"RequestAuthentication=requestauthentications"},
		{"telemetry.istio.io", true, "Telemetry=telemetries"},
		{"extensions.istio.io", true, "WasmPlugin=wasmplugins"},
		{"gateway.networking.k8s.io", true, "Gateway=gateways HTTPRoute=httproutes ReferenceGrant=referencegrants"},
		{"gateway.networking.k8s.io", false, "GatewayClass=gatewayclasses"},
		{"k8s.cni.cncf.io", true, "NetworkAttachmentDefinition=network-attachment-definitions"}, // of Istio's CNI plugin
	} {
		for _, k := range strings.Fields(g.kinds) {
			kind, plural, _ := strings.Cut(k, "=")
			m[schema.GroupKind{Group: g.group, Kind: kind}] = resource{plural, g.namespaced}
		}
	}
	return m
}()

// Resource is what the API calls the objects of r's kind, as the rules of a role
// name them. Where the kind is not one of [known], it is what it would be called
// by Kubernetes' own custom.
func (r Ref) Resource() string {
	if k, ok := known[r.gvk().GroupKind()]; ok {
		return k.plural
	}
	guess, _ := meta.UnsafeGuessKindToResource(r.gvk())
	return guess.Resource
}

// resource finds out what the API calls ref's kind. An unknown kind costs one
// request the first time. A kind that the server does not serve is an error
// wrapping [ErrNoKind].
func (c *Cluster) resource(ctx context.Context, op string, ref Ref) (resource, error) {
	if r, ok := known[ref.gvk().GroupKind()]; ok {
		return r, nil
	}
	gv := schema.GroupVersion{Group: ref.Group, Version: ref.Version}.String()
	c.mu.Lock()
	r, ok := c.served[gv][ref.Kind]
	c.mu.Unlock()
	if ok {
		return r, nil
	}
	kinds, err := c.discover(ctx, op, ref)
	if err != nil {
		return resource{}, err
	}
	c.mu.Lock()
	c.served[gv] = kinds
	c.mu.Unlock()
	if r, ok = kinds[ref.Kind]; !ok {
		return resource{}, c.noKind(op, ref)
	}
	return r, nil
}

// discover asks the server for the kinds of ref's group and version. An empty
// answer means that it serves none, which is asked for in a way that a proxy's
// "404" cannot be mistaken for it.
func (c *Cluster) discover(ctx context.Context, op string, ref Ref) (map[string]resource, error) {
	path := "/api/" + ref.Version
	if ref.Group != "" {
		var groups struct {
			Kind   string `json:"kind"`
			Groups []struct {
				Versions []struct {
					GroupVersion string `json:"groupVersion"`
				} `json:"versions"`
			} `json:"groups"`
		}
		if err := c.getJSON(ctx, "/apis", &groups); err != nil {
			return nil, err
		}
		if groups.Kind != "APIGroupList" {
			return nil, &Error{Class: ServerFault, Context: c.context, Op: op, Ref: ref, Message: "the server does not answer as a Kubernetes API"}
		}
		served := false
		for _, g := range groups.Groups {
			for _, v := range g.Versions {
				served = served || v.GroupVersion == ref.Group+"/"+ref.Version
			}
		}
		if !served {
			return nil, nil
		}
		path = fmt.Sprintf("/apis/%s/%s", ref.Group, ref.Version)
	}
	var list struct {
		Resources []struct {
			Name       string `json:"name"`
			Kind       string `json:"kind"`
			Namespaced bool   `json:"namespaced"`
		} `json:"resources"`
	}
	if err := c.getJSON(ctx, path, &list); err != nil {
		return nil, err
	}
	kinds := map[string]resource{}
	for _, r := range list.Resources {
		if _, ok := kinds[r.Kind]; !ok && !strings.Contains(r.Name, "/") {
			kinds[r.Kind] = resource{r.Name, r.Namespaced}
		}
	}
	return kinds, nil
}

func (c *Cluster) noKind(op string, ref Ref) error {
	return &Error{
		Class: NotFound, Context: c.context, Op: op, Ref: ref, Err: ErrNoKind,
		Message: fmt.Sprintf("the server has no kind %s in %s/%s", ref.Kind, ref.Group, ref.Version),
	}
}
