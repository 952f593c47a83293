package topology

import "slices"

// EastWestGateway is the name of the gateway through which other networks reach
// a cluster.
const EastWestGateway = "istio-eastwestgateway"

func checkComponents(t *tree, path string, ps *Problems) {
	if t == nil || t.kind != mapping {
		return
	}
	for _, k := range t.sortedAsWritten() {
		v, here := t.get(k), join(path, k)
		wantList := k == "ingressGateways" || k == "egressGateways"
		switch {
		case isLegacy("components." + k):
		case !slices.Contains(componentKeys, k):
			ps.add(t.keyAt(k), here, didYouMean(k, componentKeys), "unknown key")
		case v.isNull():
		case wantList && v.kind != sequence:
			ps.add(v.at, here, "", "must be a list of gateways, each with a name")
		case wantList:
			checkGateways(v, here, ps)
			checkEastWest(v, here, ps)
		case v.kind != mapping:
			ps.add(v.at, here, "", "must be a mapping")
		}
	}
}

func checkGateways(list *tree, path string, ps *Problems) {
	seen := map[string]Position{}
	for i, item := range list.list() {
		name, ok := item.get("name").literal()
		here := itemPath(path, i, item)
		before, twice := seen[name]
		switch {
		case item.kind != mapping:
			ps.add(item.at, here, "", "must be a mapping")
		case !ok || !dnsLabel.allows(name):
			ps.add(item.at, join(here, "name"), dnsLabel.words, "every gateway needs a name of its own")
		case twice:
			ps.add(item.at, here, "", "is already on line %d", before.Line)
		default:
			seen[name] = item.at
		}
	}
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
			ps.add(v.at, join(path, keys...), "", "every item needs a name of its own")
		}
	}
}
