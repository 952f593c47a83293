// Package running keeps what runs for pods.
package running

import (
	"context"
	"maps"
	"slices"
	"sync"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
)

// A Set holds what runs for each pod. The zero Set is empty and ready. It is safe for concurrent use.
type Set[T any] struct {
	mu  sync.Mutex
	all map[types.UID]entry[T]
	wg  sync.WaitGroup
}

type entry[T any] struct {
	of   T
	stop context.CancelFunc
}

// Start runs what begin returns until ctx is done or the pod is stopped, unless something runs for the pod already or ctx is
// done. begin must not use the Set.
func (s *Set[T]) Start(ctx context.Context, pod types.UID, begin func() (T, func(context.Context))) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, runs := s.all[pod]; runs || ctx.Err() != nil {
		return
	}
	if s.all == nil {
		s.all = map[types.UID]entry[T]{}
	}
	ctx, stop := context.WithCancel(ctx)
	of, run := begin()
	s.all[pod] = entry[T]{of, stop}
	s.wg.Go(func() { run(ctx) })
}

// Stop takes out what runs for a pod, and has it end. It does not wait for that.
func (s *Set[T]) Stop(pod types.UID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e, runs := s.all[pod]; runs {
		delete(s.all, pod)
		e.stop()
	}
}

// Keep stops whatever runs for other pods than these.
func (s *Set[T]) Keep(pods []*corev1.Pod) {
	s.mu.Lock()
	others := maps.Clone(s.all)
	s.mu.Unlock()
	for _, p := range pods {
		delete(others, p.UID)
	}
	for pod := range others {
		s.Stop(pod)
	}
}

// Get returns what runs for a pod.
func (s *Set[T]) Get(pod types.UID) (T, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, runs := s.all[pod]
	return e.of, runs
}

// All returns what runs, sorted by the UIDs of the pods.
func (s *Set[T]) All() []T {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []T
	for _, pod := range slices.Sorted(maps.Keys(s.all)) {
		out = append(out, s.all[pod].of)
	}
	return out
}

// Wait returns when all that was started has ended.
func (s *Set[T]) Wait() { s.wg.Wait() }
