package applytest

import (
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

const (
	endpointsController = "endpointslice-controller.k8s.io"
	labelService        = "kubernetes.io/service-name"
	labelSliceManager   = "endpointslice.kubernetes.io/managed-by"
)

var (
	serviceKind = schema.GroupKind{Kind: "Service"}
	sliceKind   = schema.GroupKind{Group: "discovery.k8s.io", Kind: "EndpointSlice"}
)

// serviceChanged has the controllers look at a Service.
func (c *Cluster) serviceChanged(ref object.Ref, after Object) {
	if after == nil {
		return
	}
	c.later(c.settings.Delays.Endpoints, "slice/"+ref.String(), func() { c.slice(ref) })
	c.balanceLater(ref)
}

// slicesOf has the controller look at all Services of a namespace.
func (c *Cluster) slicesOf(namespace string) {
	for _, s := range c.list(serviceKind, namespace, nil) {
		ref := object.RefOf(s)
		c.later(c.settings.Delays.Endpoints, "slice/"+ref.String(), func() { c.slice(ref) })
	}
}

// slice writes the EndpointSlice of a Service that has a selector. That of a
// Service whose selector was taken away stays as it was.
// https://kubernetes.io/docs/concepts/services-networking/endpoint-slices/
func (c *Cluster) slice(ref object.Ref) {
	s := c.get(ref)
	if s == nil || s.GetDeletionTimestamp() != nil || len(fields(s, "spec", "selector")) == 0 || text(s, "spec", "type") == "ExternalName" {
		return
	}
	if c.open(object.Of(sliceKind, ref.Namespace)) != nil {
		return
	}
	endpoints, ports := c.endpointsOf(s)
	for _, live := range c.list(sliceKind, ref.Namespace, nil) {
		if l := labelsOf(live); l[labelService] == ref.Name && l[labelSliceManager] == endpointsController {
			c.edit(managerController, object.RefOf(live), "", func(o Object) {
				o.Object["endpoints"], o.Object["ports"] = endpoints, ports
			})
			return
		}
	}
	c.pods++
	o := object.New("discovery.k8s.io/v1", "EndpointSlice", ref.Namespace, fmt.Sprintf("%s-%05x", ref.Name, c.pods), map[string]any{
		"labels": map[string]any{labelService: ref.Name, labelSliceManager: endpointsController},
	}, map[string]any{"addressType": "IPv4", "endpoints": endpoints, "ports": ports})
	yes := true
	o.SetOwnerReferences([]metav1.OwnerReference{{
		APIVersion: "v1", Kind: "Service", Name: ref.Name, UID: s.GetUID(), Controller: &yes, BlockOwnerDeletion: &yes,
	}})
	c.must(c.create(managerController, o, createOptions{}))
}

// endpointsOf are the pods that a Service selects, and the ports they have for it.
func (c *Cluster) endpointsOf(s Object) (endpoints, ports []any) {
	endpoints, ports = []any{}, []any{}
	var first Object
	for _, p := range c.list(podKind, s.GetNamespace(), nil) {
		ip := text(p, "status", "podIP")
		if ip == "" || !selects(fields(s, "spec", "selector"), labelsOf(p)) {
			continue
		}
		if first == nil {
			first = p
		}
		ready := podReady(p)
		endpoints = append(endpoints, map[string]any{
			"addresses":  []any{ip},
			"conditions": map[string]any{"ready": ready, "serving": ready, "terminating": false},
			"targetRef":  map[string]any{"kind": "Pod", "namespace": p.GetNamespace(), "name": p.GetName(), "uid": string(p.GetUID())},
		})
	}
	for _, port := range records(items(s, "spec", "ports")) {
		if first != nil {
			ports = append(ports, map[string]any{
				"name": str(port, "name"), "protocol": str(port, "protocol"), "port": targetPort(port, first),
			})
		}
	}
	return endpoints, ports
}

// targetPort is the number of a Service's port in a pod.
func targetPort(port map[string]any, pod Object) int64 {
	if n, ok := number(port, "targetPort"); ok {
		return n
	}
	for _, container := range records(items(pod, "spec", "containers")) {
		l, _ := container["ports"].([]any)
		for _, p := range records(l) {
			if str(p, "name") == str(port, "targetPort") {
				n, _ := number(p, "containerPort")
				return n
			}
		}
	}
	n, _ := number(port, "port")
	return n
}

// selects says whether a Service's selector takes a pod with these labels.
func selects(selector map[string]any, labels map[string]string) bool {
	for k, v := range selector {
		if got, ok := labels[k]; !ok || got != v {
			return false
		}
	}
	return len(selector) > 0
}
