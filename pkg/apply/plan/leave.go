package plan

import (
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/setup-mesh/setup-mesh/pkg/apply/desired"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
	"github.com/setup-mesh/setup-mesh/pkg/apply/record"
	"github.com/setup-mesh/setup-mesh/pkg/apply/world"
)

// prune plans the end of what is recorded in a member and no longer wanted.
// CRDs outlive the components that brought them, except in a cluster that has
// become a remote one: nobody reads custom resources there.
func (pl *planner) prune(c *Cluster, items []*desired.Item) {
	wanted := map[object.Ref]bool{}
	for _, it := range items {
		wanted[it.Ref] = true
	}
	demoted := pl.demote(c)
	for _, o := range world.RecordedIn(c.Live) {
		switch seen := c.Live.Objects[o.Ref]; {
		case wanted[o.Ref]:
		case pl.plan.Shared.Kept[desired.Placed{Cluster: c.Name, Ref: o.Ref}]:
			pl.keep(c, o)
		case lent(o) && seen.Object != nil:
			pl.unshare(c, o, pl.whyUnshared(c, o, seen.Object))
		case !object.IsCRD(o.Ref), demoted && !pl.plan.Options.KeepsCRD(c, o.Ref):
			pl.delete(c, o)
		case seen.Object != nil || seen.Err != nil: // stays on record, for when the cluster leaves
			pl.keep(c, o)
		}
	}
}

// keep leaves a recorded object as it is, and on record.
func (pl *planner) keep(c *Cluster, o record.Recorded) {
	c.Changes = append(c.Changes, Change{Subject: o.Subject, Object: o.Ref, Action: Keep, Wanted: o.Hash})
}

// demote plans the end of what the control plane of a cluster that has become a
// remote one wrote by itself, and says whether it is one.
func (pl *planner) demote(c *Cluster) bool {
	if !world.Demoted(c.Live) {
		return false
	}
	r := c.Live.Remains
	if r.Err != nil {
		return false // a check says so
	}
	for _, ref := range r.ByProducts {
		own := ref.Namespace == "" // no istiod makes classes of Gateways in the clusters of others
		if own || c.Live.Object(object.IstiodRef(c.Namespace)) != nil && !slices.Contains(world.SharedByProducts, ref.Name) {
			c.Changes = append(c.Changes, Change{Subject: byProduct, Object: ref, Action: Delete, Reason: "written by istiod"})
		}
	}
	return true
}

// KeepsCRD says whether a CRD of ours outlives a membership of c: resources that are not
// ours are of its API. The user may have Istio's deleted with all of them; the Gateway API
// is also that of others.
func (o Options) KeepsCRD(c *Cluster, crd object.Ref) bool {
	if o.CRDs && !object.IsGatewayAPI(crd) {
		return false
	}
	return slices.ContainsFunc(c.Live.Remains.InUse, func(ref object.Ref) bool {
		return (ref.Group == object.GatewayAPIGroup) == object.IsGatewayAPI(crd)
	})
}

// byProduct is what istiod wrote by itself: no record lists it.
var byProduct = order.Subject{Component: order.ControlPlane, Part: order.ByProducts}

// delete plans the end of a recorded object, if it is still there and ours.
func (pl *planner) delete(c *Cluster, o record.Recorded) {
	seen := c.Live.Objects[o.Ref]
	switch {
	case seen.Err != nil:
		c.Changes = append(c.Changes, Change{Subject: o.Subject, Object: o.Ref, Action: Unknown, Blocked: seen.Err.Error(), Hint: object.HintOf(seen.Err)})
	case seen.Object == nil:
	case !object.Ours(seen.Object):
		c.Yielded = append(c.Yielded, o.Ref)
	default:
		c.Changes = append(c.Changes, Change{Subject: o.Subject, Object: o.Ref, Action: Delete, UID: string(seen.Object.GetUID())})
	}
}

