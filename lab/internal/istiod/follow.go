package istiod

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
)

// retry is short: an API server that a test has stopped must be noticed as soon as it is back.
const retry = 200 * time.Millisecond

// A source is a kind of object in one cluster.
type source[T any] struct {
	list  func(context.Context, metav1.ListOptions) (items []T, version string, err error)
	watch func(context.Context, metav1.ListOptions) (watch.Interface, error)
	opts  metav1.ListOptions
}

// follow calls set with all objects whenever it has listed them, and put or gone with every one that changes
// afterwards, until ctx is done. An API server that does not answer is asked again.
func (s source[T]) follow(ctx context.Context, set func([]T), put, gone func(T)) {
	for ctx.Err() == nil {
		if err := s.once(ctx, set, put, gone); err != nil {
			select {
			case <-ctx.Done():
			case <-time.After(retry):
			}
		}
	}
}

func (s source[T]) once(ctx context.Context, set func([]T), put, gone func(T)) error {
	items, version, err := s.list(ctx, s.opts)
	if err != nil {
		return err
	}
	set(items)
	opts := s.opts
	opts.ResourceVersion = version
	w, err := s.watch(ctx, opts)
	if err != nil {
		return err
	}
	defer w.Stop()
	for e := range w.ResultChan() {
		o, ok := e.Object.(any).(T)
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

func (r *Runner) pods() source[*corev1.Pod] {
	api := r.cluster.Client().CoreV1().Pods(metav1.NamespaceAll)
	return source[*corev1.Pod]{
		list: func(ctx context.Context, o metav1.ListOptions) ([]*corev1.Pod, string, error) {
			l, err := api.List(ctx, o)
			if err != nil {
				return nil, "", err
			}
			return pointers(l.Items), l.ResourceVersion, nil
		},
		watch: api.Watch,
		opts:  metav1.ListOptions{LabelSelector: "app=istiod"},
	}
}

func (r *Runner) secrets() source[*corev1.Secret] {
	api := r.cluster.Client().CoreV1().Secrets(metav1.NamespaceAll)
	return source[*corev1.Secret]{
		list: func(ctx context.Context, o metav1.ListOptions) ([]*corev1.Secret, string, error) {
			l, err := api.List(ctx, o)
			if err != nil {
				return nil, "", err
			}
			return pointers(l.Items), l.ResourceVersion, nil
		},
		watch: api.Watch,
		opts:  metav1.ListOptions{FieldSelector: "metadata.name=" + caSecret},
	}
}

func pointers[T any](items []T) []*T {
	out := make([]*T, len(items))
	for i := range items {
		out[i] = &items[i]
	}
	return out
}
