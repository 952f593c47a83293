package verify

import (
	"cmp"
	"maps"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

// Names of what is put into a cluster: those of Istio's own samples.
// https://github.com/istio/istio/tree/release-1.31/samples/helloworld
const (
	service   = "helloworld"
	client    = "client"
	port      = 5000
	proxy     = "istio-proxy"
	pullName  = "image-pull"
	LabelMesh = "setup-mesh.io/verify" // on the namespace: the mesh that it verifies
)

// Options are what a verification puts where.
type Options struct {
	Namespace string            // that does not exist, or is one of an earlier verification
	Labels    map[string]string // more labels of the namespace, such as discovery selectors want
	Registry  string            // of the images, such as docker.io
	// Images are others than those of the registry, by the names of the Deployments that
	// they are for: helloworld-v1, helloworld-v2, client.
	Images map[string]string
	// PullSecret is a Secret of each cluster that images are pulled with, as
	// NAMESPACE/NAME; "" for none. It is copied into the namespace.
	PullSecret string
	Keep       bool // leave everything where it is
	// Ambient has the pods in the mesh through the proxies of their nodes, rather than
	// through sidecars.
	Ambient bool
}

// versionOf is what the helloworld of a cluster calls itself. As in Istio's guides there
// are two, in turn.
func versionOf(i int) string { return []string{"v1", "v2"}[i%2] }

func (o Options) namespace(mesh string) *unstructured.Unstructured {
	labels := map[string]any{}
	for k, v := range o.Labels {
		labels[k] = v
	}
	maps.Copy(labels, map[string]any{object.LabelInjection: "enabled", LabelMesh: mesh})
	if o.Ambient {
		delete(labels, object.LabelInjection)
		labels[object.LabelDataplane] = object.DataplaneAmbient
	}
	return object.New("v1", "Namespace", "", o.Namespace, map[string]any{"labels": labels}, nil)
}

// newConnections has proxies open one for each call: through a gateway, all calls of a
// connection reach one pod.
// https://istio.io/latest/docs/reference/config/networking/destination-rule/#ConnectionPoolSettings-HTTPSettings
func (o Options) newConnections() *unstructured.Unstructured {
	return object.New("networking.istio.io/v1", "DestinationRule", o.Namespace, service, nil, map[string]any{
		"spec": map[string]any{
			"host":          service + "." + o.Namespace + ".svc.cluster.local",
			"trafficPolicy": map[string]any{"connectionPool": map[string]any{"http": map[string]any{"maxRequestsPerConnection": int64(1)}}},
		},
	})
}

// objects are what is put into the namespace of the i-th cluster, in this order. Only
// clusters with a control plane know of Istio's own kinds.
func (o Options) objects(i int, remote bool) []*unstructured.Unstructured {
	if !remote && !o.Ambient { // ztunnels do not look into connections
		return append([]*unstructured.Unstructured{o.newConnections()}, o.objects(i, true)...)
	}
	version := versionOf(i)
	account := func(name string) *unstructured.Unstructured {
		return object.New("v1", "ServiceAccount", o.Namespace, name, nil, map[string]any{"automountServiceAccountToken": false})
	}
	return []*unstructured.Unstructured{
		account(service), account(client),
		object.New("v1", "Service", o.Namespace, service, map[string]any{"labels": o.serviceLabels()}, map[string]any{
			"spec": map[string]any{
				"selector": map[string]any{"app": service},
				"ports":    []any{map[string]any{"name": "http", "port": int64(port)}},
			},
		}),
		o.deployment(service+"-"+version, service, map[string]any{"app": service, "version": version}, map[string]any{
			"name": service, "image": o.image(service+"-"+version, "istio/examples-helloworld-"+version+":1.0"),
			"env":   []any{map[string]any{"name": "SERVICE_VERSION", "value": version}},
			"ports": []any{map[string]any{"containerPort": int64(port), "protocol": "TCP"}},
		}),
		o.deployment(client, client, map[string]any{"app": client}, map[string]any{
			"name": client, "image": o.image(client, "curlimages/curl:8.16.0"), "command": []any{"sleep", "86400"},
		}),
	}
}

// image is the one for a Deployment, which is called so in the registry.
func (o Options) image(deployment, called string) string {
	return cmp.Or(o.Images[deployment], strings.TrimSuffix(o.Registry, "/")+"/"+called)
}

// serviceLabels make the Service one in all clusters, in an ambient mesh.
// https://istio.io/latest/docs/ambient/install/multicluster/verify/
func (o Options) serviceLabels() map[string]any {
	labels := map[string]any{"app": service}
	if o.Ambient {
		labels["istio.io/global"] = "true"
	}
	return labels
}

// deployment has one pod, which Pod Security's level "restricted" admits.
// https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted
func (o Options) deployment(name, account string, labels, container map[string]any) *unstructured.Unstructured {
	container["securityContext"] = map[string]any{
		"allowPrivilegeEscalation": false, "capabilities": map[string]any{"drop": []any{"ALL"}},
	}
	container["resources"] = map[string]any{"requests": map[string]any{"cpu": "10m", "memory": "32Mi"}}
	spec := map[string]any{
		"serviceAccountName": account, "automountServiceAccountToken": false, "terminationGracePeriodSeconds": int64(1),
		"securityContext": map[string]any{
			"runAsNonRoot": true, "runAsUser": int64(1000), "seccompProfile": map[string]any{"type": "RuntimeDefault"},
		},
		"containers": []any{container},
	}
	if o.PullSecret != "" {
		spec["imagePullSecrets"] = []any{map[string]any{"name": pullName}}
	}
	return object.New("apps/v1", "Deployment", o.Namespace, name, map[string]any{"labels": labels}, map[string]any{
		"spec": map[string]any{
			"replicas": int64(1), "selector": map[string]any{"matchLabels": labels},
			"template": map[string]any{"metadata": map[string]any{"labels": labels}, "spec": spec},
		},
	})
}
