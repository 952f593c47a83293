// Package follow keeps up with the objects of one kind in a cluster.
package follow

import (
	"context"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
)

// Retry is how long to wait for an API server that does not answer. It is short: one that a test has stopped must be
// noticed as soon as it is back. That is also why this is not an informer of client-go's, which waits ever longer.
const Retry = 200 * time.Millisecond

// A Source is a kind of object in one cluster. T is its type, such as [k8s.io/api/core/v1.Pod].
type Source[T any] struct {
	list    func(context.Context, metav1.ListOptions) (items []T, version string, err error)
	watch   func(context.Context, metav1.ListOptions) (watch.Interface, error)
	options metav1.ListOptions
}

// New returns the objects that list and watch find with options: two methods of a typed client. items are those of a
// list.
func New[T any, L metav1.ListInterface](
	list func(context.Context, metav1.ListOptions) (L, error), items func(L) []T,
	watch func(context.Context, metav1.ListOptions) (watch.Interface, error), options metav1.ListOptions,
) Source[T] {
	return Source[T]{watch: watch, options: options, list: func(ctx context.Context, o metav1.ListOptions) ([]T, string, error) {
		l, err := list(ctx, o)
		if err != nil {
			return nil, "", err
		}
		return items(l), l.GetResourceVersion(), nil
	}}
}

// Follow calls set with all objects whenever it has listed them, and put or gone with every one that changes
// afterwards, until ctx is done. An API server that does not answer is asked again.
func (s Source[T]) Follow(ctx context.Context, set func([]*T), put, gone func(*T)) {
	for ctx.Err() == nil {
		if err := s.once(ctx, set, put, gone); err != nil {
			select {
			case <-ctx.Done():
			case <-time.After(Retry):
			}
		}
	}
}

func (s Source[T]) once(ctx context.Context, set func([]*T), put, gone func(*T)) error {
	items, version, err := s.list(ctx, s.options)
	if err != nil {
		return err
	}
	set(pointers(items))
	options := s.options
	options.ResourceVersion = version
	w, err := s.watch(ctx, options)
	if err != nil {
		return err
	}
	defer w.Stop()
	for e := range w.ResultChan() {
		o, ok := e.Object.(any).(*T)
		switch {
		case !ok:
			return fmt.Errorf("watch: %v", e.Object) // a Status: the version is too old, say
		case e.Type == watch.Deleted:
			gone(o)
		default:
			put(o)
		}
	}
	return nil
}

func pointers[T any](items []T) []*T {
	out := make([]*T, len(items))
	for i := range items {
		out[i] = &items[i]
	}
	return out
}
