package component

import (
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
)

// services are the copies of other clusters' Services. Which are wanted, only the
// clusters know: see [desired.NewSharing].
func services() Component {
	return Component{
		title: order.SharedServices,
		needs: func(_ *plan.Scene, c *plan.Cluster, ch plan.Change) []order.Fact {
			if ch.Part != order.Copies {
				return nil
			}
			out := applied(c, order.Spaces)
			if ns := c.Planned(object.NamespaceRef(ch.Object.Namespace)); ns != nil && ns.Action == plan.Create {
				out = append(out, applied(c, ns.Part)...) // another component's
			}
			return out
		},
	}
}
