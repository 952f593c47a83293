package kube

import (
	"context"
	"errors"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/setup-mesh/setup-mesh/pkg/apply/kube/internal/plain"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

// lockTimes are how long a lock lives. They are a parameter so that a test
// need not wait for half a minute.
type lockTimes struct {
	duration time.Duration // after a renewal
	renew    time.Duration // between renewals
	margin   time.Duration // before the end, when the holder stops believing in it
}

// A Lock is held until it is lost or released. It is renewed behind the
// scenes: a holder must call [Lock.Release].
type Lock struct {
	c     *Cluster
	ref   object.Ref
	times lockTimes
	lost  chan struct{}
	stop  context.CancelFunc
	done  chan struct{} // the renewals have ended

	mu    sync.Mutex
	lease *unstructured.Unstructured
	until time.Time // our clock, without its monotonic part: it goes on while a laptop sleeps
}

// Lock takes the Lease [object.LockName] in a namespace, which must exist. The lease
// lives for 30 s and is renewed every 10 s. One that another holder has not
// renewed in time is taken over; one that is live is a [*object.LockedError].
func (c *Cluster) Lock(ctx context.Context, namespace, holder string) (object.Lock, error) {
	l, err := c.lock(ctx, namespace, holder, lockTimes{30 * time.Second, 10 * time.Second, 5 * time.Second})
	if err != nil {
		return nil, err // not a nil *Lock, which would be a lock
	}
	return l, nil
}

func (c *Cluster) lock(ctx context.Context, namespace, holder string, times lockTimes) (*Lock, error) {
	l := &Lock{
		c: c, times: times,
		ref:  object.Ref{Group: "coordination.k8s.io", Kind: "Lease", Namespace: namespace, Name: object.LockName},
		lost: make(chan struct{}), done: make(chan struct{}),
	}
	if err := l.acquire(ctx, holder); err != nil {
		return nil, err
	}
	// The lock outlives an interrupt: what is under way is finished under it.
	renewing, stop := context.WithCancel(context.WithoutCancel(ctx))
	l.stop = stop
	go l.keep(renewing)
	return l, nil
}

// Lost is closed when the lock is about to end because it could not be
// renewed, before anybody else can take it.
func (l *Lock) Lost() <-chan struct{} { return l.lost }

// Held says whether the lock is still ours. Unlike [Lock.Lost] it is right
// immediately after the machine has slept.
func (l *Lock) Held() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return time.Now().Round(0).Before(l.until)
}

// Release gives the lock up: it deletes the Lease if it is still ours.
func (l *Lock) Release(ctx context.Context) error {
	l.stop()
	<-l.done
	err := l.remove(ctx)
	if object.ClassOf(err) == object.Conflict {
		// Another's by now, or a renewal was under way.
		if err = l.reread(ctx); err == nil {
			err = l.remove(ctx)
		}
	}
	if class := object.ClassOf(err); class == object.NotFound || class == object.Conflict {
		return nil // somebody else's by now, or nobody's
	}
	return err
}

// remove deletes the lease as we last saw it, and holds it no longer.
func (l *Lock) remove(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.until = time.Time{}
	uid, version := l.lease.GetUID(), l.lease.GetResourceVersion()
	return l.c.do(ctx, "unlock", l.ref, func(r resources) error {
		return r.Delete(ctx, l.ref.Name, metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &uid, ResourceVersion: &version}})
	})
}

