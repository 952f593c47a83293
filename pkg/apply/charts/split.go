package charts

// split takes the east-west gateway out of in. The first result renders
// everything else and is in itself, the second only the gateway; it is nil when
// there is none. A list of ingress gateways with no other entry is removed, so
// that the profile's gateways stay what they would be without this one: the
// renderer replaces lists as a whole.
func (in *input) split() (rest, eastWest *input) {
	list, _ := lookup(in.spec, "components", "ingressGateways").([]any)
	var others, gateways []any
	for _, entry := range list {
		if m, ok := entry.(map[string]any); ok && m["name"] == EastWestGateway {
			gateways = append(gateways, entry)
		} else {
			others = append(others, entry)
		}
	}
	if len(gateways) == 0 {
		return in, nil
	}
	eastWest = &input{namespace: in.namespace, spec: shallow(in.spec)}
	eastWest.spec["components"] = map[string]any{
		"base":            disabled(),
		"pilot":           disabled(),
		"cni":             disabled(),
		"ztunnel":         disabled(),
		"ingressGateways": gateways,
		"egressGateways":  []any{},
	}
	values, _ := in.spec["values"].(map[string]any)
	values = shallow(values)
	values["gateways"] = map[string]any{
		"istio-ingressgateway": map[string]any{"injectionTemplate": "gateway"},
	}
	eastWest.spec["values"] = values
	if unvalidated, ok := in.spec["unvalidatedValues"].(map[string]any); ok {
		unvalidated = shallow(unvalidated)
		delete(unvalidated, "gateways")
		eastWest.spec["unvalidatedValues"] = unvalidated
	}

	components, _ := in.spec["components"].(map[string]any)
	if len(others) == 0 {
		delete(components, "ingressGateways")
	} else {
		components["ingressGateways"] = others
	}
	return in, eastWest
}

func disabled() map[string]any { return map[string]any{"enabled": false} }
