package charts

// networkLabel makes the Service of a gateway one between networks:
// https://istio.io/latest/docs/reference/config/labels/#TopologyNetwork
const networkLabel = "topology.istio.io/network"

// networks warns of gateways that istiod takes for the one of a network, beside the
// east-west gateway that setup-mesh makes.
func (c *checker) networks(spec map[string]any) {
	for key := range gatewayKinds {
		list, _ := lookup(spec, "components", key).([]any)
		for i, entry := range list {
			one := map[string]any{"": entry}
			if lookup(one, "", "name") == EastWestGateway || lookup(one, "", "enabled") == false {
				continue
			}
			if network, _ := lookup(one, "", "label", networkLabel).(string); network != "" {
				c.warn(itemPath("spec.components."+key, i, entry)+".label."+networkLabel,
					"take the label out: setup-mesh makes a gateway for each network, "+EastWestGateway,
					"makes this one a gateway between networks too")
			}
		}
	}
}
