// Package execute carries out the steps of a plan, and waits until what they claim
// is seen to be true. It alone writes to clusters.
package execute

import (
	"context"
	"io"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"
	"k8s.io/apimachinery/pkg/types"

	"github.com/setup-mesh/setup-mesh/pkg/apply/desired"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
	"github.com/setup-mesh/setup-mesh/pkg/apply/world"
)

// finalTime is what the end of a cluster may take: it outlasts a request that is
// repeated until the server is back.
const finalTime = 90 * time.Second

// Options of an [Apply].
type Options struct {
	Now         time.Time
	Random      io.Reader // for keys
	Holder      string    // who applies, shown to whoever comes second
	Parallelism int       // changes under way at once, over all clusters
	Events      func(Event)
}

// Apply makes the changes of p, in parallel as far as their order allows. One
// cluster's failure does not stop the others. The report is whole whatever
// happens; [Report.Complete] says whether all was done. When ctx ends, objects
// under way are finished and the records written.
func Apply(ctx context.Context, p *plan.Plan, clients *world.Clients, o Options) *Report {
	x := &execution{
		plan: p, clients: clients, options: o, proofs: p.Proofs(),
		slots:  semaphore.NewWeighted(int64(max(o.Parallelism, 1))),
		made:   map[changeKey]types.UID{},
		locks:  map[string]object.Lock{},
		tokens: map[string]desired.Validity{},
	}
	var mu sync.Mutex
	x.emit = func(e Event) {
		mu.Lock()
		defer mu.Unlock()
		if o.Events != nil {
			o.Events(e)
		}
	}
	start := time.Now()
	runCtx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	x.abort = cancel
	steps := runSteps(runCtx, p.Steps, x.step, x.emit)
	return x.report(steps, context.Cause(runCtx), start)
}

// step carries out one step of the plan.
func (x *execution) step(ctx context.Context, s plan.Step, r *reporter) error {
	c := x.plan.Cluster(s.Cluster)
	switch s.Kind {
	case plan.Begin:
		return x.begin(ctx, c, c.Pick(s.Changes), r)
	case plan.Put:
		return x.put(ctx, c, s, r)
	case plan.Remove:
		return x.remove(ctx, c, s, r)
	case plan.Finish:
		return x.finish(ctx, c)
	}
	return x.prove(ctx, c, s, r)
}

// put creates and updates. A namespace that is being deleted has to go first.
func (x *execution) put(ctx context.Context, c *plan.Cluster, s plan.Step, r *reporter) error {
	changes := c.Pick(s.Changes)
	for _, ch := range changes {
		if c.Live.Ending[ch.Object] {
			if err := waitAbsent(ctx, x.at(c), ch.Object, r); err != nil {
				return err
			}
		}
	}
	return x.changes(ctx, c, changes, r)
}

// remove carries out removals and waits until what was deleted is gone.
func (x *execution) remove(ctx context.Context, c *plan.Cluster, s plan.Step, r *reporter) error {
	changes := c.Pick(s.Changes)
	if s.Part == order.Control && c.Remote() && !c.Leaving {
		// An apply that was cut off may have left its own istiod behind the Service.
		if err := x.held(c.Name); err != nil {
			return err
		}
		if err := dropOwnEndpoints(ctx, x.at(c)); err != nil {
			return err
		}
	}
	if err := x.changes(ctx, c, changes, r); err != nil {
		return err
	}
	if c.Leaving && s.Part == lastPart(c) {
		// Nothing that needs the lock is left. Where the namespace goes, nobody
		// can take another lock, and this one goes too.
		if err := x.unlock(context.WithoutCancel(ctx), c); err != nil {
			return err
		}
	}
	for _, ch := range changes {
		if ch.Action != plan.Delete || !desired.Workloads[ch.Object.Kind] && !object.IsCRD(ch.Object) && ch.Object.Kind != "Namespace" {
			continue
		}
		if err := waitAbsent(ctx, x.at(c), ch.Object, r); err != nil {
			return err
		}
	}
	return nil
}

// lastPart is what goes last from a cluster that leaves.
func lastPart(c *plan.Cluster) order.Part {
	if slices.ContainsFunc(c.Changes, func(ch plan.Change) bool { return ch.Part == order.Namespace && ch.Pending() }) {
		return order.Namespace
	}
	return order.Record
}