// acquire makes the lease ours. A reading comes first, also because it tells
// the server's clock, by which leases are judged.
func (l *Lock) acquire(ctx context.Context, holder string) error {
	var err error
	for range 5 {
		var live *unstructured.Unstructured
		live, err = l.c.Get(ctx, l.ref)
		if err != nil && !errors.Is(err, object.ErrNotFound) {
			return err
		}
		now := l.c.transport.Now()
		spec := map[string]any{
			"holderIdentity": holder, "leaseDurationSeconds": int64((l.times.duration + time.Second - 1) / time.Second),
			"acquireTime": micro(now),
		}
		next := &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
			"metadata": map[string]any{"name": l.ref.Name, "namespace": l.ref.Namespace},
		}}
		if live != nil {
			if by := judgeLease(live, now); by != nil && by.Holder != plain.Clean(holder) {
				by.Context = l.c.context
				return by
			}
			next = live
		}
		next.Object["spec"] = spec
		err = l.write(ctx, next, live == nil)
		if err == nil || object.ClassOf(err) != object.Conflict {
			return err
		}
		// Somebody was faster: see who.
	}
	return err
}

// judgeLease returns who holds lease at now, the server's clock; nil if
// nobody does.
func judgeLease(lease *unstructured.Unstructured, now time.Time) *object.LockedError {
	text := func(field string) string {
		s, _, _ := unstructured.NestedString(lease.Object, "spec", field)
		return s
	}
	at := func(field string) time.Time {
		t, _ := time.Parse(time.RFC3339, text(field))
		return t
	}
	seconds, _, _ := unstructured.NestedInt64(lease.Object, "spec", "leaseDurationSeconds")
	expires := at("renewTime").Add(time.Duration(seconds) * time.Second)
	if text("holderIdentity") == "" || !expires.After(now) {
		return nil
	}
	return &object.LockedError{Holder: plain.Clean(text("holderIdentity")), Since: at("acquireTime"), Expires: expires}
}

// write creates or updates the lease with a fresh renewal.
func (l *Lock) write(ctx context.Context, lease *unstructured.Unstructured, create bool) error {
	start := time.Now().Round(0)
	if err := unstructured.SetNestedField(lease.Object, micro(l.c.transport.Now()), "spec", "renewTime"); err != nil {
		return err
	}
	return l.c.do(ctx, "lock", l.ref, func(r resources) (err error) {
		var written *unstructured.Unstructured
		if create {
			written, err = r.Create(ctx, lease, metav1.CreateOptions{FieldManager: object.FieldManager})
		} else {
			written, err = r.Update(ctx, lease, metav1.UpdateOptions{FieldManager: object.FieldManager})
		}
		if err == nil {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.lease, l.until = written, start.Add(l.times.duration-l.times.margin)
		}
		return err
	})
}

// keep renews the lease until ctx ends or the lock is lost.
func (l *Lock) keep(ctx context.Context) {
	defer close(l.done)
	tick := time.NewTicker(l.times.renew)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		l.mu.Lock()
		lease, left := l.lease.DeepCopy(), time.Until(l.until)
		l.mu.Unlock()
		attempt, cancel := context.WithTimeout(ctx, left)
		err := l.write(attempt, lease, false)
		cancel()
		if object.ClassOf(err) == object.Conflict {
			err = l.reread(ctx)
		}
		gone := object.ClassOf(err) == object.Conflict || errors.Is(err, object.ErrNotFound)
		if ctx.Err() == nil && (gone || !l.Held()) {
			l.mu.Lock()
			l.until = time.Time{}
			l.mu.Unlock()
			close(l.lost)
			return
		}
	}
}

// reread takes over the resourceVersion of a renewal of ours whose answer was
// lost. A lease that is another's by now is an error of class [object.Conflict].
func (l *Lock) reread(ctx context.Context) error {
	live, err := l.c.Get(ctx, l.ref)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	ours, _, _ := unstructured.NestedString(l.lease.Object, "spec", "holderIdentity")
	holder, _, _ := unstructured.NestedString(live.Object, "spec", "holderIdentity")
	if live.GetUID() != l.lease.GetUID() || holder != ours {
		return &object.Error{Class: object.Conflict, Context: l.c.context, Op: "lock", Ref: l.ref, Message: "taken over by " + plain.Clean(holder)}
	}
	l.lease = live
	return nil
}

// micro formats t as metav1.MicroTime does.
func micro(t time.Time) string { return t.UTC().Format(metav1.RFC3339Micro) }
