package apply

import "k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

// namespaceObject is Istio's namespace, which tells istiod the network of the
// cluster's pods:
// https://istio.io/latest/docs/setup/install/multicluster/multi-primary_multi-network/#set-the-default-network-for-cluster1
func namespaceObject(m Member) *unstructured.Unstructured {
	return object("v1", "Namespace", "", m.Namespace, map[string]any{
		"labels":      map[string]any{labelNetwork: m.Network},
		"annotations": map[string]any{annotationCreated: "true"},
	}, nil)
}

// strictMTLS is what `values.global.mtls.enabled: true` of Istio 1.4 became: a
// PeerAuthentication in the root namespace holds for the whole mesh.
// https://istio.io/latest/docs/reference/config/security/peer_authentication/
func strictMTLS(namespace string) *unstructured.Unstructured {
	return object("security.istio.io/v1", "PeerAuthentication", namespace, "default", nil, map[string]any{
		"spec": map[string]any{"mtls": map[string]any{"mode": "STRICT"}},
	})
}

// exposeServices lets clusters of other networks reach all services through
// the east-west gateway; the TLS of the workloads passes through it.
// https://istio.io/latest/docs/setup/install/multicluster/multi-primary_multi-network/#expose-services-in-cluster1
func exposeServices(namespace string) *unstructured.Unstructured {
	return object("networking.istio.io/v1", "Gateway", namespace, crossNetworkGateway, nil, map[string]any{
		"spec": map[string]any{
			"selector": map[string]any{"istio": "eastwestgateway"},
			"servers": []any{map[string]any{
				"port":  map[string]any{"number": int64(gatewayPort), "name": "tls", "protocol": "TLS"},
				"tls":   map[string]any{"mode": "AUTO_PASSTHROUGH"},
				"hosts": []any{"*.local"},
			}},
		},
	})
}

// movableGateway is a rendered object of the east-west gateway whose selectors
// do not name the network: a Deployment's selector can never change, and the
// network of a cluster can.
func movableGateway(rendered *unstructured.Unstructured) *unstructured.Unstructured {
	o := rendered.DeepCopy()
	unstructured.RemoveNestedField(o.Object, "spec", "selector", labelNetwork)                // Service
	unstructured.RemoveNestedField(o.Object, "spec", "selector", "matchLabels", labelNetwork) // Deployment, PodDisruptionBudget
	return o
}

// grantObject is the Secret that a consumer's token is bound to. It holds
// nothing: deleting it revokes that one token.
// https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/#bound-service-account-tokens
func grantObject(namespace, consumer string) *unstructured.Unstructured {
	return object("v1", "Secret", namespace, grantPrefix+consumer, nil, map[string]any{"type": "Opaque"})
}

// remoteSecretObject is where istiod finds the API server of the cluster
// source; the kubeconfig in it is minted by an apply.
// https://istio.io/latest/docs/reference/commands/istioctl/#istioctl-create-remote-secret
func remoteSecretObject(namespace, source string) *unstructured.Unstructured {
	return object("v1", "Secret", namespace, remoteSecretPrefix+source, map[string]any{
		"labels":      map[string]any{"istio/multiCluster": "true"},
		"annotations": map[string]any{"networking.istio.io/cluster": source},
	}, map[string]any{"type": "Opaque"})
}
