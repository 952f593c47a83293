package execute

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
)

// An Event is something that happened during an apply.
type Event struct {
	Cluster string        `json:"cluster,omitempty"`
	Step    plan.StepKind `json:"step"`
	Part    order.Part    `json:"part,omitempty"`
	Peer    string        `json:"peer,omitempty"`
	Claim   order.Claim   `json:"claim,omitempty"`
	Index   int           `json:"index"` // of the step in the plan
	Kind    EventKind     `json:"kind"`
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

// A running is what becomes of one [plan.Step] of a plan.
type running struct {
	plan.Step
	index      int
	ended      chan struct{}
	err        error
	start, end time.Time // zero for one that was skipped
}

// errSkipped is the outcome of a step whose turn never came.
var errSkipped = errors.New("a step that comes before it failed")

// A reporter tells what a running step does.
type reporter struct {
	step *running
	emit func(Event)
	mu   sync.Mutex
	done int
}

func (r *reporter) event(kind EventKind, detail string) {
	s := r.step
	r.emit(Event{
		Cluster: s.Cluster, Step: s.Kind, Part: s.Part, Peer: s.Peer, Claim: s.Claim, Index: s.index,
		Kind: kind, Done: r.done, Total: len(s.Changes), Detail: detail,
	})
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

// runSteps runs a graph to its end, every step as soon as it may, and returns
// what became of each. Blocked steps are skipped without a word. Once ctx ends,
// steps that have not started are skipped, too, but for those that finish a
// cluster: these run under a context of their own, however the others ended.
func runSteps(ctx context.Context, steps []plan.Step, run func(ctx context.Context, s plan.Step, r *reporter) error, emit func(Event)) []*running {
	all := make([]*running, len(steps))
	for i, s := range steps {
		all[i] = &running{Step: s, index: i, ended: make(chan struct{})}
	}
	var wg sync.WaitGroup
	for _, s := range all {
		wg.Go(func() {
			defer close(s.ended)
			for _, i := range s.After {
				<-all[i].ended
				if all[i].err != nil && s.Kind != plan.Finish {
					s.err = errSkipped
				}
			}
			s.run(ctx, run, emit)
		})
	}
	wg.Wait()
	return all
}

func (s *running) run(ctx context.Context, run func(ctx context.Context, s plan.Step, r *reporter) error, emit func(Event)) {
	r := &reporter{step: s, emit: emit}
	switch {
	case s.Blocked != "":
		s.err = errSkipped
		return
	case s.Kind == plan.Finish:
		final, cancel := context.WithTimeout(context.WithoutCancel(ctx), finalTime)
		defer cancel()
		ctx = final
	case s.err == nil && ctx.Err() != nil:
		s.err = errSkipped
	}
	if s.err != nil {
		r.event(Skipped, "")
		return
	}
	r.event(Started, "")
	s.start = time.Now()
	s.err = run(ctx, s.Step, r)
	s.end = time.Now()
	if s.err != nil {
		r.event(Failed, s.err.Error())
		return
	}
	r.event(Done, "")
}
