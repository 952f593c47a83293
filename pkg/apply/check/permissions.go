package check

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/setup-mesh/setup-mesh/pkg/apply/desired"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
	"github.com/setup-mesh/setup-mesh/pkg/apply/rbac"
	"github.com/setup-mesh/setup-mesh/pkg/apply/record"
	"github.com/setup-mesh/setup-mesh/pkg/apply/world"
)

// IsRole says whether r holds rules.
func IsRole(r object.Ref) bool {
	return r.Group == object.RBACGroup && (r.Kind == "ClusterRole" || r.Kind == "Role")
}

// Escalates says whether a is the right to put more into a role than one holds.
func Escalates(a object.Access) bool { return a.Group == object.RBACGroup && a.Verb == "escalate" }

// binds says whether a is the right to bind a role that holds more than oneself.
func binds(a object.Access) bool { return a.Group == object.RBACGroup && a.Verb == "bind" }

// Needs lists what the user of c's context has to be allowed for an apply,
// beside reading what the plan read; sorted, and nothing where an apply does
// nothing in c.
func (e *Evidence) Needs(c *plan.Cluster) []object.Access {
	n := needs{}
	for _, ch := range c.Changes {
		if ch.Pending() {
			n.change(ch)
		}
	}
	for _, ch := range c.Changes {
		if ch.Item != nil && !ch.Aside && object.ClassOf(c.Live.Objects[ch.Object].DryErr) == object.Forbidden {
			n.put(ch.Object, nil)
		}
	}
	switch {
	case len(n) == 0:
	case c.Leaving:
		n.leave(c)
	default:
		n.stay(e, c)
	}
	if c.Removing(order.NodeProxies) { // whom nobody may be sent to
		n.add(object.NamespaceRef(""), "list")
		n.add(object.Ref{Kind: "Pod"}, "list")
	}
	for _, claim := range []order.Claim{order.Trusts, order.Signed, order.Listed} {
		if e.proofs[order.Fact{Cluster: c.Name, Claim: claim}] {
			n.trusted()
		}
	}
	if e.proofs[order.Fact{Cluster: c.Name, Claim: order.Named}] {
		n.proxies()
	}
	// What is minted in other clusters out of c: tokens, and the address of the
	// gateway.
	for _, ch := range e.minted[c.Name] {
		for _, a := range ch.Item.Late.Access(c.Live) {
			n[a] = true
		}
	}
	return slices.SortedFunc(maps.Keys(n), compareAccess)
}

// needs is a set.
type needs map[object.Access]bool

// add needs verbs on the objects of ref's kind in ref's namespace.
func (n needs) add(ref object.Ref, verbs ...string) {
	for _, v := range verbs {
		n[object.AccessTo(v, ref)] = true
	}
}

// sub needs a verb on a subresource of the objects of ref's kind.
func (n needs) sub(ref object.Ref, subresource, verb string) {
	a := object.AccessTo(verb, ref)
	a.Subresource = subresource
	n[a] = true
}

// change needs what [execute.Apply] does to make a change, and to wait for its effect.
func (n needs) change(ch plan.Change) {
	switch ch.Action {
	case plan.Create:
		// A server-side apply that creates is authorized as both; the next plan
		// has to read the object.
		n.add(ch.Object, "get", "create")
		n.put(ch.Object, ch.Item)
	case plan.Update:
		n.put(ch.Object, ch.Item)
		if ch.Replace {
			n.add(ch.Object, "delete", "create")
		}
		if ch.LetGo && ch.Object.Kind == "Service" {
			n.add(ch.Object, "get")
		}
	case plan.Delete:
		n.add(ch.Object, "delete")
		if desired.Workloads[ch.Object.Kind] || object.IsCRD(ch.Object) || ch.Object.Kind == "Namespace" {
			n.add(ch.Object, "list", "watch")
		}
	}
}

