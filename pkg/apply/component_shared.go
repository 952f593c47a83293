package apply

import "github.com/setup-mesh/setup-mesh/pkg/apply/order"

// services are the copies of other clusters' Services. Which are wanted, only the
// clusters know: see [newSharing].
func services() component {
	return component{
		title: order.SharedServices,
		needs: func(_ *scene, c *ClusterPlan, ch Change) []order.Fact {
			if ch.Part == order.Copies {
				return applied(c, order.Spaces)
			}
			return nil
		},
	}
}
