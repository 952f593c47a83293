package topology

import "strings"

// ownedParents are the mappings that owned values are put into.
var ownedParents = []string{
	"meshConfig.defaultConfig", "meshConfig.defaultConfig.proxyMetadata",
	"values.global", "values.global.multiCluster", "values.global.readerServiceAccount",
	"values.pilot", "values.pilot.env",
	"values.meshConfig", "values.meshConfig.defaultConfig", "values.meshConfig.defaultConfig.proxyMetadata",
	"components.base", "components.pilot.k8s", "values.istiodRemote",
	"values.gateways", "values.gateways.istio-ingressgateway", "values.gateways.istio-egressgateway",
}

func checkOwnedParents(t *tree, path string, ps *Problems) {
	for _, p := range ownedParents {
		mustBe(mapping, t, path, strings.Split(p, "."), ps)
	}
}

// mustBe reports the value at keys if it is there and of another kind.
func mustBe(want kind, t *tree, path string, keys []string, ps *Problems) bool {
	v := t.get(keys...)
	if v.isNull() || v.kind == want {
		return true
	}
	noun := "a mapping"
	if want == sequence {
		noun = "a list"
	}
	ps.add(v.at, join(path, keys...), "", "must be %s", noun)
	return false
}
