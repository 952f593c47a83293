package desired

import (
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/record"
	"github.com/setup-mesh/setup-mesh/pkg/topology"
)

// NamespaceObject is Istio's namespace, which tells istiods the network of the
// cluster's pods, and whom of them a remote cluster is served by:
// https://istio.io/latest/docs/setup/install/multicluster/multi-primary_multi-network/#set-the-default-network-for-cluster1
// https://istio.io/latest/docs/setup/install/multicluster/primary-remote/#set-the-control-plane-cluster-for-cluster2
func NamespaceObject(m record.Member) *unstructured.Unstructured {
	notes := map[string]any{object.AnnotationCreated: "true"}
	if m.Remote() {
		notes[object.AnnotationControlPlanes] = strings.Join(m.Primaries, ",")
	}
	return object.New("v1", "Namespace", "", m.Namespace, map[string]any{
		"labels":      map[string]any{object.LabelNetwork: m.Network},
		"annotations": notes,
	}, nil)
}

// InjectedNamespace is a namespace whose pods are injected, created where there is
// none.
func InjectedNamespace(name string) *unstructured.Unstructured {
	return object.New("v1", "Namespace", "", name, map[string]any{
		"labels":      map[string]any{object.LabelInjection: "enabled"},
		"annotations": map[string]any{object.AnnotationCreated: "true"},
	}, nil)
}

// StrictMTLS is what `values.global.mtls.enabled: true` of Istio 1.4 became: a
// PeerAuthentication in the root namespace holds for the whole mesh.
// https://istio.io/latest/docs/reference/config/security/peer_authentication/
func StrictMTLS(namespace string) *unstructured.Unstructured {
	return object.New("security.istio.io/v1", "PeerAuthentication", namespace, "default", nil, map[string]any{
		"spec": map[string]any{"mtls": map[string]any{"mode": "STRICT"}},
	})
}

// ExposeServices lets clusters of other networks reach all services through
// the east-west gateway; the TLS of the workloads passes through it.
// https://istio.io/latest/docs/setup/install/multicluster/multi-primary_multi-network/#expose-services-in-cluster1
func ExposeServices(namespace string) *unstructured.Unstructured {
	return object.New("networking.istio.io/v1", "Gateway", namespace, object.CrossNetworkGateway, nil, map[string]any{
		"spec": map[string]any{
			"selector": map[string]any{"istio": "eastwestgateway"},
			"servers": []any{map[string]any{
				"port":  map[string]any{"number": int64(object.GatewayPort), "name": "tls", "protocol": "TLS"},
				"tls":   map[string]any{"mode": "AUTO_PASSTHROUGH"},
				"hosts": []any{"*.local"},
			}},
		},
	})
}

// ExposeIstiod and [RouteIstiod] let remote clusters reach istiod through the
// gateway, whose own TLS passes through it:
// https://github.com/istio/istio/blob/1.31.0/samples/multicluster/expose-istiod.yaml
func ExposeIstiod(namespace string) *unstructured.Unstructured {
	server := func(name string, port int64) any {
		return map[string]any{
			"port":  map[string]any{"number": port, "name": name, "protocol": "TLS"},
			"tls":   map[string]any{"mode": "PASSTHROUGH"},
			"hosts": []any{"*"},
		}
	}
	return object.New("networking.istio.io/v1", "Gateway", namespace, object.IstiodGateway, nil, map[string]any{
		"spec": map[string]any{
			"selector": map[string]any{"istio": "eastwestgateway"},
			"servers":  []any{server("tls-istiod", object.DiscoveryPort), server("tls-istiodwebhook", object.WebhookPort)},
		},
	})
}

// RouteIstiod sends what comes to the gateway's ports for istiod to it.
func RouteIstiod(namespace string) *unstructured.Unstructured {
	route := func(from, to int64) any {
		return map[string]any{
			"match": []any{map[string]any{"port": from, "sniHosts": []any{"*"}}},
			// A short name is of this namespace, whatever the cluster's domain is.
			"route": []any{map[string]any{"destination": map[string]any{"host": object.IstiodService, "port": map[string]any{"number": to}}}},
		}
	}
	return object.New("networking.istio.io/v1", "VirtualService", namespace, object.IstiodRoutes, nil, map[string]any{
		"spec": map[string]any{
			"hosts":    []any{"*"},
			"gateways": []any{object.IstiodGateway},
			"tls":      []any{route(object.DiscoveryPort, object.DiscoveryPort), route(object.WebhookPort, 443)},
		},
	})
}

