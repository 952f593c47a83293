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

	"github.com/setup-mesh/setup-mesh/pkg/apply"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
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
	begin     = apply.About{Kind: apply.Begin}
	control   = apply.About{Kind: apply.Put, Part: order.Control}
	answers   = apply.About{Kind: apply.Prove, Claim: order.Answers}
	discovers = apply.About{Kind: apply.Prove, Claim: order.Discovers}
	finish    = apply.About{Kind: apply.Finish}
)

// eventOf is an event of a step, which has that index in its plan.
func eventOf(cluster string, about apply.About, index int, kind apply.EventKind) apply.Event {
	return apply.Event{Cluster: cluster, Step: about.Kind, Part: about.Part, Peer: about.Peer, Claim: about.Claim, Index: index, Kind: kind}
}

// An install that goes well in east-1 and does not in west-1.
func playInstall(g *Progress) {
	steps := []apply.About{begin, control, answers, discovers, finish}
	say := func(cluster string, about apply.About, kind apply.EventKind, done, total int, detail string) {
		e := eventOf(cluster, about, slices.Index(steps, about), kind)
		e.Done, e.Total, e.Detail = done, total, detail
		g.Event(e)
	}
	both := []string{"east-1", "west-1"}
	for _, c := range both {
		say(c, begin, apply.Started, 0, 1, "")
		say(c, begin, apply.Progress, 1, 1, "")
		say(c, begin, apply.Done, 1, 1, "")
		say(c, control, apply.Started, 0, 6, "")
	}
	time.Sleep(time.Second)
	for i := range 6 {
		say("east-1", control, apply.Progress, i+1, 6, "")
	}
	say("east-1", control, apply.Done, 6, 6, "")
	say("west-1", control, apply.Progress, 1, 6, "")
	say("east-1", answers, apply.Started, 0, 0, "")
	say("east-1", answers, apply.Waiting, 0, 0, "istiod: waiting for its webhook")
	time.Sleep(21 * time.Second)
	say("east-1", answers, apply.Done, 0, 0, "")
	say("west-1", control, apply.Failed, 1, 6, "apply Deployment istio-system/istiod: quota exceeded")
	say("west-1", answers, apply.Skipped, 0, 0, "")
	say("east-1", discovers, apply.Started, 0, 0, "")
	say("east-1", discovers, apply.Done, 0, 0, "")
	for _, c := range both {
		say(c, finish, apply.Started, 0, 0, "")
		say(c, finish, apply.Done, 0, 0, "")
	}
	say("unknown", finish, apply.Done, 0, 0, "")
}

func progressPlan() *apply.Plan {
	return meshPlan(
		clusterPlan("east-1", "n", everything(apply.Create)...), clusterPlan("west-1", "n", everything(apply.Create)...),
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
		p.Clusters = append(p.Clusters, clusterPlan(fmt.Sprintf("c%02d", i), "n", everything(apply.Create)...))
	}
	synctest.Test(t, func(t *testing.T) {
		var b syncBuffer
		g := NewProgress(Terminal{W: &b, Live: true, Width: 80}, time.Now, p)
		crds := apply.About{Kind: apply.Put, Part: order.CRDs}
		waiting, failed := eventOf("c25", answers, 5, apply.Waiting), eventOf("c29", crds, 1, apply.Failed)
		waiting.Detail, failed.Detail = "istiod: waiting for its webhook", "no"
		for i := range 12 {
			g.Event(eventOf(fmt.Sprintf("c%02d", i), begin, 0, apply.Started))
			time.Sleep(time.Millisecond)
			g.Event(eventOf(fmt.Sprintf("c%02d", i), begin, 0, apply.Done))
			g.Event(eventOf(fmt.Sprintf("c%02d", i), finish, 9, apply.Done))
		}
		g.Event(eventOf("c25", answers, 5, apply.Started))
		g.Event(waiting)
		g.Event(eventOf("c29", crds, 1, apply.Started))
		g.Event(failed)
		g.Close()
		golden(t, "progress-thirty-clusters", strings.ReplaceAll(b.String(), "\x1b[2K", ""))
	})
}
