package topology

// EastWestGateway is the name of the gateway through which other networks reach
// a cluster.
const EastWestGateway = "istio-eastwestgateway"

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
		for _, key := range sortedKeys(c.Gateway.Annotations) {
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
	for _, w := range want.items {
		name, _ := w.get("name").literal()
		first = append(first, list.named(name))
	}
	for _, item := range list.items {
		if name, _ := item.get("name").literal(); want.named(name) == nil {
			rest = append(rest, item)
		}
	}
	list.items = append(first, rest...)
}

// checkEastWest reports what would keep the user's entry for the east-west
// gateway from being completed: it is merged by names.
func checkEastWest(list *tree, path string, ps *Problems) {
	gateway := list.named(EastWestGateway)
	if gateway == nil {
		return
	}
	path += "[name=" + EastWestGateway + "]"
	for _, keys := range [][]string{{"label"}, {"k8s"}, {"k8s", "service"}, {"k8s", "serviceAnnotations"}} {
		mustBe(mapping, gateway, path, keys, ps)
	}
	for _, keys := range [][]string{{"k8s", "env"}, {"k8s", "service", "ports"}} {
		v := gateway.get(keys...)
		if mustBe(sequence, gateway, path, keys, ps) && !v.isNull() && !allNamed(v) {
			ps.add(v.at, dotted(path, keys), "", "every item needs a name of its own")
		}
	}
}
