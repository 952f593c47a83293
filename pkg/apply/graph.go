package apply

import (
	"context"
	"errors"
	"sync"
	"time"
)

// An Event is something that happened during an apply.
type Event struct {
	Cluster string    `json:"cluster,omitempty"`
	Step    string    `json:"step"`
	Kind    EventKind `json:"kind"`
	// Done and Total count the objects of the step.
	Done   int    `json:"done,omitempty"`
	Total  int    `json:"total,omitempty"`
	Detail string `json:"detail,omitempty"` // what is waited for, or went wrong
}

// An EventKind is what an [Event] says about its step.
type EventKind string

// The kinds of events. A step has one Started, any number of Progress and
// Waiting, and one of the others, or just Skipped.
const (
	Started  EventKind = "started"
	Progress EventKind = "progress"
	Waiting  EventKind = "waiting"
	Done     EventKind = "done"
	Failed   EventKind = "failed"
	Skipped  EventKind = "skipped"
)

// A step is one node of the graph that an apply is. It starts when all steps
// that it names in after have ended well; one that is final starts when they
// have ended at all.
type step struct {
	cluster string // "" for the mesh
	name    string
	after   []*step
	total   int // objects, for progress
	final   bool
	run     func(ctx context.Context, s *reporter) error

	ended      chan struct{}
	err        error
	start, end time.Time // zero for one that was skipped
}

// errSkipped is the outcome of a step whose turn never came.
var errSkipped = errors.New("a step before it did not end well")

// A reporter tells what a running step does.
type reporter struct {
	step *step
	emit func(Event)
	mu   sync.Mutex
	done int
}

func (r *reporter) event(kind EventKind, detail string) {
	r.emit(Event{Cluster: r.step.cluster, Step: r.step.name, Kind: kind, Done: r.done, Total: r.step.total, Detail: detail})
}

// advance counts one object as dealt with.
func (r *reporter) advance() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.done++
	r.event(Progress, "")
}

// waiting tells what the step waits for.
func (r *reporter) waiting(reason string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.event(Waiting, reason)
}

// runSteps runs a graph to its end, every step as soon as it may. It returns
// when all steps have ended; what became of each is in its err. Once ctx ends,
// steps that have not started are skipped, final ones excepted: these run
// under finalCtx.
func runSteps(ctx, finalCtx context.Context, steps []*step, emit func(Event)) {
	for _, s := range steps {
		s.ended = make(chan struct{})
	}
	var wg sync.WaitGroup
	for _, s := range steps {
		wg.Go(func() {
			defer close(s.ended)
			for _, before := range s.after {
				<-before.ended
				if before.err != nil && !s.final {
					s.err = errSkipped
				}
			}
			runStep(ctx, finalCtx, s, emit)
		})
	}
	wg.Wait()
}

func runStep(ctx, finalCtx context.Context, s *step, emit func(Event)) {
	r := &reporter{step: s, emit: emit}
	if s.final {
		ctx = finalCtx
	} else if s.err == nil && ctx.Err() != nil {
		s.err = errSkipped
	}
	if s.err != nil {
		r.event(Skipped, "")
		return
	}
	r.event(Started, "")
	s.start = time.Now()
	s.err = s.run(ctx, r)
	s.end = time.Now()
	if s.err != nil {
		r.event(Failed, s.err.Error())
		return
	}
	r.event(Done, "")
}
