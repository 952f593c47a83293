package charts

import (
	"maps"
	"slices"
)

// templates refuses what the schemas let pass and a template of the charts refuses,
// without a place.
func (c *checker) templates(spec map[string]any) {
	// https://github.com/istio/istio/blob/1.31.0/manifests/charts/istio-control/istio-discovery/templates/deployment.yaml
	const bundle = "ENABLE_CLUSTER_TRUST_BUNDLE_API"
	if v, ok := lookup(spec, "values", "pilot", "env", bundle).(string); ok {
		c.advise("spec.values.pilot.env."+bundle, "take off the quotes", "must be true or false, not the string %q", v)
		remove(spec, "values", "pilot", "env", bundle)
	}
	// https://github.com/istio/istio/blob/1.31.0/manifests/charts/istio-control/istio-discovery/templates/NOTES.txt
	if lookup(spec, "values", "global", "pilotCertProvider") == "kubernetes" {
		c.advise("spec.values.global.pilotCertProvider", "take it out: istiod signs its own certificate with the CA of its cluster",
			"the CA of Kubernetes no longer signs such certificates")
		remove(spec, "values", "global", "pilotCertProvider")
	}
	tracing := []string{"defaultConfig", "tracing", "stackdriver"}
	for _, tracer := range [][]string{append([]string{"meshConfig"}, tracing...), append([]string{"values", "meshConfig"}, tracing...), {"values", "global", "tracer", "stackdriver"}} {
		for _, key := range []string{"debug", "maxNumberOfAttributes", "maxNumberOfAnnotations", "maxNumberOfMessageEvents"} {
			if at := append(tracer[:len(tracer):len(tracer)], key); lookup(spec, at...) != nil {
				c.advise("spec."+joined(at), "take it out, or name a tracer in meshConfig.extensionProviders", "Stackdriver tracing is no longer in Istio")
				remove(spec, at...)
			}
		}
	}
	c.gatewayClasses(spec)
}

// gatewayClasses wants for each class what is to be changed of each kind.
// https://github.com/istio/istio/blob/1.31.0/manifests/charts/istio-control/istio-discovery/templates/gateway-class-configmap.yaml
func (c *checker) gatewayClasses(spec map[string]any) {
	const path = "values.gatewayClasses"
	classes := lookup(spec, "values", "gatewayClasses")
	all, ok := classes.(map[string]any)
	if !ok && classes != nil {
		c.advise("spec."+path, "write a mapping, CLASS: {KIND: {...}}", "must be a mapping")
		remove(spec, "values", "gatewayClasses")
	}
	for _, class := range slices.Sorted(maps.Keys(all)) {
		if _, ok := all[class].(map[string]any); !ok {
			c.advise("spec."+path+"."+class, "write a mapping, KIND: {...}", "must be a mapping")
			remove(spec, "values", "gatewayClasses", class)
		}
	}
}
