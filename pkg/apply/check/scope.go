package check

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/observe"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
)

// IDSameScope is the check of Services that are global in some clusters only.
const IDSameScope = "services/same-scope"

// scoped is a cluster in which it matters whether a Service is global.
func scoped(e *Evidence, c *plan.Cluster) bool { return Joined(e, c) && c.Desired.Ambient }

// Scopes are what is global for clients in c: by its configuration, which is the same in all
// clusters.
func Scopes(c *plan.Cluster) ([]observe.Scope, error) {
	it := c.Item(object.MeshConfigRef(c.Namespace))
	if it == nil {
		return nil, nil
	}
	text, _, _ := unstructured.NestedString(it.Object.Object, "data", "mesh")
	return observe.GlobalScopes(text)
}

// judgeSameScope finds Services that are global here or in a cluster before c, and not in
// both, or that have other waypoints there, and waypoints of theirs that differ. That
// Services could not be listed is said by another check.
func judgeSameScope(e *Evidence, c *plan.Cluster) []plan.Finding {
	if err := e.Probes[c.Name].ScopesErr; err != nil {
		message := fmt.Sprintf("could not find out which of its Services are global, and by which waypoints: %v", err)
		return []plan.Finding{Unread(c, err, message, "list namespaces, and gateways.gateway.networking.k8s.io, in all namespaces")}
	}
	before := slices.DeleteFunc(e.joinedBefore(c), func(o *plan.Cluster) bool { return e.Probes[o.Name].ScopesErr != nil })
	services := e.Probes[c.Name].Services
	var out []plan.Finding
	waypoints := map[string]bool{}
	for _, name := range object.SortedKeys(services) {
		mine := services[name]
		if mine.Global && mine.Waypoint != "" {
			waypoints[mine.Waypoint] = true
		}
		at := slices.IndexFunc(before, func(o *plan.Cluster) bool { _, there := e.Probes[o.Name].Services[name]; return there })
		if at < 0 {
			continue
		}
		namespace, short, _ := strings.Cut(name, "/")
		f := plan.Finding{Object: object.ServiceRef(namespace, short), Peer: before[at].Name}
		if f.Message, f.Hint = scopeUnlike(f.Object, mine, e.Probes[f.Peer].Services[name], c.Name, f.Peer); f.Message != "" {
			out = append(out, f)
		}
	}
	for _, name := range object.SortedKeys(waypoints) {
		out = append(out, e.waypoint(c, before, name)...)
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
			"give it, and its namespace, the same labels in both clusters: meshConfig.serviceScopeConfigs go by these, and by istio.io/global=true where base.yaml has none"
	case mine.Global && mine.Waypoint != theirs.Waypoint:
		return fmt.Sprintf("%s has waypoint %s, but %s in %s: a global Service has to have the same everywhere", ref, orNone(mine.Waypoint), orNone(theirs.Waypoint), there),
			"set the label istio.io/use-waypoint alike in both clusters, on the Service or on its namespace"
	}
	return "", ""
}

// waypoint finds what is wrong with a waypoint of global Services of c: it has to be there, to
// be global itself, and to be the same as in the clusters before.
// https://istio.io/latest/docs/ambient/install/multicluster/failover/
func (e *Evidence) waypoint(c *plan.Cluster, before []*plan.Cluster, name string) []plan.Finding {
	namespace, short, _ := strings.Cut(name, "/")
	f := plan.Finding{Object: object.Ref{Group: object.GatewayAPIGroup, Kind: "Gateway", Namespace: namespace, Name: short}}
	mine, here := e.Probes[c.Name].Waypoints[name]
	if !here {
		f.Message = fmt.Sprintf("there is no %s, which is the waypoint of global Services", f.Object)
		f.Hint = "apply it as in the other clusters, or take the label istio.io/use-waypoint off"
		return []plan.Finding{f}
	}
	var out []plan.Finding
	if own, there := e.Probes[c.Name].Services[name]; there && !own.Global {
		local := f
		local.Message = fmt.Sprintf("%s is the waypoint of global Services, and is not global itself", f.Object)
		local.Hint = "give the Gateway the label istio.io/global=true, in each cluster: istiod puts it on the Service"
		out = append(out, local)
	}
	for _, o := range before {
		if theirs, there := e.Probes[o.Name].Waypoints[name]; there {
			f.Peer, f.Message, f.Hint = o.Name, waypointUnlike(f.Object, mine, theirs, o.Name), "apply the same waypoint in both clusters"
			if f.Message != "" {
				out = append(out, f)
			}
			break
		}
	}
	return out
}

// waypointUnlike is how a waypoint differs from that of another cluster, "" where it does not.
func waypointUnlike(ref object.Ref, mine, theirs observe.Waypoint, there string) string {
	switch {
	case mine.Class != theirs.Class:
		return fmt.Sprintf("%s is of class %s, but of class %s in %s", ref, mine.Class, theirs.Class, there)
	case mine.For != theirs.For:
		return fmt.Sprintf("%s is for traffic to %s, but to %s in %s (label istio.io/waypoint-for)", ref, mine.For, theirs.For, there)
	case mine.Listeners != theirs.Listeners:
		return fmt.Sprintf("%s has other listeners than in %s", ref, there)
	}
	return ""
}
