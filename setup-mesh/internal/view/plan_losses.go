package view

import (
	"strings"

	"github.com/setup-mesh/setup-mesh/pkg/apply"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
)

// losses are the deletions that take more with them than the object, each on a
// line of its own: they should not be found in a number of objects.
func (v *planView) losses() {
	for _, c := range v.plan.Clusters {
		var crds []apply.Change
		for _, ch := range c.Changes {
			if ch.Action != apply.Delete || !ch.Pending() {
				continue
			}
			switch {
			case ch.Object.Kind == "CustomResourceDefinition":
				crds = append(crds, ch)
			case ch.Object.Kind == "Namespace":
				v.loss(c, ch.Object.String()+", and everything in it")
			case mayBePublic(ch):
				v.loss(c, ch.Object.String()+", and its public address if it has one")
			}
		}
		switch len(crds) {
		case 0:
		case 1:
			v.loss(c, crds[0].Object.String()+", and every custom resource of this kind")
		default:
			v.loss(c, count(len(crds), "CustomResourceDefinition")+", and every custom resource of these kinds")
		}
	}
}

func (v *planView) loss(c *apply.ClusterPlan, what string) {
	say(v.w, "%s %s: deletes %s", v.colour.mark("!"), c.Name, what)
}

// mayBePublic says whether a change is about the Service of a gateway. A plan
// does not know the type of a Service; those of istiod are not public, and
// copies of other clusters' Services have no address of their own.
func mayBePublic(ch apply.Change) bool {
	gateways := ch.Component == order.Gateway || ch.Component == order.ControlPlane
	return ch.Object.Kind == "Service" && gateways && !strings.HasPrefix(ch.Object.Name, "istiod")
}
