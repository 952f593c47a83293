package apply

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// A graphLog notes which steps started and ended, in order.
type graphLog struct {
	mu    sync.Mutex
	lines []string
}

func (g *graphLog) add(line string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.lines = append(g.lines, line)
}

// step takes a while, and ends in err.
func (g *graphLog) step(name string, takes time.Duration, err error, after ...*step) *step {
	return &step{name: name, after: after, run: func(context.Context, *reporter) error {
		g.add("start " + name)
		time.Sleep(takes)
		g.add("end " + name)
		return err
	}}
}

func (g *graphLog) outcome(steps []*step) map[string]string {
	out := map[string]string{}
	for _, s := range steps {
		switch {
		case s.err == nil:
			out[s.name] = "ok"
		case errors.Is(s.err, errSkipped):
			out[s.name] = "skipped"
		default:
			out[s.name] = s.err.Error()
		}
	}
	return out
}

func TestRunStepsOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g graphLog
		a := g.step("a", 3*time.Second, nil)
		b := g.step("b", time.Second, nil)
		c := g.step("c", time.Second, nil, b)
		d := g.step("d", time.Second, nil, a, c)
		start := time.Now()
		runSteps(t.Context(), t.Context(), []*step{d, c, b, a}, func(Event) {})
		// a and b start at once: their order is nobody's business.
		slices.Sort(g.lines[:2])
		want := []string{"start a", "start b", "end b", "start c", "end c", "end a", "start d", "end d"}
		if diff := cmp.Diff(want, g.lines); diff != "" {
			t.Errorf("order (-want +got):\n%s", diff)
		}
		if took := time.Since(start); took != 4*time.Second {
			t.Errorf("it took %v: not all ran as soon as they could", took)
		}
	})
}

func TestRunStepsFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g graphLog
		bad := g.step("bad", time.Second, errors.New("no"))
		after := g.step("after", time.Second, nil, bad)
		later := g.step("later", time.Second, nil, after)
		other := g.step("other", 5*time.Second, nil)
		final := g.step("final", time.Second, nil, later, other)
		final.final = true
		steps := []*step{bad, after, later, other, final}
		runSteps(t.Context(), t.Context(), steps, func(Event) {})
		want := map[string]string{"bad": "no", "after": "skipped", "later": "skipped", "other": "ok", "final": "ok"}
		if diff := cmp.Diff(want, g.outcome(steps)); diff != "" {
			t.Errorf("outcomes (-want +got):\n%s", diff)
		}
		if last := g.lines[len(g.lines)-1]; last != "end final" || slices.Index(g.lines, "start final") < slices.Index(g.lines, "end other") {
			t.Errorf("the final step did not wait: %v", g.lines)
		}
	})
}

// An interrupt lets what runs end, skips what has not started, and runs what is
// final under a context of its own.
func TestRunStepsInterrupted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		finalCtx, stop := withGrace(ctx, 20*time.Second)
		defer stop()
		var g graphLog
		running := g.step("running", 3*time.Second, nil)
		next := g.step("next", time.Second, nil, running)
		var late error
		final := &step{name: "final", final: true, after: []*step{next}, run: func(ctx context.Context, _ *reporter) error {
			if err := ctx.Err(); err != nil {
				return err
			}
			<-ctx.Done() // it hangs
			late = ctx.Err()
			return nil
		}}
		steps := []*step{running, next, final}
		time.AfterFunc(time.Second, cancel)
		start := time.Now()
		runSteps(ctx, finalCtx, steps, func(Event) {})
		want := map[string]string{"running": "ok", "next": "skipped", "final": "ok"}
		if diff := cmp.Diff(want, g.outcome(steps)); diff != "" {
			t.Errorf("outcomes (-want +got):\n%s", diff)
		}
		if took := time.Since(start); took != 21*time.Second || late == nil {
			t.Errorf("it took %v: the grace is 20 s after the interrupt", took)
		}
	})
}

func TestWithGraceOfAnUndisturbedRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		parent, cancel := context.WithCancel(t.Context())
		ctx, stop := withGrace(parent, time.Second)
		time.Sleep(time.Hour)
		if ctx.Err() != nil {
			t.Errorf("it ended by itself: %v", ctx.Err())
		}
		stop()
		cancel()
		if ctx.Err() == nil {
			t.Error("stop does not end it")
		}
	})
}

func TestRunStepsEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var events []Event
		work := &step{cluster: "a", name: "work", total: 2, run: func(_ context.Context, r *reporter) error {
			r.advance()
			r.waiting("for Godot")
			r.advance()
			return errors.New("no")
		}}
		skipped := &step{cluster: "b", name: "skipped", after: []*step{work}}
		runSteps(t.Context(), t.Context(), []*step{work, skipped}, func(e Event) { events = append(events, e) })
		want := []Event{
			{Cluster: "a", Step: "work", Kind: Started, Total: 2},
			{Cluster: "a", Step: "work", Kind: Progress, Done: 1, Total: 2},
			{Cluster: "a", Step: "work", Kind: Waiting, Done: 1, Total: 2, Detail: "for Godot"},
			{Cluster: "a", Step: "work", Kind: Progress, Done: 2, Total: 2},
			{Cluster: "a", Step: "work", Kind: Failed, Done: 2, Total: 2, Detail: "no"},
			{Cluster: "b", Step: "skipped", Kind: Skipped},
		}
		if diff := cmp.Diff(want, events); diff != "" {
			t.Errorf("events (-want +got):\n%s", diff)
		}
	})
}
