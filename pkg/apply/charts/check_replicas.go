package charts

import "fmt"

// replicas warns of a number of replicas that an autoscaler overrules: the charts
// make one unless they are told not to.
func (c *checker) replicas(spec map[string]any) {
	warn := func(path string, component any, values ...string) {
		k8s, _ := lookup(map[string]any{"": component}, "", "k8s").(map[string]any)
		if k8s["replicaCount"] == nil || lookup(spec, append(values, "autoscaleEnabled")...) == false || lookup(k8s, "hpaSpec", "minReplicas") != nil {
			return
		}
		if spec["profile"] == "demo" { // which scales nothing
			return
		}
		c.warn(path+".k8s.replicaCount",
			fmt.Sprintf("write hpaSpec: {minReplicas: %v}, or set %s.autoscaleEnabled to false", k8s["replicaCount"], joined(values)),
			"has no effect: an autoscaler decides, and begins with one")
	}
	warn("spec.components.pilot", lookup(spec, "components", "pilot"), "values", "pilot")
	for key, kind := range gatewayKinds {
		list, _ := lookup(spec, "components", key).([]any)
		for i, entry := range list {
			if name, _ := lookup(map[string]any{"": entry}, "", "name").(string); name != EastWestGateway {
				warn(itemPath("spec.components."+key, i, entry), entry, "values", "gateways", "istio-"+kind)
			}
		}
	}
}
