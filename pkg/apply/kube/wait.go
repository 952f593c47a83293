package kube

import (
	"context"
	"errors"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

const (
	// watchFor bounds one watch, so that a connection that died in silence
	// costs no more than this.
	watchFor = time.Minute
	// relistWait keeps a watch that ends at once from becoming a busy loop.
	relistWait = 500 * time.Millisecond
)

// Wait returns when cond is true of ref or ctx ends; then the error
// has the class [object.Timeout] or [object.Canceled] and the last reason as its message. It
// watches; an API server that is away for a while is waited for too. Missing
// permissions and credentials end it at once.
func (c *Cluster) Wait(ctx context.Context, ref object.Ref, cond object.Condition) error {
	w := &waiter{ref: ref, cond: cond, reason: "nothing was observed"}
	for {
		err := c.do(ctx, "wait for", ref, func(r resources) error { return w.observe(ctx, r) })
		if err != nil && ctx.Err() == nil {
			switch {
			case errors.Is(err, object.ErrNotFound):
				w.see(nil)
			case object.ClassOf(err) == object.Unreachable, object.ClassOf(err) == object.ServerFault, object.ClassOf(err) == object.Timeout:
				w.reason = err.Error()
			default:
				return err
			}
		}
		if w.done {
			return nil
		}
		timer := time.NewTimer(relistWait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			e := fault{&object.Error{Context: c.context, Op: "wait for", Ref: ref}}
			e.ended(ctx)
			e.Message = w.reason
			return e.Error
		}
	}
}

// A waiter is what one Wait knows.
type waiter struct {
	ref    object.Ref
	cond   object.Condition
	done   bool
	reason string
}

// see shows o to the condition and says whether the wait is over.
func (w *waiter) see(o *unstructured.Unstructured) bool {
	done, reason := w.cond(o)
	if reason != "" {
		w.reason = reason
	}
	w.done = done
	return done
}

// observe lists, then watches, until the wait is over or the watch ends.
func (w *waiter) observe(ctx context.Context, r dynamic.ResourceInterface) error {
	opts := metav1.ListOptions{FieldSelector: fields.OneTermEqualSelector("metadata.name", w.ref.Name).String()}
	list, err := r.List(ctx, opts)
	if err != nil {
		return err
	}
	var live *unstructured.Unstructured
	if len(list.Items) > 0 {
		live = &list.Items[0]
	}
	if w.see(live) {
		return nil
	}
	seconds := int64(watchFor / time.Second)
	opts.ResourceVersion, opts.TimeoutSeconds = list.GetResourceVersion(), &seconds
	events, err := r.Watch(ctx, opts)
	if err != nil {
		return err
	}
	defer events.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case event, ok := <-events.ResultChan():
			if !ok || event.Type == watch.Error {
				return nil // list again
			}
			o, ok := event.Object.(*unstructured.Unstructured)
			if !ok || event.Type == watch.Bookmark {
				continue
			}
			if event.Type == watch.Deleted {
				o = nil
			}
			if w.see(o) {
				return nil
			}
		}
	}
}
