package check

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/observe"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
)

// IDSameScope is the check of Services that are global in some clusters only.
const IDSameScope = "services/same-scope"

// scoped is a cluster in which the label of a Service says whether it is global.
func scoped(e *Evidence, c *plan.Cluster) bool {
	return Joined(e, c) && c.Desired.Ambient && byLabel(c)
}

// byLabel says whether the scopes in the configuration of c are those of Istio's profile.
// https://github.com/istio/istio/blob/1.31.0/manifests/helm-profiles/ambient.yaml
func byLabel(c *plan.Cluster) bool {
	it := c.Item(object.Ref{Kind: "ConfigMap", Namespace: c.Namespace, Name: "istio"})
	if it == nil {
		return false
	}
	text, _, _ := unstructured.NestedString(it.Object.Object, "data", "mesh")
	var mesh struct {
		Scopes any `json:"serviceScopeConfigs"`
	}
	return yaml.Unmarshal([]byte(text), &mesh) == nil && reflect.DeepEqual(mesh.Scopes, any([]any{map[string]any{
		"servicesSelector": map[string]any{"matchExpressions": []any{map[string]any{"key": "istio.io/global", "operator": "In", "values": []any{"true"}}}},
		"scope":            "GLOBAL",
	}}))
}

// judgeSameScope finds Services that are global here or in a cluster before c, and not in
// both, or that have other waypoints there. That Services could not be listed is said by
// another check.
func judgeSameScope(e *Evidence, c *plan.Cluster) []plan.Finding {
	services := e.Probes[c.Name].Services
	before := e.joinedBefore(c)
	var out []plan.Finding
	for _, name := range object.SortedKeys(services) {
		mine := services[name]
		namespace, short, _ := strings.Cut(name, "/")
		f := plan.Finding{Object: object.ServiceRef(namespace, short)}
		if w, there := services[mine.Waypoint]; mine.Global && there && !w.Global {
			local := f
			local.Message = fmt.Sprintf("%s is global, and its waypoint %s is not", f.Object, mine.Waypoint)
			local.Hint = "set the label istio.io/global=true on the Service of the waypoint in each cluster"
			out = append(out, local)
		}
		at := slices.IndexFunc(before, func(o *plan.Cluster) bool { _, there := e.Probes[o.Name].Services[name]; return there })
		if at < 0 {
			continue
		}
		f.Peer = before[at].Name
		if f.Message, f.Hint = scopeUnlike(f.Object, mine, e.Probes[f.Peer].Services[name], c.Name, f.Peer); f.Message != "" {
			out = append(out, f)
		}
	}
	return out
}

// scopeUnlike is how a Service of two clusters is not one for ambient pods, and what to do;
// "" where it is, or is to be in neither.
func scopeUnlike(ref object.Ref, mine, theirs observe.Shape, here, there string) (message, hint string) {
	switch {
	case mine.Global != theirs.Global:
		in, not := here, there
		if theirs.Global {
			in, not = there, here
		}
		return fmt.Sprintf("%s is global in %s, and not in %s: ambient pods of %s do not reach its pods in other clusters", ref, in, not, not),
			"give it the label istio.io/global=true in both clusters, or in none"
	case mine.Global && mine.Waypoint != theirs.Waypoint:
		return fmt.Sprintf("%s has waypoint %s, but %s in %s: a global Service has to have the same everywhere", ref, orNone(mine.Waypoint), orNone(theirs.Waypoint), there),
			"set its label istio.io/use-waypoint alike in both clusters"
	}
	return "", ""
}
