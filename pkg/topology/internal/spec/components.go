package spec

import (
	"slices"
	"strings"

	"github.com/setup-mesh/setup-mesh/pkg/topology/internal/names"
	"github.com/setup-mesh/setup-mesh/pkg/topology/internal/tree"
)

// EastWestGateway is the name of the gateway through which other networks reach
// a cluster.
const EastWestGateway = "istio-eastwestgateway"

func checkComponents(t *tree.Tree, path string, ps *tree.Problems) {
	if t == nil || t.Kind != tree.Mapping {
		return
	}
	for _, k := range t.Keys() {
		v, here := t.Get(k), tree.Join(path, k)
		wantList := k == "ingressGateways" || k == "egressGateways"
		switch {
		case !slices.Contains(componentKeys, k):
			ps.Add(t.KeyAt(k), here, names.OneOf(k, componentKeys), "unknown key")
		case v.IsNull():
		case wantList && v.Kind != tree.Sequence:
			ps.Add(v.At, here, "write - name: "+usualName(path+"."+k)+" below it, and its settings below that", "must be a list of gateways, each with a name")
		case wantList:
			checkGateways(v, here, ps)
			checkEastWest(v, here, ps)
		case v.Kind != tree.Mapping:
			ps.MustBe(tree.AMapping, v, here)
		}
	}
}

func checkGateways(list *tree.Tree, path string, ps *tree.Problems) {
	seen := map[string]tree.Position{}
	for i, item := range list.List() {
		name, ok := item.Get("name").Literal()
		here := tree.ItemPath(path, i, item)
		before, twice := seen[name]
		switch {
		case item.Kind != tree.Mapping:
			ps.MustBe(tree.AMapping, item, here)
		case item.Get("name").IsNull() && list.Named(usualName(path)) == nil:
			ps.Add(item.At, tree.Join(here, "name"), "write name: "+usualName(path), "every gateway needs a name of its own")
		case !ok || !names.DNSLabel.Allows(name):
			ps.Add(item.At, tree.Join(here, "name"), names.DNSLabel.Words, "every gateway needs a name of its own")
		case twice:
			ps.Add(item.At, here, "keep one of the two, or give this one another name", "is already on line %d", before.Line)
		default:
			seen[name] = item.At
		}
	}
}

// usualName is what Istio's profiles call the gateway of a list.
func usualName(list string) string {
	if strings.HasSuffix(list, "egressGateways") {
		return "istio-egressgateway"
	}
	return "istio-ingressgateway"
}

// checkEastWest reports what would keep the user's entry for the east-west
// gateway from being completed: it is merged by names.
func checkEastWest(list *tree.Tree, path string, ps *tree.Problems) {
	gateway := list.Named(EastWestGateway)
	if gateway == nil {
		return
	}
	path += "[name=" + EastWestGateway + "]"
	for _, keys := range [][]string{{"label"}, {"k8s"}, {"k8s", "service"}, {"k8s", "serviceAnnotations"}} {
		mustBe(tree.Mapping, gateway, path, keys, ps)
	}
	for _, keys := range [][]string{{"k8s", "env"}, {"k8s", "service", "ports"}} {
		v := gateway.Get(keys...)
		if mustBe(tree.Sequence, gateway, path, keys, ps) && !v.IsNull() && !tree.AllNamed(v) {
			ps.Add(v.At, tree.Join(path, keys...), "write name: NAME into each, and no name twice: items are merged by their names", "every item needs a name of its own")
		}
	}
}
