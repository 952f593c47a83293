package apply

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"github.com/setup-mesh/setup-mesh/pkg/apply/kube"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/record"
)

// finalTime is what an interrupted apply takes to write its records and give
// up its locks.
const finalTime = 20 * time.Second

// Options of an [Apply].
type Options struct {
	Now         time.Time
	Random      io.Reader // for keys
	Holder      string    // who applies, shown to whoever comes second
	Parallelism int       // changes under way at once, over all clusters
	Forget      []string  // as in [PlanOptions]
	Events      func(Event)
}

// Apply makes the changes of p, in parallel as far as their order allows. One
// cluster's failure does not stop the others. The report is whole whatever
// happens; [Report.Err] says whether all was done. When ctx ends, objects
// under way are finished and the records written.
func Apply(ctx context.Context, p *Plan, o Options) *Report {
	x := &execution{
		plan: p, options: o,
		slots: semaphore.NewWeighted(int64(max(o.Parallelism, 1))),
		made:  map[changeKey]bool{},
		locks: map[string]*kube.Lock{},
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
	steps := x.build()
	runCtx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	x.abort = cancel
	finalCtx, stop := withGrace(runCtx, finalTime)
	defer stop()
	runSteps(runCtx, finalCtx, steps, x.emit)
	return x.report(steps, context.Cause(runCtx), start)
}

// withGrace is a context that outlives parent by grace.
func withGrace(parent context.Context, grace time.Duration) (context.Context, func()) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(parent))
	stop := context.AfterFunc(parent, func() {
		time.AfterFunc(grace, cancel)
	})
	return ctx, func() { stop(); cancel() }
}

// An execution is one run of a plan.
type execution struct {
	plan    *Plan
	options Options
	slots   *semaphore.Weighted
	emit    func(Event)
	abort   context.CancelCauseFunc

	mu    sync.Mutex
	made  map[changeKey]bool // what was done
	locks map[string]*kube.Lock
}

type changeKey struct {
	cluster string
	ref     object.Ref
}

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

// changes carries out changes of one cluster, as many at once as there are
// slots. It goes on after a failure, and returns the first.
func (x *execution) changes(ctx context.Context, c *ClusterPlan, all []Change, r *reporter) error {
	var g errgroup.Group
	for _, ch := range all {
		if err := x.slots.Acquire(ctx, 1); err != nil {
			_ = g.Wait() // ctx ended; that is the reason
			return context.Cause(ctx)
		}
		g.Go(func() error {
			defer x.slots.Release(1)
			if err := x.held(c.Name); err != nil {
				return err
			}
			// What is under way is finished, also when the user interrupts.
			if err := x.change(context.WithoutCancel(ctx), c, ch); err != nil {
				return err
			}
			x.finished(c.Name, ch.Object)
			r.advance()
			return nil
		})
	}
	return g.Wait()
}

// change carries out one change.
func (x *execution) change(ctx context.Context, c *ClusterPlan, ch Change) error {
	l := c.Live
	switch {
	case ch.Action == Delete && workloads[ch.Object.Kind]:
		// It stays visible until its pods are gone, and is waited for.
		return l.cluster.DeleteForeground(ctx, ch.Object, ch.UID)
	case ch.Action == Delete:
		return l.cluster.Delete(ctx, ch.Object, ch.UID)
	case ch.letGo && ch.Object.Kind == "Service":
		return l.cluster.LetGo(ctx, ch.Object, ch.UID, object.LabelMesh, object.AnnotationSharedFrom)
	case ch.item == nil:
		return x.disown(ctx, l, ch.Object)
	}
	o, err := x.complete(ctx, l, ch)
	if err != nil {
		return err
	}
	live := l.object(ch.Object)
	if ch.replace {
		if err := l.cluster.Delete(ctx, ch.Object, ch.UID); err != nil {
			return err
		}
	}
	// Drift in what is ours is set back; a namespace that is not stays as it
	// is, and says so by a conflict.
	force := live != nil && (object.Ours(live) || ch.Object.Kind != "Namespace")
	_, err = l.cluster.Apply(ctx, o, object.ApplyOptions{Force: force})
	return err
}

