package charts

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
)

// replicas warns of what the renderer drops because what it is about is not there:
// whether there is an autoscaler or a disruption budget is for values to say.
func (c *checker) replicas(spec map[string]any) {
	c.scaled(spec, "spec.components.pilot", lookup(spec, "components", "pilot"), "pilot")
	for key, kind := range gatewayKinds {
		list, _ := lookup(spec, "components", key).([]any)
		for i, entry := range list {
			if name, _ := lookup(map[string]any{"": entry}, "", "name").(string); name != EastWestGateway {
				c.scaled(spec, itemPath("spec.components."+key, i, entry), entry, "gateways", "istio-"+kind)
			}
		}
	}
	for _, component := range []string{"base", "cni", "ztunnel"} {
		k8s, _ := lookup(spec, "components", component, "k8s").(map[string]any)
		for _, key := range slices.Sorted(maps.Keys(k8s)) {
			if component == "base" && key != "overlays" || slices.Contains(deploymentKeys, key) {
				c.warn("spec.components."+component+".k8s."+key, "take it out", "has no effect: %s has no Deployment and no Service", component)
			}
		}
	}
}

// deploymentKeys are those of a k8s section that are about Deployments and their Services.
var deploymentKeys = []string{"hpaSpec", "podDisruptionBudget", "replicaCount", "service", "serviceAnnotations"}

// scaled judges the k8s section of a component, whose values are at a path below values.
func (c *checker) scaled(spec map[string]any, path string, component any, at ...string) {
	k8s, _ := lookup(map[string]any{"": component}, "", "k8s").(map[string]any)
	value := func(key string) any { return lookup(spec, slices.Concat([]string{"values"}, at, []string{key})...) }
	values := joined(append([]string{"values"}, at...))
	scales, set := value("autoscaleEnabled").(bool)
	if !set {
		scales = spec["profile"] != "demo" // which scales nothing
	}
	least := lookup(k8s, "hpaSpec", "minReplicas")
	switch {
	case !scales:
		least = cmp.Or(k8s["replicaCount"], value("replicaCount"))
		if k8s["hpaSpec"] != nil {
			c.warn(path+".k8s.hpaSpec", fmt.Sprintf("set %s.autoscaleEnabled to true, or write replicaCount instead", values), "has no effect: there is no autoscaler")
		}
	case k8s["replicaCount"] != nil && least == nil:
		c.warn(path+".k8s.replicaCount", fmt.Sprintf("write hpaSpec: {minReplicas: %v}, or set %s.autoscaleEnabled to false", k8s["replicaCount"], values),
			"has no effect: an autoscaler decides, and begins with one")
	}
	if scales {
		least = cmp.Or(least, value("autoscaleMin"))
	}
	if n, err := strconv.ParseFloat(fmt.Sprint(least), 64); k8s["podDisruptionBudget"] != nil && (least == nil || err == nil && n < 2) {
		hint := "write hpaSpec: {minReplicas: 2}"
		if !scales {
			hint = "write replicaCount: 2"
		}
		c.warn(path+".k8s.podDisruptionBudget", hint, "has no effect: there is a budget only for two pods or more")
	}
}