// IstiodServiceObject is the control plane as a remote cluster knows it: the
// name that proxies and the injection webhook call, before the addresses in
// the EndpointSlices of its primaries. It is what the chart renders for
// remotePilotAddress, but for any number of addresses, and never an
// ExternalName, which webhooks cannot call (docs/decisions/0014-endpoints-of-primaries.md).
// https://github.com/istio/istio/blob/1.31.0/manifests/charts/istio-control/istio-discovery/templates/remote-istiod-service.yaml
func IstiodServiceObject(namespace string) *unstructured.Unstructured {
	port := func(name string, port, target int64) any {
		return map[string]any{"name": name, "port": port, "targetPort": target, "protocol": "TCP"}
	}
	return object.New("v1", "Service", namespace, object.IstiodService, map[string]any{
		"labels": map[string]any{object.LabelRevision: "default", "app.kubernetes.io/name": "istiod"},
	}, map[string]any{"spec": map[string]any{
		"ports": []any{port(object.DiscoveryPortName, object.DiscoveryPort, object.DiscoveryPort), port(object.WebhookPortName, 443, object.WebhookPort)},
	}})
}

// EndpointsObject is where one primary is reached; the addresses are those of
// its gateway.
// https://kubernetes.io/docs/concepts/services-networking/service/#services-without-selectors
func EndpointsObject(namespace, primary string) *unstructured.Unstructured {
	return object.New("discovery.k8s.io/v1", "EndpointSlice", namespace, object.EndpointsRef(namespace, primary).Name, map[string]any{
		"labels": map[string]any{
			"kubernetes.io/service-name":             object.IstiodService,
			"endpointslice.kubernetes.io/managed-by": "setup-mesh",
		},
	}, nil)
}

// movableGateway is a rendered object of the east-west gateway whose selectors
// do not name the network: a Deployment's selector can never change, and the
// network of a cluster can. Where the topology says at which addresses the
// gateway is reached, its Service is not labelled with the network, so that
// istiod does not take those of the Service.
func movableGateway(rendered *unstructured.Unstructured, address topology.Gateway) *unstructured.Unstructured {
	o := rendered.DeepCopy()
	unstructured.RemoveNestedField(o.Object, "spec", "selector", object.LabelNetwork)                // Service
	unstructured.RemoveNestedField(o.Object, "spec", "selector", "matchLabels", object.LabelNetwork) // Deployment, PodDisruptionBudget
	if o.GetKind() == "Service" && len(address.Addresses) > 0 {
		unstructured.RemoveNestedField(o.Object, "metadata", "labels", object.LabelNetwork)
	}
	return o
}

// ReaderAccount is the service account as which other clusters' istiods read
// this one.
func ReaderAccount(namespace, name string) *unstructured.Unstructured {
	return object.New("v1", "ServiceAccount", namespace, name, nil, nil)
}

// ReaderRole is the role that the charts make for it:
// https://github.com/istio/istio/blob/1.31.0/manifests/charts/istio-control/istio-discovery/templates/reader-clusterrole.yaml
func ReaderRole(namespace string) string { return "istio-reader-clusterrole-" + namespace }

// ReaderBinding lets a service account of the topology's read the cluster.
func ReaderBinding(namespace, account string) *unstructured.Unstructured {
	return object.New(object.RBACGroup+"/v1", "ClusterRoleBinding", "", "setup-mesh-reader-"+namespace+"-"+account, nil, map[string]any{
		"roleRef":  map[string]any{"apiGroup": object.RBACGroup, "kind": "ClusterRole", "name": ReaderRole(namespace)},
		"subjects": []any{map[string]any{"kind": "ServiceAccount", "name": account, "namespace": namespace}},
	})
}

// GrantObject is the Secret that a consumer's token is bound to. It holds
// nothing: deleting it revokes that one token.
// https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/#bound-service-account-tokens
func GrantObject(namespace, consumer string) *unstructured.Unstructured {
	return object.New("v1", "Secret", namespace, object.GrantPrefix+consumer, nil, map[string]any{"type": "Opaque"})
}

// RemoteSecretObject is where istiod finds the API server of the cluster
// source; the kubeconfig in it is minted by an apply.
// https://istio.io/latest/docs/reference/commands/istioctl/#istioctl-create-remote-secret
func RemoteSecretObject(namespace, source string) *unstructured.Unstructured {
	return object.New("v1", "Secret", namespace, object.RemoteSecretPrefix+source, map[string]any{
		"labels":      map[string]any{"istio/multiCluster": "true"},
		"annotations": map[string]any{"networking.istio.io/cluster": source},
	}, map[string]any{"type": "Opaque"})
}

// ProbeName begins the names of what the proof of serving puts into a cluster.
const ProbeName = "setup-mesh-probe"

// ProbeWebhookRef is the webhook by which the proof of serving asks each primary.
func ProbeWebhookRef(namespace string) object.Ref {
	return object.Ref{Group: "admissionregistration.k8s.io", Kind: "MutatingWebhookConfiguration", Name: ProbeName + "-" + namespace}
}

// ProbeGateway is refused by every istiod that validates:
// https://github.com/istio/istio/blob/master/pkg/webhooks/validation/controller/controller.go
func ProbeGateway(namespace string) *unstructured.Unstructured {
	return object.New("networking.istio.io/v1", "Gateway", namespace, "setup-mesh-validation-probe",
		map[string]any{"annotations": map[string]any{"istio.io/always-reject": "true"}},
		map[string]any{"spec": map[string]any{}})
}
