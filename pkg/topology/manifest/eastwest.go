package manifest

import (
	"maps"
	"slices"

	"github.com/setup-mesh/setup-mesh/pkg/topology"
	"github.com/setup-mesh/setup-mesh/pkg/topology/internal/spec"
	"github.com/setup-mesh/setup-mesh/pkg/topology/internal/tree"
)

// eastWestGateway is the entry of components.ingressGateways that
// samples/multicluster/gen-eastwest-gateway.sh --network makes, with the annotations
// of topology.yaml:
// https://github.com/istio/istio/blob/1.31.0/samples/multicluster/gen-eastwest-gateway.sh
func eastWestGateway(c topology.Cluster) *tree.Tree {
	network := c.Network
	port := func(name string, number int64) any {
		return map[string]any{"name": name, "port": number, "targetPort": number}
	}
	want := tree.FromPlain(map[string]any{
		"name":    spec.EastWestGateway,
		"enabled": true,
		"label": map[string]any{
			"istio":                     "eastwestgateway",
			"app":                       spec.EastWestGateway,
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
		annotations := tree.NewMapping()
		for _, key := range slices.Sorted(maps.Keys(c.Gateway.Annotations)) {
			annotations.Put(key, topology.Position{}, tree.FromPlain(c.Gateway.Annotations[key]))
		}
		want.Get("k8s").Put("serviceAnnotations", topology.Position{}, annotations)
	}
	return want
}

// completeGateway merges want over the user's entry. Variables and ports of want
// come first, in want's order.
func completeGateway(user, want *tree.Tree) *tree.Tree {
	out := tree.Merge(user, want)
	out.Drop("namespace")
	wantFirst(out.Get("k8s", "env"), want.Get("k8s", "env"))
	wantFirst(out.Get("k8s", "service", "ports"), want.Get("k8s", "service", "ports"))
	return out
}

// nameAsWanted gives ports of the numbers that are wanted the names that those have:
// lists are merged by names, and an API server tells ports apart by their numbers.
func nameAsWanted(ports, want *tree.Tree) {
	for _, p := range ports.List() {
		number, _ := p.Get("port").Literal()
		name, _ := p.Get("name").Literal()
		for _, w := range want.List() {
			if number == w.Get("port").Text && want.Named(name) == nil {
				p.Put("name", p.KeyAt("name"), w.Get("name").Clone())
			}
		}
	}
}

func wantFirst(list, want *tree.Tree) {
	var first, rest []*tree.Tree
	for _, w := range want.List() {
		name, _ := w.Get("name").Literal()
		first = append(first, list.Named(name))
	}
	for _, item := range list.List() {
		if name, _ := item.Get("name").Literal(); want.Named(name) == nil {
			rest = append(rest, item)
		}
	}
	list.Items = append(first, rest...)
}

// eastWestGateway adds the gateway, or completes the user's entry of that name.
// It is rendered as an installation of its own, so the gateways of the profile
// stay as they are.
func (o *owner) eastWestGateway() {
	if c := o.spec.Get("components"); c == nil || c.Kind != tree.Mapping {
		o.spec.Put("components", topology.Position{}, tree.NewMapping())
	}
	components := o.spec.Get("components")
	list := components.Get("ingressGateways")
	if list == nil || list.Kind != tree.Sequence {
		list = &tree.Tree{Kind: tree.Sequence}
		components.Put("ingressGateways", topology.Position{}, list)
	}
	o.noOtherGateway(list)
	mine := list.Named(spec.EastWestGateway)
	want := eastWestGateway(o.cluster)
	if mine == nil {
		list.Items = append(list.Items, want)
		return
	}
	i := slices.Index(list.Items, mine)
	mine = mine.Clone()
	nameAsWanted(mine.Get("k8s", "service", "ports"), want.Get("k8s", "service", "ports"))
	path := "components.ingressGateways[name=" + spec.EastWestGateway + "]"
	o.warnDifferent(want, mine, path)
	if ns := mine.Get("namespace"); !ns.IsNull() {
		o.warn(ns.At, path+".namespace", "is not used: the gateway is always in Istio's namespace")
	}
	list.Items[i] = completeGateway(mine, want)
}

// noOtherGateway says of a list in base.yaml without another gateway that it has
// none: such a list replaces the profile's, which has one. One in an overlay only adds
// to what the cluster has.
func (o *owner) noOtherGateway(list *tree.Tree) {
	if others := slices.ContainsFunc(list.Items, func(item *tree.Tree) bool {
		name, _ := item.Get("name").Literal()
		return name != spec.EastWestGateway
	}); others || list.At.IsZero() || list.At.File == o.mesh.File {
		return
	}
	list.Items = append(list.Items, tree.FromPlain(map[string]any{"name": "istio-ingressgateway", "enabled": false}))
}

// noEastWestGateway takes the user's entry for the gateway out of a cluster that
// needs none. An entry of base.yaml may be for another cluster.
func (o *owner) noEastWestGateway() {
	list := o.spec.Get("components", "ingressGateways")
	mine := list.Named(spec.EastWestGateway)
	if mine == nil {
		return
	}
	at := mine.At
	entry := o.cluster.Written().Get("components", "ingressGateways").Named(spec.EastWestGateway)
	if entry != nil {
		at = entry.At
	}
	if entry != nil || !slices.ContainsFunc(o.mesh.Clusters, o.mesh.HasGateway) {
		o.warnings.Add(at, o.path(at, "components.ingressGateways[name="+spec.EastWestGateway+"]"), "",
			"is not used: the mesh has one network, and the cluster serves no remote cluster")
	}
	o.noOtherGateway(list)
	i := slices.Index(list.Items, mine)
	list.Items = slices.Delete(list.Items, i, i+1)
}
