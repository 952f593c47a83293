package execute

import (
	"context"
	"sync"

	"golang.org/x/sync/semaphore"
	"k8s.io/apimachinery/pkg/types"

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
	cas     desired.CAs

	mu    sync.Mutex
	made  map[changeKey]types.UID // what was done; the UID of what was applied
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

// finished notes that a change was made, or that a temporary object is gone. uid is
// that of what is there now, "" of what is not.
func (x *execution) finished(cluster string, ref object.Ref, uid types.UID) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.made[changeKey{cluster, ref}] = uid
}

func (x *execution) isFinished(cluster string, ref object.Ref) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	_, made := x.made[changeKey{cluster, ref}]
	return made
}

// uid is that of an object of ours as this run has left it: applied, or as it was
// when the plan was made. "" if there is none.
func (x *execution) uid(cluster string, ref object.Ref) types.UID {
	x.mu.Lock()
	defer x.mu.Unlock()
	if uid, made := x.made[changeKey{cluster, ref}]; made {
		return uid
	}
	live := x.plan.World.Cluster(cluster).Object(ref)
	if live == nil {
		return ""
	}
	return live.GetUID()
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
