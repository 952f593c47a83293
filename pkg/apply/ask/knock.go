package ask

import (
	"context"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/observe"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
	"github.com/setup-mesh/setup-mesh/pkg/apply/world"
)

// knock connects to the gateway of c, and through it to the istiod of c, which is
// there wherever services are exposed: a gateway passes on what it is told of, and
// istiod answers with a certificate of the mesh.
func knock(ctx context.Context, p *plan.Plan, resolver world.Resolver, c *plan.Cluster) []observe.Knock {
	port, behind := object.GatewayPort, &observe.Behind{
		SNI: "outbound_.15012_._.istiod." + c.Namespace + ".svc.cluster.local", Name: "istiod." + c.Namespace + ".svc",
	}
	if !c.Desired.Exposed {
		port, behind.SNI = object.DiscoveryPort, behind.Name
	}
	if c.Remote() || p.Wanted.Root == nil {
		behind = nil // whose istiod answers is another gateway's matter
	} else {
		behind.Root = p.Wanted.Root.Cert()
	}
	return observe.KnockAll(ctx, c.Live.Reach.Addresses(ctx, resolver), c.Live.Reach.At(port).Port, behind)
}
