package applytest

import (
	"cmp"
	"fmt"

	"k8s.io/apimachinery/pkg/labels"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

// labelGlobal makes a Service one of all clusters.
const labelGlobal = "istio.io/global"

// A tunnel is a gateway that an istiod tells node proxies of.
type tunnel struct {
	network, by, address string // by is namespace/name
	port                 int64  // 0 for the usual one
}

// ambientz is what an istiod tells node proxies, as far as it leads to other networks: the
// gateways of the clusters that it reads, those that Gateways of its own cluster stand for,
// and a workload for each global Service of another network.
// https://github.com/istio/istio/blob/1.31.0/pilot/pkg/serviceregistry/ambient/multicluster.go
func (i *istiod) ambientz() map[string]any {
	page := map[string]any{"workloads": nil, "services": nil, "policies": nil}
	if !i.ambient {
		return page
	}
	var workloads []any
	first := map[string]tunnel{} // of each network: the one that is used
	for _, t := range i.tunnels() {
		if _, known := first[t.network]; !known {
			first[t.network] = t
		}
		workloads = append(workloads, map[string]any{"uid": fmt.Sprintf("NetworkGateway/%s/%s/%d", t.network, t.address, t.port)})
	}
	for _, r := range i.sortedRemotes() {
		if r.target == nil || r.state != synced {
			continue
		}
		t, known := first[r.target.network(i.pod.Namespace)]
		if !known {
			continue
		}
		for _, s := range r.target.list(object.ServiceRef("", "").GroupKind(), "", labels.Set{labelGlobal: "true"}.AsSelector()) {
			workloads = append(workloads, map[string]any{
				"uid":            fmt.Sprintf("%s/SplitHorizonWorkload/%s/%s/%[4]s/%[5]s.%[4]s.svc.cluster.local", t.network, t.by, t.address, s.GetNamespace(), s.GetName()),
				"networkGateway": map[string]any{"hboneMtlsPort": cmp.Or(t.port, object.HBONEPort)},
			})
		}
	}
	page["workloads"] = workloads
	return page
}

// tunnels are the gateways that i knows.
func (i *istiod) tunnels() []tunnel {
	out := i.c.tunnels(classRemote)
	for _, r := range i.sortedRemotes() {
		if r.target != nil && r.state == synced {
			out = append(out, r.target.tunnels(classEastWest)...)
		}
	}
	return out
}

// tunnels are the Gateways of a class that say of which network they are. Where another
// cluster's are, the port is the usual one whatever they say.
func (c *Cluster) tunnels(class string) []tunnel {
	var out []tunnel
	for _, g := range c.list(gatewayKind, "", nil) {
		network := labelsOf(g)[object.LabelNetwork]
		if network == "" || text(g, "spec", "gatewayClassName") != class {
			continue
		}
		var port int64
		for _, l := range records(items(g, "spec", "listeners")) {
			if class == classRemote {
				port, _ = l["port"].(int64)
			}
		}
		for _, a := range records(items(g, "status", "addresses")) {
			out = append(out, tunnel{network, g.GetNamespace() + "/" + g.GetName(), str(a, "value"), port})
		}
	}
	return out
}

// network is the one that Istio's namespace says c is on.
func (c *Cluster) network(namespace string) string {
	ns := c.get(object.NamespaceRef(namespace))
	if ns == nil {
		return ""
	}
	return labelsOf(ns)[object.LabelNetwork]
}