// disown gives up the fields that we own of an object that stays.
func (x *execution) disown(ctx context.Context, l *Live, ref object.Ref) error {
	_, err := l.cluster.Apply(ctx, object.New(l.object(ref).GetAPIVersion(), ref.Kind, ref.Namespace, ref.Name, nil, nil), object.ApplyOptions{})
	return err
}

// prepare makes the namespace, takes the lock, and records what is about to
// be there.
func (x *execution) prepare(ctx context.Context, c *ClusterPlan, namespace []Change, r *reporter) error {
	if err := waitGone(ctx, c.Live, object.NamespaceRef(c.Namespace), r); err != nil {
		return err
	}
	if err := x.changes(ctx, c, namespace, r); err != nil {
		return err
	}
	if err := x.lock(ctx, c); err != nil {
		return err
	}
	// What is about to be created is in it, without a hash: a run that dies
	// leaves nothing behind that nobody knows of.
	record := c.RecordAfter(x.plan.Mesh, x.plan.members(x.options.Forget), func(Change) bool { return false })
	return x.putRecord(ctx, c, record)
}

func (x *execution) putRecord(ctx context.Context, c *ClusterPlan, record *record.Record) error {
	o, err := record.Object(c.Namespace)
	if err != nil {
		return err
	}
	_, err = c.Live.cluster.Apply(ctx, o, object.ApplyOptions{Force: true})
	return err
}

// unmoved refuses to go on with a plan that is older than another apply: each
// writes the record.
func unmoved(ctx context.Context, l *Live) error {
	record, err := l.cluster.Get(ctx, record.Ref(l.Namespace))
	version := ""
	switch {
	case err == nil:
		version = record.GetResourceVersion()
	case !object.Absent(err):
		return err
	}
	if version != l.recordVersion {
		return &StaleError{Cluster: l.Name}
	}
	return nil
}

// A StaleError says that a cluster was changed by another apply after the plan
// was made, and before its lock was taken.
type StaleError struct{ Cluster string }

func (e *StaleError) Error() string {
	return e.Cluster + " was changed by another apply since this plan was made"
}

// Remedy is what to do about it.
func (e *StaleError) Remedy() string { return "apply again: it makes a new plan" }

// lock keeps a second apply away from the cluster. Losing it ends the run:
// whoever has it now may be writing.
func (x *execution) lock(ctx context.Context, c *ClusterPlan) error {
	lock, err := c.Live.cluster.Lock(ctx, c.Namespace, x.options.Holder)
	if err != nil {
		return err
	}
	if err := unmoved(ctx, c.Live); err != nil {
		return errors.Join(err, lock.Release(ctx))
	}
	x.mu.Lock()
	x.locks[c.Name] = lock
	x.mu.Unlock()
	go func() {
		select {
		case <-lock.Lost():
			x.abort(fmt.Errorf("the lock in %s was lost", c.Name))
		case <-ctx.Done():
		}
	}()
	return nil
}

// held refuses to write under a lock that is not ours any more, as after a
// suspend.
func (x *execution) held(cluster string) error {
	x.mu.Lock()
	lock := x.locks[cluster]
	x.mu.Unlock()
	if lock != nil && !lock.Held() {
		return fmt.Errorf("the lock in %s was lost", cluster)
	}
	return nil
}

// finish writes the record of what is there now, and gives up the lock.
func (x *execution) finish(ctx context.Context, c *ClusterPlan) error {
	x.mu.Lock()
	locked := x.locks[c.Name] != nil
	x.mu.Unlock()
	var err error
	if locked && !c.Leaving {
		record := c.RecordAfter(x.plan.Mesh, x.plan.members(x.options.Forget), func(ch Change) bool { return x.isFinished(c.Name, ch.Object) })
		err = x.putRecord(ctx, c, record)
	}
	return errors.Join(err, x.unlock(ctx, c))
}

// unlock gives up the lock of c, if it is held.
func (x *execution) unlock(ctx context.Context, c *ClusterPlan) error {
	x.mu.Lock()
	lock := x.locks[c.Name]
	delete(x.locks, c.Name)
	x.mu.Unlock()
	if lock == nil {
		return nil
	}
	return lock.Release(ctx)
}
