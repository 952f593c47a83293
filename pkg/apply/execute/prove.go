package execute

import (
	"context"
	"fmt"

	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
)

// prove waits until a claim about a cluster is seen to be true.
func (x *execution) prove(ctx context.Context, c *plan.Cluster, s plan.Step, r *reporter) error {
	switch s.Claim {
	case order.Answers:
		return waitIstiod(ctx, x.at(c), c, r)
	case order.Addressed:
		return waitGateway(ctx, x.at(c), c, r)
	case order.Tunnels:
		return waitNodes(ctx, x.at(c), c, r)
	case order.Programmed:
		return x.program(ctx, c, r)
	case order.Serves:
		return waitServing(ctx, x, c, s.Tries, r)
	case order.Injected:
		return waitServed(ctx, x.at(c), c, r)
	case order.Discovers:
		return waitDiscovery(ctx, x.at(c), x.plan, c, r)
	case order.Accepted:
		return waitAccepted(ctx, x, c, x.plan.Cluster(s.Peer), r)
	case order.Refused:
		return waitRefused(ctx, x, c, x.plan.Cluster(s.Peer), r)
	case order.Trusts:
		return waitTrusts(ctx, x, c, r)
	case order.Signed:
		return waitSigned(ctx, x, c, r)
	case order.Announced:
		return x.announce(ctx, c)
	case order.Listed:
		return waitListed(ctx, x, c, r)
	case order.Named:
		return waitNamed(ctx, x, c, r)
	case order.Knows, order.Sends:
		return waitGatewayKnown(ctx, x.at(c), c, x.plan.Cluster(s.Peer), s.Claim == order.Sends, r)
	}
	return fmt.Errorf("nothing proves that %s: %s", c.Name, s.Claim)
}