// leave plans the end of our presence in a cluster.
func (pl *planner) leave(c *Cluster) {
	l := c.Live
	namespace := object.NamespaceRef(l.Namespace)
	left := world.RecordedIn(l)
	if len(left) == 0 && !object.Ours(l.Object(namespace)) {
		return // nothing of ours was ever there, or all is gone
	}
	if l.Remains.Err != nil {
		c.Unreached, c.Hint, c.Detail = l.Remains.Err.Error(), object.HintOf(l.Remains.Err), object.DetailOf(l.Remains.Err)
		return
	}
	for _, o := range left {
		switch {
		case o.Ref == namespace, object.IsCRD(o.Ref) && pl.plan.Options.KeepsCRD(c, o.Ref):
		case lent(o) && l.Object(o.Ref) != nil:
			pl.unshare(c, o, "")
		default:
			pl.delete(c, o)
		}
	}
	if l.Record != nil && !l.Lost {
		c.Changes = append(c.Changes, Change{Subject: bookkeeping, Object: record.Ref(l.Namespace), Action: Delete})
	}
	for _, ref := range l.Remains.ByProducts {
		c.Changes = append(c.Changes, Change{Subject: byProduct, Object: ref, Action: Delete, Reason: "written by istiod"})
	}
	pl.leaveNamespace(c, namespace, order.Subject{Component: order.ControlPlane, Part: order.Namespace})
}

// leaveNamespace deletes a namespace that came with us and holds nothing of
// others; any other one just loses our labels.
func (pl *planner) leaveNamespace(c *Cluster, ref object.Ref, about order.Subject) {
	live := c.Live.Object(ref)
	if !object.Ours(live) {
		return
	}
	ch := Change{Subject: about, Object: ref, Action: Delete, UID: string(live.GetUID())}
	labelling, labelled := about.Component.Labels()
	if labelled {
		ch.Part = labelling.Spaces // the record may say that it was to stay
	}
	if !object.IsOurNamespace(live) || len(pl.plan.Options.Others(c, ref.Name)) > 0 {
		ch.Action, ch.Reason, ch.LetGo = Update, "kept; only the setup-mesh labels are removed", true
		if labelled {
			ch.Part, ch.Reason = labelling.Labels, "kept; setup-mesh no longer labels it for "+string(about.Component)
		}
	}
	c.Changes = append(c.Changes, ch)
}

// Others are the objects in a namespace that are not ours, custom resources
// among them unless these go with their CRDs.
func (o Options) Others(c *Cluster, namespace string) []object.Ref {
	inUse := c.Live.Remains.InUse
	refs := slices.DeleteFunc(slices.Clone(c.Live.Remains.Foreign[namespace]), func(ref object.Ref) bool {
		return slices.ContainsFunc(inUse, func(other object.Ref) bool { return object.CompareRefs(ref, other) == 0 })
	})
	for _, ref := range inUse {
		if ref.Namespace == namespace && (!o.CRDs || ref.Group == object.GatewayAPIGroup) {
			refs = append(refs, ref)
		}
	}
	return refs
}

// rewire plans the endpoints of remote clusters again where their primary's
// gateway is to have another Service: at which address is known after that.
func (pl *planner) rewire() {
	for _, c := range pl.plan.Clusters {
		for i, ch := range c.Changes {
			primary := pl.plan.Cluster(ch.Peer)
			if ch.Part != order.Endpoints || ch.Item == nil || primary == nil || !primary.MovesGateway() {
				continue
			}
			if ch.Action == Keep {
				c.Changes[i].Action, c.Changes[i].Mint = Update, true
				c.Changes[i].Reason = "gateway of " + primary.Name + ": address known after apply"
			}
		}
	}
}

// HasSelector says whether a Service, which may be nil, has endpoints of its own.
func HasSelector(service *unstructured.Unstructured) bool {
	if service == nil {
		return false
	}
	selector, _, _ := unstructured.NestedMap(service.Object, "spec", "selector")
	return len(selector) > 0
}

// bookkeeping is what a record is about.
var bookkeeping = order.Subject{Component: order.Bookkeeping, Part: order.Record}
