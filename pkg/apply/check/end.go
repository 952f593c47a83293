package check

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
	"github.com/setup-mesh/setup-mesh/pkg/apply/world"
)

// endChecks are about what an apply takes away for good, and what it leaves.
func endChecks() []Check {
	return []Check{
		{ID: "plan/deletes-address", Severity: Warns, Applies: reached, Judge: judgeAddresses},
		{ID: "plan/deletes-crds", Severity: Warns, Applies: reached, Judge: judgeCRDs},
		{ID: "plan/deletes-namespace", Severity: Warns, Applies: reached, Judge: judgeNamespaceEnd},
		{ID: "plan/keeps-crds", Severity: Warns, Applies: leaves, Judge: judgeKeptCRDs},
		{ID: "plan/keeps-namespace", Severity: Warns, Applies: reached, Judge: judgeKeptNamespace},
		{ID: "remote/unread-resources", Severity: Warns, Applies: demotes, Judge: judgeUnread},
		{ID: "remote/leftovers", Severity: Warns, Applies: demotes, Judge: judgeLeftovers},
	}
}

// deleted are the objects of c that an apply deletes, of those for which is says so.
func deleted(c *plan.Cluster, is func(plan.Change) bool) []object.Ref {
	var out []object.Ref
	for _, ch := range c.Changes {
		if ch.Pending() && (ch.Action == plan.Delete || ch.Replace) && is(ch) {
			out = append(out, ch.Object)
		}
	}
	return out
}

func judgeAddresses(_ *Evidence, c *plan.Cluster) []plan.Finding {
	var out []plan.Finding
	for _, ref := range deleted(c, func(ch plan.Change) bool { return len(publicAddresses(c.Live.Object(ch.Object))) > 0 }) {
		for _, address := range publicAddresses(c.Live.Object(ref)) {
			out = append(out, plan.Finding{
				Object:  ref,
				Message: fmt.Sprintf("%s is deleted, and its address %s with it", ref, address),
				Hint:    "to keep the address, reserve it with the cloud provider first",
			})
		}
	}
	return out
}

// publicAddresses are those that a load balancer gave a Service, which may be nil.
func publicAddresses(o *unstructured.Unstructured) []string {
	if o == nil || o.GetKind() != "Service" {
		return nil
	}
	if kind, _, _ := unstructured.NestedString(o.Object, "spec", "type"); kind != "LoadBalancer" {
		return nil
	}
	return world.IngressHosts(o)
}

func judgeCRDs(_ *Evidence, c *plan.Cluster) []plan.Finding {
	refs := deleted(c, func(ch plan.Change) bool { return object.IsCRD(ch.Object) })
	if len(refs) == 0 {
		return nil
	}
	message := counted(refs, "is deleted", "are deleted")
	if inUse := usersOf(c, refs); len(inUse) > 0 {
		message += ", and every custom resource with them: " + CountRefs(inUse)
	} else {
		message += "; no custom resources of yours use them"
	}
	return []plan.Finding{{Object: refs[0], Message: message}}
}

func judgeNamespaceEnd(_ *Evidence, c *plan.Cluster) []plan.Finding {
	var out []plan.Finding
	for _, ref := range deleted(c, func(ch plan.Change) bool { return ch.Object.Kind == "Namespace" }) {
		out = append(out, plan.Finding{Object: ref, Message: fmt.Sprintf("%s is deleted; nothing in it belongs to anyone else", ref)})
	}
	return out
}

// usersOf are the resources of others that CRDs of c define, Istio's or those of the
// Gateway API.
func usersOf(c *plan.Cluster, crds []object.Ref) []object.Ref {
	return slices.DeleteFunc(slices.Clone(c.Live.Remains.InUse), func(ref object.Ref) bool {
		return !slices.ContainsFunc(crds, func(crd object.Ref) bool { return object.IsGatewayAPI(crd) == (ref.Group == object.GatewayAPIGroup) })
	})
}

// judgeKeptCRDs says why CRDs outlive a cluster's membership.
func judgeKeptCRDs(e *Evidence, c *plan.Cluster) []plan.Finding {
	l := c.Live
	nothing := len(world.RecordedIn(l)) == 0 && !object.Ours(l.Object(object.NamespaceRef(l.Namespace)))
	if nothing {
		return nil
	}
	var istio, gatewayAPI []object.Ref
	for _, o := range world.RecordedIn(l) {
		switch {
		case !object.IsCRD(o.Ref) || !e.Plan.Options.KeepsCRD(c, o.Ref):
		case object.IsGatewayAPI(o.Ref):
			gatewayAPI = usersOf(c, []object.Ref{o.Ref})
		default:
			istio = usersOf(c, []object.Ref{o.Ref})
		}
	}
	var out []plan.Finding
	if len(istio) > 0 {
		out = append(out, plan.Finding{
			Message: "Istio's CRDs stay: " + CountRefs(istio),
			Hint:    "--crds deletes the CRDs, and with them every custom resource of Istio",
		})
	}
	if len(gatewayAPI) > 0 {
		out = append(out, plan.Finding{Message: "the CRDs of the Gateway API stay: " + CountRefs(gatewayAPI)})
	}
	return out
}

func judgeKeptNamespace(e *Evidence, c *plan.Cluster) []plan.Finding {
	var out []plan.Finding
	for _, ch := range c.Changes {
		if ch.Object.Kind != "Namespace" || !ch.LetGo || !object.IsOurNamespace(c.Live.Object(ch.Object)) {
			continue
		}
		if others := e.Plan.Options.Others(c, ch.Object.Name); len(others) > 0 {
			out = append(out, plan.Finding{Object: ch.Object, Message: fmt.Sprintf("namespace %s stays: %s", ch.Object.Name, CountRefs(others))})
		}
	}
	return out
}

// CountRefs names the first of refs, and how many more there are.
func CountRefs(refs []object.Ref) string {
	if len(refs) == 1 {
		return fmt.Sprintf("%s exists", refs[0])
	}
	return andMore(refs) + " exist"
}

// demotes is a remote cluster that was a primary.
func demotes(e *Evidence, c *plan.Cluster) bool { return Joined(e, c) && world.Demoted(c.Live) }

func judgeUnread(e *Evidence, c *plan.Cluster) []plan.Finding {
	r := c.Live.Remains
	if r.Err != nil || len(r.InUse) == 0 || e.Plan.Options.CRDs {
		return nil
	}
	return []plan.Finding{{
		Message: "Istio's resources have no effect in a remote cluster: " + CountRefs(r.InUse),
		Hint:    "move them to a primary; --crds deletes the CRDs, and with them every custom resource of Istio",
	}}
}

func judgeLeftovers(_ *Evidence, c *plan.Cluster) []plan.Finding {
	if err := c.Live.Remains.Err; err != nil {
		return []plan.Finding{plan.Unanswered(err, fmt.Sprintf("could not look for leftovers of its former control plane, so they stay: %v", err))}
	}
	return nil
}
