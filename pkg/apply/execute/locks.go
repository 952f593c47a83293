package execute

import (
	"context"
	"errors"
	"fmt"

	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
)

// lock keeps a second apply away from the cluster. Losing it ends the run:
// whoever has it now may be writing.
func (x *execution) lock(ctx context.Context, c *plan.Cluster) error {
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
			x.abort(&lostError{c.Name})
		case <-ctx.Done():
		}
	}()
	return nil
}

// held refuses to write under a lock that is no longer ours, as after a
// suspend.
func (x *execution) held(cluster string) error {
	x.mu.Lock()
	lock := x.locks[cluster]
	x.mu.Unlock()
	if lock != nil && !lock.Held() {
		return &lostError{cluster}
	}
	return nil
}

// unlock gives up the lock of c, if it is held.
func (x *execution) unlock(ctx context.Context, c *plan.Cluster) error {
	x.mu.Lock()
	lock := x.locks[c.Name]
	delete(x.locks, c.Name)
	x.mu.Unlock()
	if lock == nil {
		return nil
	}
	return lock.Release(ctx)
}

// A lostError says that somebody else may hold the lock of a cluster now.
type lostError struct{ cluster string }

func (e *lostError) Error() string { return fmt.Sprintf("the lock in %s was lost", e.cluster) }

// Remedy is what to do about it.
func (*lostError) Remedy() string {
	return "apply again: an apply that has taken the lock meanwhile is named then"
}
