package view

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/setup-mesh/setup-mesh/pkg/apply/execute"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
)

// syncBuffer is written to by the ticker and read by the test.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// The steps that these tests play.
var (
	begin     = plan.About{Kind: plan.Begin}
	control   = plan.About{Kind: plan.Put, Part: order.Control}
	answers   = plan.About{Kind: plan.Prove, Claim: order.Answers}
	discovers = plan.About{Kind: plan.Prove, Claim: order.Discovers}
	finish    = plan.About{Kind: plan.Finish}
)

// eventOf is an event of a step, which has that index in its plan.
func eventOf(cluster string, about plan.About, index int, kind execute.EventKind) execute.Event {
	return execute.Event{Cluster: cluster, Step: about.Kind, Part: about.Part, Peer: about.Peer, Claim: about.Claim, Index: index, Kind: kind}
}

// An install that goes well in east-1 and does not in west-1.
func playInstall(g *Progress) {
	steps := []plan.About{begin, control, answers, discovers, finish}
	say := func(cluster string, about plan.About, kind execute.EventKind, done, total int, detail string) {
		e := eventOf(cluster, about, slices.Index(steps, about), kind)
		e.Done, e.Total, e.Detail = done, total, detail
		g.Event(e)
	}
	both := []string{"east-1", "west-1"}
	for _, c := range both {
		say(c, begin, execute.Started, 0, 1, "")
		say(c, begin, execute.Progress, 1, 1, "")
		say(c, begin, execute.Done, 1, 1, "")
		say(c, control, execute.Started, 0, 6, "")
	}
	time.Sleep(time.Second)
	for i := range 6 {
		say("east-1", control, execute.Progress, i+1, 6, "")
	}
	say("east-1", control, execute.Done, 6, 6, "")
	say("west-1", control, execute.Progress, 1, 6, "")
	say("east-1", answers, execute.Started, 0, 0, "")
	say("east-1", answers, execute.Waiting, 0, 0, "istiod: waiting for its webhook")
	time.Sleep(21 * time.Second)
	say("east-1", answers, execute.Done, 0, 0, "")
	say("west-1", control, execute.Failed, 1, 6, "apply Deployment istio-system/istiod: quota exceeded")
	say("west-1", answers, execute.Skipped, 0, 0, "")
	say("east-1", discovers, execute.Started, 0, 0, "")
	say("east-1", discovers, execute.Done, 0, 0, "")
	for _, c := range both {
		say(c, finish, execute.Started, 0, 0, "")
		say(c, finish, execute.Done, 0, 0, "")
	}
	say("unknown", finish, execute.Done, 0, 0, "")
}

func progressPlan() *plan.Plan {
	return meshPlan(
		clusterPlan("east-1", "n", everything(plan.Create)...), clusterPlan("west-1", "n", everything(plan.Create)...),
		clusterPlan("idle", "n"),
	)
}

func TestProgressPlain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b syncBuffer
		g := NewProgress(Terminal{W: &b}, time.Now, progressPlan())
		playInstall(g)
		g.Close()
		golden(t, "progress-plain", b.String())
	})
}

// TestProgressLive looks at what stands on the terminal from time to time.
func TestProgressLive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b syncBuffer
		g := NewProgress(Terminal{W: &b, Live: true, Width: 60}, time.Now, progressPlan())
		var screens strings.Builder
		look := func() {
			all := b.String()
			fmt.Fprintf(&screens, "-- after %v --\n%s", g.now().Sub(g.start), strings.ReplaceAll(all[strings.LastIndex(all, "\x1b[2A")+len("\x1b[2A"):], "\x1b[2K", ""))
		}
		time.AfterFunc(500*time.Millisecond, look)
		time.AfterFunc(5*time.Second, look)
		playInstall(g)
		g.Close()
		look()
		golden(t, "progress-live", screens.String())
		// Every drawing but the first goes up by as many lines as there are.
		if up, lines := strings.Count(b.String(), "\x1b[2A"), strings.Count(b.String(), "\n"); 2*(up+1) != lines {
			t.Errorf("%d times up by 2, and %d lines", up, lines)
		}
	})
}

// More clusters than a terminal has lines: those with news come first.
func TestProgressOfManyClusters(t *testing.T) {
	p := meshPlan()
	for i := range 30 {
		p.Clusters = append(p.Clusters, clusterPlan(fmt.Sprintf("c%02d", i), "n", everything(plan.Create)...))
	}
	synctest.Test(t, func(t *testing.T) {
		var b syncBuffer
		g := NewProgress(Terminal{W: &b, Live: true, Width: 80}, time.Now, p)
		crds := plan.About{Kind: plan.Put, Part: order.CRDs}
		waiting, failed := eventOf("c25", answers, 5, execute.Waiting), eventOf("c29", crds, 1, execute.Failed)
		waiting.Detail, failed.Detail = "istiod: waiting for its webhook", "no"
		for i := range 12 {
			g.Event(eventOf(fmt.Sprintf("c%02d", i), begin, 0, execute.Started))
			time.Sleep(time.Millisecond)
			g.Event(eventOf(fmt.Sprintf("c%02d", i), begin, 0, execute.Done))
			g.Event(eventOf(fmt.Sprintf("c%02d", i), finish, 9, execute.Done))
		}
		g.Event(eventOf("c25", answers, 5, execute.Started))
		g.Event(waiting)
		g.Event(eventOf("c29", crds, 1, execute.Started))
		g.Event(failed)
		g.Close()
		golden(t, "progress-thirty-clusters", strings.ReplaceAll(b.String(), "\x1b[2K", ""))
	})
}
