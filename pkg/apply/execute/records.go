package execute

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
	"github.com/setup-mesh/setup-mesh/pkg/apply/record"
	"github.com/setup-mesh/setup-mesh/pkg/apply/world"
)

// begin makes the namespace, takes the lock, and records what is about to be
// there.
func (x *execution) begin(ctx context.Context, c *plan.Cluster, namespace []plan.Change, r *reporter) error {
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
	if err := x.putRecord(ctx, c, c.RecordAfter(x.plan.Mesh, x.plan.Members(func(*plan.Cluster) bool { return false }), func(plan.Change) bool { return false }), x.probing(c)); err != nil {
		return err
	}
	return x.changes(ctx, c, slices.DeleteFunc(namespace, func(ch plan.Change) bool { return x.isFinished(c.Name, ch.Object) }), r)
}

// finish writes the record of what is there now, and gives up the lock. Without
// the lock, the record is somebody else's.
func (x *execution) finish(ctx context.Context, c *plan.Cluster) error {
	x.mu.Lock()
	locked := x.locks[c.Name] != nil
	x.mu.Unlock()
	var err error
	if locked && !c.Leaving {
		after := c.RecordAfter(x.plan.Mesh, x.plan.Members(x.isGone), func(ch plan.Change) bool { return x.isFinished(c.Name, ch.Object) })
		err = x.putRecord(ctx, c, after, x.probing(c))
	}
	return errors.Join(err, x.unlock(ctx, c))
}

// probing are the objects of a proof that may be there while c is applied.
func (x *execution) probing(c *plan.Cluster) []record.Recorded {
	if x.proofs[order.Fact{Cluster: c.Name, Claim: order.Serves}] {
		return probeRefs(c)
	}
	return nil
}

func (x *execution) putRecord(ctx context.Context, c *plan.Cluster, r *record.Record, more []record.Recorded) error {
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
