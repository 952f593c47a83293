package observe

import (
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
	// Global says that it is one in all clusters of an ambient mesh.
	// https://istio.io/latest/docs/ambient/install/multicluster/
	Global bool
	// Waypoint is the "namespace/name" of the waypoint that ambient clients send to, "" for none.
	Waypoint string
}

// ReadServices reads how the Services of all namespaces look, by "namespace/name"; in an
// ambient mesh with the labels of namespaces and what is global, which are nil otherwise.
// Those of Kubernetes and of Istio itself are not told: every cluster has its own.
func ReadServices(ctx context.Context, l *world.Connected, namespaces Labelled, scopes []Scope) (map[string]Shape, error) {
	out := map[string]Shape{}
	err := l.Cluster.Each(ctx, schema.GroupKind{Kind: "Service"}, "", func(o *unstructured.Unstructured) {
		if compared(o, l.Namespace) {
			out[o.GetNamespace()+"/"+o.GetName()] = shapeOf(o, namespaces, scopes)
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
func shapeOf(service *unstructured.Unstructured, namespaces Labelled, scopes []Scope) Shape {
	s := Shape{Type: "with a cluster IP", Global: namespaces.Global(service, scopes), Waypoint: namespaces.waypoint(service)}
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
