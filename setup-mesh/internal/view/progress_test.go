package view

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/setup-mesh/setup-mesh/pkg/apply"
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

// An install that goes well in east-1 and does not in west-1.
func playInstall(g *Progress) {
	say := func(cluster, step string, kind apply.EventKind, done, total int, detail string) {
		g.Event(apply.Event{Cluster: cluster, Step: step, Kind: kind, Done: done, Total: total, Detail: detail})
	}
	both := []string{"east-1", "west-1"}
	for _, c := range both {
		say(c, "namespace", apply.Started, 0, 1, "")
		say(c, "namespace", apply.Progress, 1, 1, "")
		say(c, "namespace", apply.Done, 1, 1, "")
		say(c, "control plane", apply.Started, 0, 6, "")
	}
	time.Sleep(time.Second)
	for i := range 6 {
		say("east-1", "control plane", apply.Progress, i+1, 6, "")
	}
	say("east-1", "control plane", apply.Done, 6, 6, "")
	say("west-1", "control plane", apply.Progress, 1, 6, "")
	say("east-1", "istiod", apply.Started, 0, 0, "")
	say("east-1", "istiod", apply.Waiting, 0, 0, "istiod: waiting for its webhook")
	time.Sleep(21 * time.Second)
	say("east-1", "istiod", apply.Done, 0, 0, "")
	say("west-1", "control plane", apply.Failed, 1, 6, "apply Deployment istio-system/istiod: quota exceeded")
	say("west-1", "istiod", apply.Skipped, 0, 0, "")
	say("east-1", "discovery", apply.Started, 0, 0, "")
	say("east-1", "discovery", apply.Done, 0, 0, "")
	for _, c := range both {
		say(c, "record", apply.Started, 0, 0, "")
		say(c, "record", apply.Done, 0, 0, "")
	}
	say("unknown", "record", apply.Done, 0, 0, "")
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
		for i := range 12 {
			g.Event(apply.Event{Cluster: fmt.Sprintf("c%02d", i), Step: "namespace", Kind: apply.Started})
			time.Sleep(time.Millisecond)
			g.Event(apply.Event{Cluster: fmt.Sprintf("c%02d", i), Step: "namespace", Kind: apply.Done})
			g.Event(apply.Event{Cluster: fmt.Sprintf("c%02d", i), Step: "record", Kind: apply.Done})
		}
		g.Event(apply.Event{Cluster: "c25", Step: "istiod", Kind: apply.Started})
		g.Event(apply.Event{Cluster: "c25", Step: "istiod", Kind: apply.Waiting, Detail: "istiod: waiting for its webhook"})
		g.Event(apply.Event{Cluster: "c29", Step: "CRDs", Kind: apply.Started})
		g.Event(apply.Event{Cluster: "c29", Step: "CRDs", Kind: apply.Failed, Detail: "no"})
		g.Close()
		golden(t, "progress-thirty-clusters", strings.ReplaceAll(b.String(), "\x1b[2K", ""))
	})
}