// put needs to apply an object; of a role also what Kubernetes wants of those
// who grant more than they hold.
// https://kubernetes.io/docs/reference/access-authn-authz/rbac/#privilege-escalation-prevention-and-bootstrapping
func (n needs) put(ref object.Ref, it *desired.Item) {
	n.add(ref, "patch")
	if IsRole(ref) {
		n.add(ref, "escalate")
	}
	if it == nil || ref.Group != object.RBACGroup {
		return
	}
	if kind, _, _ := unstructured.NestedString(it.Object.Object, "roleRef", "kind"); kind != "" {
		n.add(object.Ref{Group: object.RBACGroup, Kind: kind, Namespace: ref.Namespace}, "bind")
	}
}

// lock needs what [kube.Cluster.Lock] and the look at the record under it do.
func (n needs) lock(c *plan.Cluster) {
	n.add(object.Ref{Group: "coordination.k8s.io", Kind: "Lease", Namespace: c.Namespace}, "get", "create", "update", "delete")
	n.add(record.Ref(c.Namespace), "get")
}

func (n needs) leave(c *plan.Cluster) {
	if c.Live.Object(object.NamespaceRef(c.Namespace)) != nil {
		n.lock(c)
	}
}

// stay needs what an apply does in a cluster of the mesh beside the changes: it
// writes the record, waits, and has the istiods asked whom they discover.
func (n needs) stay(e *Evidence, c *plan.Cluster) {
	n.lock(c)
	n.add(record.Ref(c.Namespace), "patch")
	if e.Plan.Ends() {
		return // no istiod is asked
	}
	pod := object.Ref{Kind: "Pod", Namespace: c.Namespace}
	for ref := range c.Live.Ending {
		n.add(ref, "list", "watch")
	}
	if puts(c, order.Rendered()...) {
		if c.Wants(object.IstiodRef(c.Namespace)) || c.Desired.Gateway {
			n.add(object.IstiodRef(c.Namespace), "list", "watch")
			n.add(pod, "list")
		}
		if c.Wants(object.ValidatorRef(c.Namespace)) {
			n.add(object.ValidatorRef(c.Namespace), "list", "watch")
			n.add(object.RefOf(desired.ProbeGateway(c.Namespace)), "create")
		}
		if c.Desired.Gateway {
			n.add(object.GatewayServiceRef(c.Namespace), "list", "watch")
			n.add(object.Ref{Kind: "Event", Namespace: c.Namespace}, "list")
			if it := c.Item(object.GatewayServiceRef(c.Namespace)); it != nil && world.NodeSelector(it.Object) != nil {
				n.add(object.Ref{Kind: "Node"}, "list")
			}
		}
	}
	n.ambient(c)
	addresses := object.Ref{Group: "discovery.k8s.io", Kind: "EndpointSlice", Namespace: c.Namespace}
	if c.Removing(order.Endpoints) && !c.Remote() { // waits for endpoints of its own
		n.add(addresses, "list")
	}
	if e.proofs[order.Fact{Cluster: c.Name, Claim: order.Serves}] {
		n.switched(c, addresses)
	}
	if c.Remote() || e.proofs[order.Fact{Cluster: c.Name, Claim: order.Injected}] {
		n.served(c)
	}
	if c.Remote() {
		return
	}
	if len(c.Reads) > 0 || slices.ContainsFunc(c.Changes, func(ch plan.Change) bool { return ch.Pending() && ch.Component == order.RemoteAccess }) {
		n.add(pod, "list")
		n.sub(pod, "portforward", "create")
	}
}

// switched needs what the proof of serving puts into c and takes out again, and
// to remove the endpoints that Kubernetes made for an istiod of c itself.
func (n needs) switched(c *plan.Cluster, addresses object.Ref) {
	n.add(object.IstiodServiceRef(c.Namespace), "get", "create", "patch", "delete")
	n.add(addresses, "get", "list", "create", "patch", "delete")
	n.add(desired.ProbeWebhookRef(c.Namespace), "get", "create", "patch", "delete")
	n.add(object.Ref{Kind: "Endpoints", Namespace: c.Namespace}, "delete")
}

