package applytest

import (
	"context"
	"slices"
	"sync"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

// A Run is one process of setup-mesh. It implements [object.Opener].
type Run struct {
	f      *Fleet
	number int
	ctx    context.Context
	kill   context.CancelFunc

	mu      sync.Mutex
	resumed chan struct{} // closed on; nil while not suspended
}

var _ object.Opener = (*Run)(nil)

// Run begins a process. The context is that of its work: it ends with ctx, or
// when the process is killed.
func (f *Fleet) Run(ctx context.Context) (*Run, context.Context) {
	ctx, kill := context.WithCancel(ctx)
	defer f.hold()()
	f.runs++
	// Deadlines of the caller are not the process's: it goes on to release locks.
	life, dead := context.WithCancel(context.WithoutCancel(ctx))
	return &Run{f: f, number: f.runs, ctx: life, kill: func() { dead(); kill() }}, ctx
}

// Number is what requests and writes of the process carry.
func (r *Run) Number() int { return r.number }

// Kill ends the process at once: no later request of it has an effect, and its
// locks run out.
func (r *Run) Kill() { r.kill() }

// Suspend stops the process's renewals of locks, as a laptop that is closed does,
// until Resume. What else its goroutines do is the test's to stop.
func (r *Run) Suspend() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.resumed == nil {
		r.resumed = make(chan struct{})
	}
}

// Resume ends what Suspend began.
func (r *Run) Resume() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.resumed != nil {
		close(r.resumed)
		r.resumed = nil
	}
}

// asleep is closed when the process goes on, nil if it is not suspended.
func (r *Run) asleep() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.resumed
}

// Contexts are those that lead to a cluster, sorted.
func (r *Run) Contexts() []string {
	defer r.f.hold()()
	var out []string
	for name := range r.f.contexts {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

// Open implements [object.Opener].
func (r *Run) Open(context string) (object.Cluster, error) {
	defer r.f.hold()()
	c, ok := r.f.clusters[r.f.contexts[context]]
	if !ok {
		return nil, &object.Error{Class: object.BadKubeconfig, Context: context, Op: "open", Message: "no such context in the kubeconfig"}
	}
	return &client{run: r, context: context, c: c}, nil
}
