package applytest

import (
	"context"
	"time"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

const (
	watchFor   = time.Minute            // one watch, as in package kube
	relistWait = 500 * time.Millisecond // between two
)

// A waiter sees the changes of one object. Its fields belong to the fleet's lock.
type waiter struct {
	seen  []Object      // not yet shown, nil for a deletion
	again bool          // the watch broke
	news  chan struct{} // has something when there is something
}

func (w *waiter) ring() {
	select {
	case w.news <- struct{}{}:
	default:
	}
}

// notify shows a change to those who wait for it.
func (c *Cluster) notify(ref object.Ref, after Object) {
	for w := range c.waiters[ref] {
		w.seen = append(w.seen, after)
		w.ring()
	}
}

// interrupt breaks all watches.
func (c *Cluster) interrupt() {
	for _, waiters := range c.waiters {
		for w := range waiters {
			w.again = true
			w.ring()
		}
	}
}

// Wait implements [object.Reader].
func (k *client) Wait(ctx context.Context, ref object.Ref, cond object.Condition) error {
	const op = "wait for"
	reason := "nothing was observed"
	judge := func(o Object) (bool, error) {
		done, why := cond(o)
		if why != "" {
			reason = why
		}
		return done, nil
	}
	for {
		done, judged, err := k.watch(ctx, ref, judge)
		switch class := object.ClassOf(err); {
		case done, judged:
			return err
		case err == nil || ctx.Err() != nil:
		case class == object.Unreachable, class == object.ServerFault, class == object.Timeout:
			reason = err.Error()
		default:
			return err
		}
		timer := time.NewTimer(relistWait)
		select {
		case <-timer.C:
		case <-k.run.ctx.Done():
			timer.Stop()
			return k.failed(op, ref, ended(k.run.ctx))
		case <-ctx.Done():
			timer.Stop()
			e := ended(ctx)
			e.Message = reason
			return k.failed(op, ref, e)
		}
	}
}

// watch shows judge the object, and then its changes. The error is judge's if
// judged is true.
func (k *client) watch(ctx context.Context, ref object.Ref, judge func(Object) (bool, error)) (done, judged bool, err error) {
	w := &waiter{news: make(chan struct{}, 1)}
	defer k.unwatch(ref, w)
	var live Object
	err = k.do(ctx, call{verb: "wait", op: "wait for", ref: ref, access: "watch"}, func() error {
		if k.c.waiters[ref] == nil {
			k.c.waiters[ref] = map[*waiter]bool{}
		}
		k.c.waiters[ref][w] = true
		if _, err := k.c.check(ref, ""); err != nil && !absent(err) {
			return err
		}
		if o := k.c.get(ref); o != nil {
			live = k.c.shown(o)
		}
		return nil
	})
	if err != nil {
		return false, false, err
	}
	if done, err = judge(live); done || err != nil {
		return done, err != nil, err
	}
	end := time.NewTimer(watchFor)
	defer end.Stop()
	for {
		select {
		case <-ctx.Done():
			return false, false, ctx.Err()
		case <-k.run.ctx.Done():
			return false, false, nil
		case <-end.C:
			return false, false, nil
		case <-w.news:
		}
		changes, again := k.news(w)
		for _, o := range changes {
			if done, err = judge(o); done || err != nil {
				return done, err != nil, err
			}
		}
		if again {
			return false, false, nil
		}
	}
}

// news takes what a waiter has not been shown yet.
func (k *client) news(w *waiter) ([]Object, bool) {
	defer k.c.f.hold()()
	changes, again := w.seen, w.again
	w.seen, w.again = nil, false
	for i, o := range changes {
		if o != nil {
			changes[i] = k.c.shown(o)
		}
	}
	return changes, again
}

func (k *client) unwatch(ref object.Ref, w *waiter) {
	defer k.c.f.hold()()
	delete(k.c.waiters[ref], w)
	if len(k.c.waiters[ref]) == 0 {
		delete(k.c.waiters, ref)
	}
}
