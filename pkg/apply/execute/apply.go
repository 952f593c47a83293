package execute

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/setup-mesh/setup-mesh/pkg/apply/check"
	"github.com/setup-mesh/setup-mesh/pkg/apply/desired"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/observe"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
	"github.com/setup-mesh/setup-mesh/pkg/apply/record"
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
// happens; [Report.Err] says whether all was done. When ctx ends, objects
// under way are finished and the records written.
func Apply(ctx context.Context, p *plan.Plan, clients *world.Clients, o Options) *Report {
	x := &Execution{
		Plan: p, clients: clients, options: o,
		slots:  semaphore.NewWeighted(int64(max(o.Parallelism, 1))),
		Made:   map[ChangeKey]bool{},
		locks:  map[string]object.Lock{},
		Tokens: map[string]desired.Validity{},
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
	return x.Report(steps, context.Cause(runCtx), start)
}

// An execution is one run of a plan.
type Execution struct {
	Plan    *plan.Plan
	clients *world.Clients
	options Options
	slots   *semaphore.Weighted
	emit    func(Event)
	abort   context.CancelCauseFunc

	mu    sync.Mutex
	Made  map[ChangeKey]bool // what was done
	locks map[string]object.Lock
	// tokens are how long the API servers of clusters made tokens valid, of each
	// the one that ends first.
	Tokens map[string]desired.Validity
}

type ChangeKey struct {
	cluster string
	ref     object.Ref
}

// at is a cluster of the plan with its client.
func (x *Execution) at(c *plan.Cluster) *world.Connected { return x.clients.Connect(c.Live) }

// finished notes that a change was made, cleared that a temporary object is gone.
func (x *Execution) finished(cluster string, ref object.Ref) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.Made[ChangeKey{cluster, ref}] = true
}

func (x *Execution) cleared(cluster string, ref object.Ref) { x.finished(cluster, ref) }

func (x *Execution) isFinished(cluster string, ref object.Ref) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.Made[ChangeKey{cluster, ref}]
}

// isGone says whether all of ours was taken out of a cluster that leaves.
func (x *Execution) isGone(c *plan.Cluster) bool {
	for _, ch := range c.Changes {
		if ch.Removes() && !x.isFinished(c.Name, ch.Object) {
			return false
		}
	}
	return true
}