// trusted needs what the proofs of a rotation do: they ask all proxies for their
// certificates, and read the roots that namespaces are given.
func (n needs) trusted() {
	n.proxies()
	n.add(object.InjectorRef(""), "get")
	n.add(object.ValidatorRef(""), "get")
	n.add(object.Ref{Kind: "ConfigMap"}, "list")
	n.add(object.Ref{Kind: "Namespace"}, "list")
}

// proxies needs what asking all proxies for their certificates does.
func (n needs) proxies() {
	n.add(object.Ref{Kind: "Pod"}, "get", "list")
	n.sub(object.Ref{Kind: "Pod"}, "portforward", "create")
}

// served needs what the proof of injection does: it waits, and tries whether a pod would be
// injected.
func (n needs) served(c *plan.Cluster) {
	n.add(object.Ref{Kind: "Pod", Namespace: c.Namespace}, "create")
	n.add(object.RootConfigMapRef(c.Namespace), "list", "watch")
	if c.Wants(object.InjectorRef(c.Namespace)) {
		n.add(object.InjectorRef(c.Namespace), "list", "watch")
	}
}

func compareAccess(a, b object.Access) int {
	return cmp.Or(cmp.Compare(a.Group, b.Group), cmp.Compare(a.Resource, b.Resource), cmp.Compare(a.Subresource, b.Subresource),
		cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Verb, b.Verb))
}

// permissionChecks are about the users of contexts.
func permissionChecks() []Check {
	return []Check{{ID: "cluster/permissions", Severity: Refuses, Asks: []Question{AskPermissions}, Applies: needsPermissions, Judge: judgePermissions}}
}

func needsPermissions(e *Evidence, c *plan.Cluster) bool {
	return reached(e, c) && len(e.Needs(c)) > 0
}

// judgePermissions refuses what a user may not do, with what would grant it.
func judgePermissions(e *Evidence, c *plan.Cluster) []plan.Finding {
	seen := e.inspection[c.Name]
	switch {
	case seen == nil:
		return nil
	case seen.AccessErr != nil:
		return []plan.Finding{plan.Unanswered(seen.AccessErr, fmt.Sprintf("could not check the permissions of the user of context %s: %v", c.Context, seen.AccessErr))}
	case len(seen.Missing) == 0:
		return nil
	}
	return []plan.Finding{{
		Message: "the user of context " + c.Context + " lacks permissions for these changes",
		Hint:    grantHint(seen),
		Detail:  rbac.Grant(seen.User, c.Live.RolesNamespace(), seen.Missing),
	}}
}

func grantHint(seen *Inspected) string {
	hint := rbac.GrantIt
	if seen.User == "" {
		hint += ", and bind the roles to that user"
	}
	var dangerous []string
	if slices.ContainsFunc(seen.Missing, Escalates) {
		dangerous = append(dangerous, "escalate")
	}
	if slices.ContainsFunc(seen.Missing, binds) {
		dangerous = append(dangerous, "bind")
	}
	if len(dangerous) > 0 {
		hint += "; who may " + strings.Join(dangerous, " and ") + " roles, as it takes to grant Istio's, can become cluster-admin"
	}
	return hint
}

// RoleOf is the role that a binding gives.
func RoleOf(binding map[string]any) object.Ref {
	kind, _, _ := unstructured.NestedString(binding, "roleRef", "kind")
	name, _, _ := unstructured.NestedString(binding, "roleRef", "name")
	return object.Ref{Group: object.RBACGroup, Kind: kind, Name: name}
}

// BindsTo says whether a binding gives its role to a service account.
func BindsTo(binding map[string]any, account object.Ref) bool {
	subjects, _, _ := unstructured.NestedSlice(binding, "subjects")
	return slices.ContainsFunc(subjects, func(s any) bool {
		m, _ := s.(map[string]any)
		return m["kind"] == account.Kind && m["name"] == account.Name && m["namespace"] == account.Namespace
	})
}
