package component

import (
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
)

// applied are the facts that these parts of c are there.
func applied(c *plan.Cluster, parts ...order.Part) []order.Fact {
	out := make([]order.Fact, 0, len(parts))
	for _, p := range parts {
		out = append(out, order.Applied(c.Name, p, ""))
	}
	return out
}

// servedIn are the facts that what is to serve c does.
func servedIn(c *plan.Cluster) []order.Fact {
	out := []order.Fact{{Cluster: c.Name, Claim: c.Control()}}
	if switches(c) {
		out = append(out, order.Fact{Cluster: c.Name, Claim: order.Serves})
	}
	return out
}

// replaced are the facts that let c lose what it no longer wants: what replaces it
// is there and serves c, and others serve the clusters that c served.
func replaced(s *plan.Scene, c *plan.Cluster, _ plan.Change) []order.Fact {
	out := applied(c, order.Own()...)
	return append(append(out, servedIn(c)...), s.Handed(c)...)
}

// keepsServing are the facts that let c change what others reach its control plane
// by: an update takes away what is no longer wanted, such as ports of the
// gateway. The right to lead elsewhere may go before: nobody's pods depend on it,
// and where two clusters exchange their parts, each would wait for the other.
func keepsServing(s *plan.Scene, c *plan.Cluster, ch plan.Change) []order.Fact {
	if ch.Action == plan.Update && len(c.Desired.Remotes) == 0 {
		return s.Handed(c)
	}
	return nil
}
