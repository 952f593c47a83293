package spec

import (
	"strings"

	"github.com/setup-mesh/setup-mesh/pkg/topology/internal/tree"
)

// ownedParents are the mappings that owned values are put into.
var ownedParents = []string{
	"meshConfig.defaultConfig", "meshConfig.defaultConfig.proxyMetadata",
	"values.global", "values.global.multiCluster", "values.global.readerServiceAccount",
	"values.pilot", "values.pilot.env",
	"values.meshConfig", "values.meshConfig.defaultConfig", "values.meshConfig.defaultConfig.proxyMetadata",
	"components.base", "components.pilot.k8s", "values.istiodRemote",
	"values.gateways", "values.gateways.istio-ingressgateway", "values.gateways.istio-egressgateway",
}

func checkOwnedParents(t *tree.Tree, path string, ps *tree.Problems) {
	for _, p := range ownedParents {
		mustBe(tree.Mapping, t, path, strings.Split(p, "."), ps)
	}
}

// mustBe reports the value at keys if it is there and of another kind.
func mustBe(want tree.Kind, t *tree.Tree, path string, keys []string, ps *tree.Problems) bool {
	v := t.Get(keys...)
	if v.IsNull() || v.Kind == want {
		return true
	}
	shape := tree.AMapping
	if want == tree.Sequence {
		shape = tree.AList
	}
	ps.MustBe(shape, v, tree.Join(path, keys...))
	return false
}
