package observe

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/setup-mesh/setup-mesh/pkg/apply/world"
)

// A Shape is a Service as its clients see it. It is comparable.
type Shape struct {
	Type  string // "headless", "ExternalName" or "with a cluster IP"
	Ports string // "443/TCP, 80/TCP http", sorted as text
	// Global says that its label makes it one of all clusters of an ambient mesh.
	// https://istio.io/latest/docs/ambient/install/multicluster/
	Global bool
	// Waypoint is the "namespace/name" of the Service that its label has ambient clients
	// send to, "" for none: https://istio.io/latest/docs/ambient/usage/waypoint/
	Waypoint string
}

// ReadServices reads how the Services of all namespaces look, by "namespace/name".
// Those of Kubernetes and of Istio itself are not told: every cluster has its own.
func ReadServices(ctx context.Context, l *world.Connected) (map[string]Shape, error) {
	out := map[string]Shape{}
	err := l.Cluster.Each(ctx, schema.GroupKind{Kind: "Service"}, "", func(o *unstructured.Unstructured) {
		if compared(o, l.Namespace) {
			out[o.GetNamespace()+"/"+o.GetName()] = shapeOf(o)
		}
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// compared is a Service that clients of other clusters may take for theirs.
func compared(service *unstructured.Unstructured, istio string) bool {
	ns := service.GetNamespace()
	return ns != istio && !strings.HasPrefix(ns, "kube-") && service.GetDeletionTimestamp() == nil && (ns != "default" || service.GetName() != "kubernetes")
}

// shapeOf tells types apart that istiod treats differently: a Service of type
// LoadBalancer is inside the mesh one of type ClusterIP.
func shapeOf(service *unstructured.Unstructured) Shape {
	labels := service.GetLabels()
	s := Shape{Type: "with a cluster IP", Global: labels["istio.io/global"] == "true"}
	if name := labels["istio.io/use-waypoint"]; name != "" && name != "none" {
		s.Waypoint = cmp.Or(labels["istio.io/use-waypoint-namespace"], service.GetNamespace()) + "/" + name
	}
	kind, _, _ := unstructured.NestedString(service.Object, "spec", "type")
	ip, _, _ := unstructured.NestedString(service.Object, "spec", "clusterIP")
	switch {
	case kind == "ExternalName":
		s.Type = kind
	case ip == "None":
		s.Type = "headless"
	}
	ports, _, _ := unstructured.NestedSlice(service.Object, "spec", "ports")
	names := make([]string, 0, len(ports))
	for _, p := range ports {
		m, _ := p.(map[string]any)
		protocol, _ := m["protocol"].(string)
		if protocol == "" {
			protocol = "TCP"
		}
		name, _ := m["name"].(string)
		names = append(names, strings.TrimSpace(fmt.Sprintf("%v/%s %s", m["port"], protocol, name)))
	}
	slices.Sort(names)
	s.Ports = strings.Join(names, ", ")
	return s
}
