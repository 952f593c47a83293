package execute

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
)

// A graphLog runs steps that do nothing but take their time. A step is called
// what its peer says.
type graphLog struct {
	mu    sync.Mutex
	lines []string
	steps []plan.Step
	takes map[string]time.Duration
	fails map[string]error
}

func (g *graphLog) add(line string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.lines = append(g.lines, line)
}

// step adds one that takes a while, and returns its index.
func (g *graphLog) step(kind plan.StepKind, name string, takes time.Duration, after ...int) int {
	if g.takes == nil {
		g.takes, g.fails = map[string]time.Duration{}, map[string]error{}
	}
	g.takes[name] = takes
	g.steps = append(g.steps, plan.Step{Kind: kind, Peer: name, After: after})
	return len(g.steps) - 1
}

func (g *graphLog) run(_ context.Context, s plan.Step, _ *reporter) error {
	g.add("start " + s.Peer)
	time.Sleep(g.takes[s.Peer])
	g.add("end " + s.Peer)
	return g.fails[s.Peer]
}

func outcomes(steps []*running) map[string]string {
	out := map[string]string{}
	for _, s := range steps {
		switch {
		case s.err == nil:
			out[s.Peer] = "ok"
		case errors.Is(s.err, errSkipped):
			out[s.Peer] = "skipped"
		default:
			out[s.Peer] = s.err.Error()
		}
	}
	return out
}

func silent(Event) {}

func TestRunStepsOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g graphLog
		g.step(plan.Put, "d", time.Second, 1, 3) // the order in the list is nobody's business
		c := g.step(plan.Put, "c", time.Second, 2)
		g.step(plan.Put, "b", time.Second)
		g.step(plan.Put, "a", 3*time.Second)
		start := time.Now()
		runSteps(t.Context(), g.steps, g.run, silent)
		// a and b start at once: their order is nobody's business.
		slices.Sort(g.lines[:2])
		want := []string{"start a", "start b", "end b", "start c", "end c", "end a", "start d", "end d"}
		if diff := cmp.Diff(want, g.lines); diff != "" {
			t.Errorf("order, c being step %d (-want +got):\n%s", c, diff)
		}
		if took := time.Since(start); took != 4*time.Second {
			t.Errorf("it took %v: not all ran as soon as they could", took)
		}
	})
}

func TestRunStepsFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g graphLog
		bad := g.step(plan.Put, "bad", time.Second)
		after := g.step(plan.Put, "after", time.Second, bad)
		later := g.step(plan.Remove, "later", time.Second, after)
		other := g.step(plan.Put, "other", 5*time.Second)
		g.step(plan.Finish, "final", time.Second, later, other)
		g.fails["bad"] = errors.New("no")
		all := runSteps(t.Context(), g.steps, g.run, silent)
		want := map[string]string{"bad": "no", "after": "skipped", "later": "skipped", "other": "ok", "final": "ok"}
		if diff := cmp.Diff(want, outcomes(all)); diff != "" {
			t.Errorf("outcomes (-want +got):\n%s", diff)
		}
		if last := g.lines[len(g.lines)-1]; last != "end final" || slices.Index(g.lines, "start final") < slices.Index(g.lines, "end other") {
			t.Errorf("the final step did not wait: %v", g.lines)
		}
	})
}

// A step that is blocked is not taken, and nobody is told of it: the plan has
// said so.
func TestRunStepsBlocked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g graphLog
		g.step(plan.Put, "works", time.Second)
		blocked := g.step(plan.Remove, "blocked", time.Second)
		g.steps[blocked].Blocked = "b is not reached"
		var events []Event
		all := runSteps(t.Context(), g.steps, g.run, func(e Event) { events = append(events, e) })
		if diff := cmp.Diff(map[string]string{"works": "ok", "blocked": "skipped"}, outcomes(all)); diff != "" {
			t.Errorf("outcomes (-want +got):\n%s", diff)
		}
		if slices.ContainsFunc(events, func(e Event) bool { return e.Index == blocked }) {
			t.Errorf("events: %v", events)
		}
	})
}

// An interrupt lets what runs end, skips what has not started, and runs what is
// final under a context of its own.
func TestRunStepsInterrupted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		var g graphLog
		running := g.step(plan.Put, "running", 3*time.Second)
		next := g.step(plan.Put, "next", time.Second, running)
		g.step(plan.Finish, "final", 0, next)
		var late error
		run := func(ctx context.Context, s plan.Step, r *reporter) error {
			if s.Kind != plan.Finish {
				return g.run(ctx, s, r)
			}
			if err := ctx.Err(); err != nil {
				return err
			}
			<-ctx.Done() // it hangs
			late = ctx.Err()
			return nil
		}
		time.AfterFunc(time.Second, cancel)
		start := time.Now()
		all := runSteps(ctx, g.steps, run, silent)
		want := map[string]string{"running": "ok", "next": "skipped", "final": "ok"}
		if diff := cmp.Diff(want, outcomes(all)); diff != "" {
			t.Errorf("outcomes (-want +got):\n%s", diff)
		}
		if took := time.Since(start); took != 3*time.Second+finalTime || late == nil {
			t.Errorf("it took %v: the end of a cluster has %v of its own, from when what ran has ended", took, finalTime)
		}
	})
}

func TestRunStepsEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		steps := []plan.Step{
			{Cluster: "a", Kind: plan.Put, Part: order.Config, Changes: []int{3, 4}},
			{Cluster: "b", Kind: plan.Prove, Claim: order.Answers, After: []int{0}},
		}
		run := func(_ context.Context, _ plan.Step, r *reporter) error {
			r.advance()
			r.waiting("for Godot")
			r.advance()
			return errors.New("no")
		}
		var events []Event
		runSteps(t.Context(), steps, run, func(e Event) { events = append(events, e) })
		work := func(kind EventKind, done int, detail string) Event {
			return Event{Cluster: "a", Step: plan.Put, Part: order.Config, Kind: kind, Done: done, Total: 2, Detail: detail}
		}
		want := []Event{
			work(Started, 0, ""), work(Progress, 1, ""), work(Waiting, 1, "for Godot"), work(Progress, 2, ""), work(Failed, 2, "no"),
			{Cluster: "b", Step: plan.Prove, Claim: order.Answers, Index: 1, Kind: Skipped},
		}
		if diff := cmp.Diff(want, events); diff != "" {
			t.Errorf("events (-want +got):\n%s", diff)
		}
	})
}

// The end of a cluster writes its record and gives up its lock. It is interrupted
// while requests are under way, and those are repeated until the server is back.
func TestFinalTimeOutlastsARequest(t *testing.T) {
	const attempt, waits = 30 * time.Second, 28 * time.Second // of package kube
	if finalTime <= attempt+waits {
		t.Errorf("the end of a cluster takes %v at most, and one request of it %v", finalTime, attempt+waits)
	}
}
