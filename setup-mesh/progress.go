package main

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/setup-mesh/setup-mesh/pkg/apply"
)

const (
	// redrawEvery is how often the lines on a terminal are drawn anew.
	redrawEvery = 120 * time.Millisecond
	// heartbeatEvery is how often a run without a terminal says what it waits for.
	heartbeatEvery = 10 * time.Second
)

// A progress shows an apply as it runs: one line for each cluster that is
// redrawn on a terminal, and elsewhere a line for each step, with a heartbeat.
type progress struct {
	w     io.Writer
	live  bool
	width int
	start time.Time
	now   func() time.Time

	mu    sync.Mutex
	order []string
	lines map[string]*progressLine
	drawn int // lines on the terminal now
	stop  chan struct{}
	ended sync.WaitGroup
}

// A progressLine is one cluster's state.
type progressLine struct {
	total, done int            // objects
	counted     map[string]int // of which each running step has reported so many
	running     []string       // steps, in the order in which they started
	waits       map[string]string
	failed      string
	end         time.Duration // since the start; zero while it runs
}

func newProgress(env environment, p *apply.Plan) *progress {
	g := &progress{
		w: env.stderr, live: env.terminal, width: env.width, start: env.now(), now: env.now,
		lines: map[string]*progressLine{}, stop: make(chan struct{}),
	}
	for _, c := range p.Clusters {
		if c.Pending() {
			g.order = append(g.order, c.Name)
			g.lines[c.Name] = &progressLine{
				total: c.Count(apply.Create) + c.Count(apply.Update) + c.Count(apply.Delete), counted: map[string]int{}, waits: map[string]string{},
			}
		}
	}
	every := heartbeatEvery
	if g.live {
		every = redrawEvery
	}
	g.ended.Go(func() { g.tick(every) })
	return g
}

func (g *progress) tick(every time.Duration) {
	t := time.NewTicker(every)
	defer t.Stop()
	for {
		select {
		case <-g.stop:
			return
		case <-t.C:
			g.mu.Lock()
			if g.live {
				g.draw()
			} else {
				g.heartbeat()
			}
			g.mu.Unlock()
		}
	}
}

// close draws the last state.
func (g *progress) close() {
	close(g.stop)
	g.ended.Wait()
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.live {
		g.draw()
	}
}

// event takes note of what happened.
func (g *progress) event(e apply.Event) {
	g.mu.Lock()
	defer g.mu.Unlock()
	l := g.lines[e.Cluster]
	if l == nil {
		return
	}
	l.note(e, g.now().Sub(g.start))
	if g.live {
		return
	}
	switch e.Kind {
	case apply.Waiting:
		g.say(e.Cluster, e.Detail)
	case apply.Done:
		if e.Total > 0 {
			g.say(e.Cluster, fmt.Sprintf("%s: %s", e.Step, count(e.Total, "object")))
		} else {
			g.say(e.Cluster, e.Step+": done")
		}
	case apply.Failed:
		g.say(e.Cluster, fmt.Sprintf("%s: failed: %s", e.Step, e.Detail))
	}
}

func (l *progressLine) note(e apply.Event, at time.Duration) {
	switch e.Kind {
	case apply.Started:
		l.running = append(l.running, e.Step)
	case apply.Progress:
		l.done += e.Done - l.counted[e.Step]
		l.counted[e.Step] = e.Done
		delete(l.waits, e.Step)
	case apply.Waiting:
		l.waits[e.Step] = e.Detail
	case apply.Failed:
		l.failed = e.Step
		fallthrough
	case apply.Done:
		delete(l.waits, e.Step)
		for i, s := range l.running {
			if s == e.Step {
				l.running = append(l.running[:i:i], l.running[i+1:]...)
				break
			}
		}
		l.end = at
	}
}

// say prints a line of a run without a terminal.
func (g *progress) say(cluster, what string) {
	fmt.Fprintf(g.w, "%6.1f s  %-12s %s\n", g.now().Sub(g.start).Seconds(), cluster, what)
}

func (g *progress) heartbeat() {
	for _, name := range g.order {
		l := g.lines[name]
		for _, step := range l.running {
			what := step
			if why := l.waits[step]; why != "" {
				what = why
			}
			g.say(name, "still waiting: "+what)
		}
	}
}

// draw replaces the lines on the terminal.
func (g *progress) draw() {
	var b strings.Builder
	if g.drawn > 0 {
		fmt.Fprintf(&b, "\x1b[%dA", g.drawn)
	}
	width := 0
	for _, name := range g.order {
		width = max(width, len(name))
	}
	for _, name := range g.order {
		line := fmt.Sprintf("%-*s   %s", width, name, g.lines[name].String())
		if r := []rune(line); len(r) >= g.width {
			line = string(r[:max(g.width-1, 0)])
		}
		b.WriteString("\x1b[2K" + line + "\n")
	}
	g.drawn = len(g.order)
	io.WriteString(g.w, b.String())
}

// String is the state in words, behind a bar of ten.
func (l *progressLine) String() string {
	const bar = 10
	full := bar
	if l.total > 0 {
		full = bar * l.done / l.total
	}
	s := strings.Repeat("#", full) + strings.Repeat("-", bar-full) + "  "
	switch {
	case len(l.running) > 0:
		// The oldest step is what the others wait for.
		step := l.running[0]
		if why := l.waits[step]; why != "" {
			return s + why
		}
		return s + fmt.Sprintf("%s: %d of %d objects", step, l.done, l.total)
	case l.failed != "":
		return s + "failed: " + l.failed
	case l.end > 0:
		return s + "done in " + seconds(l.end)
	}
	return s + "waiting for its turn"
}