// step carries out one step of the plan.
func (x *Execution) step(ctx context.Context, s plan.Step, r *reporter) error {
	c := x.Plan.Cluster(s.Cluster)
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
func (x *Execution) put(ctx context.Context, c *plan.Cluster, s plan.Step, r *reporter) error {
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
func (x *Execution) remove(ctx context.Context, c *plan.Cluster, s plan.Step, r *reporter) error {
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
		// can take another one any more, and this one goes too.
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

// changes carries out changes of one cluster, as many at once as there are
// slots. It goes on after a failure, and returns the first.
func (x *Execution) changes(ctx context.Context, c *plan.Cluster, all []plan.Change, r *reporter) error {
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
func (x *Execution) change(ctx context.Context, c *plan.Cluster, ch plan.Change) error {
	l := x.at(c)
	live := l.Object(ch.Object)
	switch {
	case ch.Action == plan.Delete:
		if err := x.unused(ctx, l, ch); err != nil {
			return err
		}
		// A workload stays visible until its pods are gone, and is waited for.
		return l.Cluster.Delete(ctx, ch.Object, object.DeleteOptions{UID: ch.UID, Foreground: desired.Workloads[ch.Object.Kind]})
	case ch.LetGo && ch.Object.Kind == "Service":
		return l.Cluster.LetGo(ctx, ch.Object, ch.UID, object.LabelMesh, object.AnnotationSharedFrom)
	case ch.LetGo: // gives up the fields that we own of an object that stays
		_, err := l.Cluster.Apply(ctx, object.New(live.GetAPIVersion(), live.GetKind(), live.GetNamespace(), live.GetName(), nil, nil), object.ApplyOptions{})
		return err
	}
	o, err := x.complete(ctx, ch, live)
	if err != nil {
		return err
	}
	if ch.Replace {
		if err := l.Cluster.Delete(ctx, ch.Object, object.DeleteOptions{UID: ch.UID}); err != nil {
			return err
		}
	}
	// Drift in what is ours is set back; a namespace that is not stays as it
	// is, and says so by a conflict.
	force := live != nil && (object.Ours(live) || ch.Object.Kind != "Namespace")
	if _, err := l.Cluster.Apply(ctx, o, object.ApplyOptions{Force: force}); err != nil {
		return err
	}
	if ch.Part == order.Service && plan.HasSelector(live) && !plan.HasSelector(o) {
		return dropOwnEndpoints(ctx, l)
	}
	return nil
}

// unused refuses to delete a namespace or a CRD if somebody has put something there
// since the plan was made: it would go too.
func (x *Execution) unused(ctx context.Context, l *world.Connected, ch plan.Change) error {
	var others []object.Ref
	switch {
	case ch.Object.Kind == "Namespace":
		now := observe.ReadShared(ctx, l, []string{ch.Object.Name})
		if now.Err != nil {
			return now.Err
		}
		others = now.Foreign[ch.Object.Name]
	case object.IsCRD(ch.Object) && !x.Plan.Options.CRDs:
		list, err := l.Cluster.List(ctx, observe.ServedKind(l.Object(ch.Object)), "", "")
		if err != nil && !object.Absent(err) {
			return err
		}
		for _, o := range list {
			if !object.Ours(o) {
				others = append(others, object.RefOf(o))
			}
		}
	}
	if len(others) > 0 {
		return &StaleError{Cluster: l.Name, Why: fmt.Sprintf("%s was not used when the plan was made, and now %s", ch.Object, check.CountRefs(others))}
	}
	return nil
}

// complete returns the object to apply for ch: what is known of it, and its
// late content, minted or kept.
func (x *Execution) complete(ctx context.Context, ch plan.Change, live *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	if !ch.Mint {
		return desired.WantedObject(ch.Item, live), nil
	}
	c, err := ch.Item.Late.Mint(ctx, desired.Minter{World: x.Plan.World, Clients: x.clients, Random: x.options.Random, Now: x.options.Now})
	if err != nil {
		return nil, fmt.Errorf("mint the content of %s: %w", ch.Object, err)
	}
	if c.Sends != "" && ch.Sends != "" && c.Sends != ch.Sends {
		return nil, &StaleError{Cluster: ch.Item.Late.Source(), Why: fmt.Sprintf("its gateway was at %s when the plan was made, and is at %s now", ch.Sends, c.Sends)}
	}
	if !c.Token.Expires.IsZero() {
		x.Granted(ch.Item.Late.Source(), c.Token)
	}
	return c.Put(ch.Item.Object), nil
}

// granted takes note of a token of the cluster source.
func (x *Execution) Granted(source string, v desired.Validity) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if first, ok := x.Tokens[source]; !ok || v.Expires.Before(first.Expires) {
		x.Tokens[source] = v
	}
}

// begin makes the namespace, takes the lock, and records what is about to be
// there.
func (x *Execution) begin(ctx context.Context, c *plan.Cluster, namespace []plan.Change, r *reporter) error {
	l, ref := x.at(c), object.NamespaceRef(c.Namespace)
	if c.Leaving && l.Object(ref) == nil {
		return nil // only CRDs are left, and nowhere to put a lock
	}
	if l.Ending[ref] {
		if err := waitAbsent(ctx, l, ref, r); err != nil {
			return err
		}
	}
	err := x.lock(ctx, c)
	if object.Absent(err) { // there is no namespace for it yet
		if err = x.changes(ctx, c, namespace, r); err == nil {
			err = x.lock(ctx, c)
		}
	}
	if err != nil {
		return err
	}
	if c.Leaving {
		return nil // its record says what there is, until it goes
	}
	// What is about to be made is in it, without a hash: a run that dies leaves
	// nothing behind that nobody knows of, or that is taken for what it was.
	if err := x.putRecord(ctx, c, c.RecordAfter(x.Plan.Mesh, x.Plan.Members(never), func(plan.Change) bool { return false }), x.probing(c)); err != nil {
		return err
	}
	return x.changes(ctx, c, slices.DeleteFunc(namespace, func(ch plan.Change) bool { return x.isFinished(c.Name, ch.Object) }), r)
}

func never(*plan.Cluster) bool { return false }

// probing are the objects of a proof that may be there while c is applied.
func (x *Execution) probing(c *plan.Cluster) []record.Recorded {
	if x.Plan.Proves(c, order.Serves) {
		return probeRefs(c)
	}
	return nil
}

func (x *Execution) putRecord(ctx context.Context, c *plan.Cluster, r *record.Record, more []record.Recorded) error {
	for _, one := range more {
		if !x.isFinished(c.Name, one.Ref) && !slices.ContainsFunc(r.Objects, func(o record.Recorded) bool { return o.Ref == one.Ref }) {
			r.Objects = append(r.Objects, one)
		}
	}
	o, err := r.Object(c.Namespace)
	if err != nil {
		return err
	}
	if err := x.held(c.Name); err != nil {
		return err
	}
	_, err = x.at(c).Cluster.Apply(ctx, o, object.ApplyOptions{Force: true})
	return err
}

// unmoved refuses to go on with a plan that is older than another apply: each
// writes the record.
func unmoved(ctx context.Context, l *world.Connected) error {
	stored, err := l.Cluster.Get(ctx, record.Ref(l.Namespace))
	version := ""
	switch {
	case err == nil:
		version = stored.GetResourceVersion()
	case !object.Absent(err):
		return err
	}
	if version != l.RecordVersion {
		return &StaleError{Cluster: l.Name}
	}
	return nil
}

// A StaleError says that a cluster is not as it was when the plan was made.
type StaleError struct {
	Cluster string
	Why     string // "" for another apply
}

func (e *StaleError) Error() string {
	return e.Cluster + ": " + cmp.Or(e.Why, "another apply has changed the cluster since this plan was made")
}

// Remedy is what to do about it.
func (e *StaleError) Remedy() string { return "apply again: it makes a new plan" }

// lock keeps a second apply away from the cluster. Losing it ends the run:
// whoever has it now may be writing.
func (x *Execution) lock(ctx context.Context, c *plan.Cluster) error {
	l := x.at(c)
	lock, err := l.Cluster.Lock(ctx, c.Namespace, x.options.Holder)
	if err != nil {
		return err
	}
	if err := unmoved(ctx, l); err != nil {
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
func (x *Execution) held(cluster string) error {
	x.mu.Lock()
	lock := x.locks[cluster]
	x.mu.Unlock()
	if lock != nil && !lock.Held() {
		return fmt.Errorf("the lock in %s was lost", cluster)
	}
	return nil
}

// finish writes the record of what is there now, and gives up the lock. Without
// the lock, the record is somebody else's.
func (x *Execution) finish(ctx context.Context, c *plan.Cluster) error {
	x.mu.Lock()
	locked := x.locks[c.Name] != nil
	x.mu.Unlock()
	var err error
	if locked && !c.Leaving {
		after := c.RecordAfter(x.Plan.Mesh, x.Plan.Members(x.isGone), func(ch plan.Change) bool { return x.isFinished(c.Name, ch.Object) })
		err = x.putRecord(ctx, c, after, x.probing(c))
	}
	return errors.Join(err, x.unlock(ctx, c))
}

// unlock gives up the lock of c, if it is held.
func (x *Execution) unlock(ctx context.Context, c *plan.Cluster) error {
	x.mu.Lock()
	lock := x.locks[c.Name]
	delete(x.locks, c.Name)
	x.mu.Unlock()
	if lock == nil {
		return nil
	}
	return lock.Release(ctx)
}
