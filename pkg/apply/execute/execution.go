package execute

import (
	"context"
	"sync"

	"golang.org/x/sync/semaphore"

	"github.com/setup-mesh/setup-mesh/pkg/apply/desired"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
	"github.com/setup-mesh/setup-mesh/pkg/apply/world"
)

// An execution is one run of a plan.
type execution struct {
	plan    *plan.Plan
	clients *world.Clients
	options Options
	proofs  map[order.Fact]bool // see [plan.Plan.Proofs]
	slots   *semaphore.Weighted
	emit    func(Event)
	abort   context.CancelCauseFunc

	mu    sync.Mutex
	made  map[changeKey]bool // what was done
	locks map[string]object.Lock
	// tokens are how long the API servers of clusters made tokens valid, of each
	// the one that ends first.
	tokens map[string]desired.Validity
}

type changeKey struct {
	cluster string
	ref     object.Ref
}

// at is a cluster of the plan with its client.
func (x *execution) at(c *plan.Cluster) *world.Connected { return x.clients.Connect(c.Live) }

// finished notes that a change was made, or that a temporary object is gone.
func (x *execution) finished(cluster string, ref object.Ref) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.made[changeKey{cluster, ref}] = true
}

func (x *execution) isFinished(cluster string, ref object.Ref) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.made[changeKey{cluster, ref}]
}

// isGone says whether all of ours was taken out of a cluster that leaves.
func (x *execution) isGone(c *plan.Cluster) bool {
	for _, ch := range c.Changes {
		if ch.Removes() && !x.isFinished(c.Name, ch.Object) {
			return false
		}
	}
	return true
}
