package topology

import (
	"maps"
	"slices"
)

// eastWestGateway is the entry of components.ingressGateways that
// samples/multicluster/gen-eastwest-gateway.sh --network makes, with the annotations
// of topology.yaml:
// https://github.com/istio/istio/blob/1.31.0/samples/multicluster/gen-eastwest-gateway.sh
func eastWestGateway(c Cluster) *tree {
	network := c.Network
	port := func(name string, number int64) any {
		return map[string]any{"name": name, "port": number, "targetPort": number}
	}
	want := fromPlain(map[string]any{
		"name":    EastWestGateway,
		"enabled": true,
		"label": map[string]any{
			"istio":                     "eastwestgateway",
			"app":                       EastWestGateway,
			"topology.istio.io/network": network,
		},
		"k8s": map[string]any{
			// Traffic through this gateway is routed inside its network.
			"env": []any{map[string]any{"name": "ISTIO_META_REQUESTED_NETWORK_VIEW", "value": network}},
			"service": map[string]any{"ports": []any{
				port("status-port", 15021), // first: some load balancers probe the first port
				port("tls", 15443),
				port("tls-istiod", 15012),
				port("tls-webhook", 15017),
			}},
		},
	})
	if len(c.Gateway.Annotations) > 0 {
		annotations := newMapping()
		for _, key := range slices.Sorted(maps.Keys(c.Gateway.Annotations)) {
			annotations.put(key, Position{}, fromPlain(c.Gateway.Annotations[key]))
		}
		want.get("k8s").put("serviceAnnotations", Position{}, annotations)
	}
	return want
}

// completeGateway merges want over the user's entry. Variables and ports of want
// come first, in want's order.
func completeGateway(user, want *tree) *tree {
	out := merge(user, want)
	out.drop("namespace")
	wantFirst(out.get("k8s", "env"), want.get("k8s", "env"))
	wantFirst(out.get("k8s", "service", "ports"), want.get("k8s", "service", "ports"))
	return out
}

func wantFirst(list, want *tree) {
	var first, rest []*tree
	for _, w := range want.list() {
		name, _ := w.get("name").literal()
		first = append(first, list.named(name))
	}
	for _, item := range list.list() {
		if name, _ := item.get("name").literal(); want.named(name) == nil {
			rest = append(rest, item)
		}
	}
	list.items = append(first, rest...)
}

// eastWestGateway adds the gateway, or completes the user's entry of that name.
// It is rendered as an installation of its own, so the gateways of the profile
// stay as they are.
func (o *owner) eastWestGateway() {
	if c := o.spec.get("components"); c == nil || c.kind != mapping {
		o.spec.put("components", Position{}, newMapping())
	}
	components := o.spec.get("components")
	list := components.get("ingressGateways")
	if list == nil || list.kind != sequence {
		list = &tree{kind: sequence}
		components.put("ingressGateways", Position{}, list)
	}
	mine := list.named(EastWestGateway)
	want := eastWestGateway(o.cluster)
	if mine == nil {
		list.items = append(list.items, want)
		return
	}
	path := "components.ingressGateways[name=" + EastWestGateway + "]"
	o.warnDifferent(want, mine, path)
	if ns := mine.get("namespace"); !ns.isNull() {
		o.warn(ns.at, path+".namespace", "is not used: the gateway is in the namespace that Istio is in")
	}
	i := slices.Index(list.items, mine)
	list.items[i] = completeGateway(mine, want)
}

// noEastWestGateway takes the user's entry for the gateway out of a cluster that
// needs none. An entry of base.yaml may be for another cluster.
func (o *owner) noEastWestGateway() {
	list := o.spec.get("components", "ingressGateways")
	mine := list.named(EastWestGateway)
	if mine == nil {
		return
	}
	at := mine.at
	entry := o.cluster.Written().get("components", "ingressGateways").named(EastWestGateway)
	if entry != nil {
		at = entry.at
	}
	if entry != nil || !slices.ContainsFunc(o.mesh.Clusters, o.mesh.HasGateway) {
		o.warnings.add(at, o.path(at, "components.ingressGateways[name="+EastWestGateway+"]"), "",
			"is not used: the mesh has one network, and the cluster serves no remote cluster")
	}
	if i := slices.Index(list.items, mine); len(list.items) > 1 {
		list.items = slices.Delete(list.items, i, i+1)
		return
	}
	o.spec.get("components").drop("ingressGateways") // an empty list would replace the profile's
}
