package applytest

import (
	"context"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

// The times of a lock are those of package kube.
const (
	lockLife   = 30 * time.Second // after a renewal
	lockRenew  = 10 * time.Second // between renewals
	lockMargin = 5 * time.Second  // before the end, when the holder stops believing in it
)

// A lock is held until it is lost or released, or its run is killed.
type lock struct {
	k    *client
	ref  object.Ref
	lost chan struct{}
	stop context.CancelFunc
	done chan struct{} // the renewals have ended

	mu    sync.Mutex
	lease Object
	until time.Time // by our clock
}

// Lock implements [object.Writer].
func (k *client) Lock(ctx context.Context, namespace, holder string) (object.Lock, error) {
	l := &lock{
		k: k, ref: object.Ref{Group: "coordination.k8s.io", Kind: "Lease", Namespace: namespace, Name: object.LockName},
		lost: make(chan struct{}), done: make(chan struct{}),
	}
	if err := l.acquire(ctx, holder); err != nil {
		return nil, err
	}
	renewing, stop := context.WithCancel(k.run.ctx)
	l.stop = stop
	go l.keep(renewing)
	return l, nil
}

// Lost implements [object.Lock].
func (l *lock) Lost() <-chan struct{} { return l.lost }

// Held implements [object.Lock].
func (l *lock) Held() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return time.Now().Before(l.until)
}

// Release implements [object.Lock].
func (l *lock) Release(ctx context.Context) error {
	l.stop()
	<-l.done
	l.mu.Lock()
	defer l.mu.Unlock()
	l.until = time.Time{}
	return l.k.do(ctx, call{verb: "unlock", op: "unlock", ref: l.ref, writes: true, access: "delete"}, func() error {
		live := l.k.c.get(l.ref)
		if live == nil || live.GetUID() != l.lease.GetUID() || text(live, "spec", "holderIdentity") != text(l.lease, "spec", "holderIdentity") {
			return nil // somebody else's by now, or nobody's
		}
		return l.k.c.remove(object.FieldManager, l.ref, object.DeleteOptions{})
	})
}

// acquire makes the lease ours, unless it is live and somebody else's by the
// server's clock.
func (l *lock) acquire(ctx context.Context, holder string) error {
	start := time.Now()
	c := l.k.c
	return l.k.do(ctx, call{verb: "lock", op: "lock", ref: l.ref, writes: true, access: "create"}, func() (err error) {
		live, now := c.get(l.ref), c.now()
		if by := holderOf(live, now); by != nil && by.Holder != holder {
			by.Context = l.k.context
			return by
		}
		next := object.New("coordination.k8s.io/v1", "Lease", l.ref.Namespace, l.ref.Name, nil, nil)
		if live != nil {
			next = live.DeepCopy()
		}
		next.Object["spec"] = map[string]any{
			"holderIdentity": holder, "leaseDurationSeconds": int64(lockLife / time.Second),
			"acquireTime": now.Format(metav1.RFC3339Micro), "renewTime": now.Format(metav1.RFC3339Micro),
		}
		if live == nil {
			next, err = c.create(object.FieldManager, next, createOptions{})
		} else {
			next, err = c.update(object.FieldManager, live, next, "")
		}
		if err == nil {
			l.lease, l.until = next, start.Add(lockLife-lockMargin)
		}
		return err
	})
}

// holderOf returns who holds a lease at now, the server's clock; nil if nobody
// does.
func holderOf(lease Object, now time.Time) *object.LockedError {
	if lease == nil {
		return nil
	}
	at := func(field string) time.Time {
		t, _ := time.Parse(time.RFC3339, text(lease, "spec", field))
		return t
	}
	seconds, _ := number(lease.Object, "spec", "leaseDurationSeconds")
	expires := at("renewTime").Add(time.Duration(seconds) * time.Second)
	holder := text(lease, "spec", "holderIdentity")
	if holder == "" || !expires.After(now) {
		return nil
	}
	return &object.LockedError{Holder: holder, Since: at("acquireTime"), Expires: expires}
}

// keep renews the lease until ctx ends or the lock is lost.
func (l *lock) keep(ctx context.Context) {
	defer close(l.done)
	tick := time.NewTicker(lockRenew)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if asleep := l.k.run.asleep(); asleep != nil {
			select {
			case <-asleep:
			case <-ctx.Done():
				return
			}
		}
		taken, err := l.renew(ctx)
		if ctx.Err() == nil && (taken || absent(err) || !l.Held()) {
			l.mu.Lock()
			l.until = time.Time{}
			l.mu.Unlock()
			close(l.lost)
			return
		}
	}
}

// renew writes the lease once more, unless it is another's by now.
func (l *lock) renew(ctx context.Context) (taken bool, err error) {
	start := time.Now()
	if !l.Held() {
		return false, nil
	}
	err = l.k.do(ctx, call{verb: "renew", op: "lock", ref: l.ref, writes: true, access: "update"}, func() error {
		l.mu.Lock()
		defer l.mu.Unlock()
		live := l.k.c.get(l.ref)
		if live == nil {
			return notFound(l.ref)
		}
		if taken = live.GetUID() != l.lease.GetUID() || text(live, "spec", "holderIdentity") != text(l.lease, "spec", "holderIdentity"); taken {
			return nil
		}
		next := live.DeepCopy()
		set(next, l.k.c.now().Format(metav1.RFC3339Micro), "spec", "renewTime")
		next, err := l.k.c.update(object.FieldManager, live, next, "")
		if err == nil {
			l.lease, l.until = next, start.Add(lockLife-lockMargin)
		}
		return err
	})
	return taken, err
}
