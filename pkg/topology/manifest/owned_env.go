package manifest

import (
	"strconv"

	"github.com/setup-mesh/setup-mesh/pkg/topology"
	"github.com/setup-mesh/setup-mesh/pkg/topology/internal/tree"
)

// A variable of an environment is decided by the topology, wherever base.yaml has it.
type variable struct{ name, value string }

// environments keeps the environments of proxies and istiods from saying otherwise
// what owned values say: which cluster, network and mesh a proxy is in. A gateway that
// says another network sends requests to addresses that it does not reach.
// https://istio.io/latest/docs/reference/commands/pilot-agent/#envvars
func (o *owner) environments() {
	proxies := []variable{
		{"ISTIO_META_NETWORK", o.cluster.Network},
		{"ISTIO_META_CLUSTER_ID", o.cluster.Name},
		{"ISTIO_META_MESH_ID", o.mesh.ID},
		{"TRUST_DOMAIN", o.mesh.TrustDomain},
	}
	istiods := []variable{{MultiNetwork, strconv.FormatBool(o.mode.Ambient)}, {"CLUSTER_ID", o.cluster.Name}, {"ISTIO_MULTIROOT_MESH", "true"}}
	for _, keys := range [][]string{
		{"meshConfig", "defaultConfig", "proxyMetadata"},
		{"values", "meshConfig", "defaultConfig", "proxyMetadata"},
		{"values", "gateways", "istio-ingressgateway", "env"},
		{"values", "gateways", "istio-egressgateway", "env"},
	} {
		for _, v := range proxies {
			o.setIfThere(v.value, append(keys[:len(keys):len(keys)], v.name)...)
		}
	}
	for _, list := range []string{"ingressGateways", "egressGateways"} {
		for i, gateway := range o.spec.Get("components", list).List() {
			o.environment(gateway.Get("k8s", "env"), tree.ItemPath("components."+list, i, gateway)+".k8s.env", proxies)
		}
	}
	for _, v := range istiods {
		o.setIfThere(v.value, "values", "pilot", "env", v.name)
	}
	o.environment(o.spec.Get("components", "pilot", "k8s", "env"), "components.pilot.k8s.env", istiods) // applied after the values
}

// environment sets those of the variables that a list of them has.
func (o *owner) environment(list *tree.Tree, path string, variables []variable) {
	for _, v := range variables {
		item := list.Named(v.name)
		if item == nil || item.Kind != tree.Mapping {
			continue
		}
		want := tree.FromPlain(v.value)
		at := path + "[name=" + v.name + "]"
		o.warnUnless(want, item.Get("value"), at+".value")
		if from := item.Get("valueFrom"); !from.IsNull() {
			o.warnUnless(want, from, at+".valueFrom")
		}
		item.Put("value", topology.Position{}, want)
		item.Drop("valueFrom")
	}
}
