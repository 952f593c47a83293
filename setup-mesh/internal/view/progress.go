package view

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/setup-mesh/setup-mesh/pkg/apply/execute"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
)

const (
	// redrawEvery is how often the lines on a terminal are drawn again.
	redrawEvery = 120 * time.Millisecond
	// heartbeatEvery is how often a run without a terminal says what it waits for.
	heartbeatEvery = 10 * time.Second
	// mostLines is how many clusters are drawn; more might not fit a terminal.
	mostLines = 20
)

// A Progress shows an apply as it runs: one line for each cluster that is
// redrawn on a terminal, and elsewhere a line for each step worth one, with a
// heartbeat.
type Progress struct {
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

// A Terminal is where progress is shown.
type Terminal struct {
	W     io.Writer
	Live  bool // lines can be drawn over: a person reads W
	Width int  // in columns
}

// NewProgress shows an apply of p that begins now. The caller closes it, after
// the last event.
func NewProgress(t Terminal, now func() time.Time, p *plan.Plan) *Progress {
	g := &Progress{
		w: t.W, live: t.Live, width: t.Width, start: now(), now: now,
		lines: map[string]*progressLine{}, stop: make(chan struct{}),
	}
	for _, c := range p.Clusters {
		if c.Pending() {
			g.order = append(g.order, c.Name)
			total := c.Count(plan.Create) + c.Count(plan.Update) + c.Count(plan.Delete)
			g.lines[c.Name] = &progressLine{total: total, counted: map[int]int{}}
		}
	}
	every := heartbeatEvery
	if g.live {
		every = redrawEvery
	}
	g.ended.Go(func() { g.tick(every) })
	return g
}

func (g *Progress) tick(every time.Duration) {
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

// Close draws the last state.
func (g *Progress) Close() {
	close(g.stop)
	g.ended.Wait()
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.live {
		g.draw()
	}
}

// Event takes note of what happened. It is safe for concurrent use.
func (g *Progress) Event(e execute.Event) {
	g.mu.Lock()
	defer g.mu.Unlock()
	at := g.now().Sub(g.start)
	l := g.lines[e.Cluster]
	if l == nil && e.Kind == execute.Waiting {
		// Nothing changes there, and it is not yet as it should be.
		l = &progressLine{idle: true, counted: map[int]int{}, running: []*runningStep{{index: e.Index, name: stepName(aboutEvent(e)), since: at}}}
		g.order, g.lines[e.Cluster] = append(g.order, e.Cluster), l
	}
	if l == nil {
		return
	}
	l.note(e, at)
	if what := stepWords(e); what != "" && !g.live {
		g.line(e.Cluster, what)
	}
}

// stepWords is the line for the end of a step, "" for none.
func stepWords(e execute.Event) string {
	about := aboutEvent(e)
	switch {
	case e.Kind == execute.Failed:
		return stepName(about) + " failed: " + e.Detail
	case e.Kind != execute.Done || quietStep(about):
		return ""
	case e.Claim == order.Answers || e.Claim == order.Addressed:
		return stepName(about) + ": ready"
	case e.Claim == order.Tunnels:
		return "node agents and node proxies: ready"
	case e.Claim == order.Programmed:
		return stepName(about) + ": ready, and reached where it says"
	case e.Claim == order.Discovers:
		return "discovers the others"
	case e.Claim == order.Accepted:
		return "its new token for " + e.Peer + " is accepted"
	case e.Claim == order.Refused:
		return "refuses the token that " + e.Peer + " had"
	case e.Claim == order.Trusts:
		return "all its proxies trust the root that is to sign"
	case e.Claim == order.Signed:
		return "no proxy has a certificate of the root that goes"
	case e.Claim == order.Announced:
		return "has the revocation list of the CA that is to come"
	case e.Claim == order.Listed:
		return "all its proxies have the revocation lists of CAs that are to come"
	case e.Claim == order.Named:
		return "no proxy has a certificate of the trust domain that goes"
	case e.Claim == order.Sends:
		return "sends to the gateway of " + e.Peer
	case e.Claim == order.Serves:
		return "its primaries inject its pods"
	case e.Claim == order.Injected:
		return "new pods are injected"
	case e.Part == order.Endpoints && e.Step == plan.Put:
		return "has the " + stepName(about)
	}
	return fmt.Sprintf("%s: %s", stepName(about), count(e.Total, "object"))
}

// line prints a line of a run without a terminal.
func (g *Progress) line(who, what string) {
	say(g.w, "%7s  %-12s  %s", seconds(g.now().Sub(g.start)), who, what)
}

// heartbeat says what is waited for, clusters that wait for the same together.
func (g *Progress) heartbeat() {
	var reasons []string
	who := map[string][]string{}
	for _, name := range g.order {
		if why := g.lines[name].waitsFor(); why != "" {
			if who[why] == nil {
				reasons = append(reasons, why)
			}
			who[why] = append(who[why], name)
		}
	}
	for _, why := range reasons {
		g.line(few(who[why]), "still waiting: "+why)
	}
}

// draw replaces the lines on the terminal.
func (g *Progress) draw() {
	width := 0
	for _, name := range g.order {
		width = max(width, len(name))
	}
	at := g.now().Sub(g.start)
	var lines []string
	shown, rest := g.visible()
	for _, name := range shown {
		lines = append(lines, fmt.Sprintf("%-*s   %s", width, name, g.lines[name].words(at)))
	}
	if rest != "" {
		lines = append(lines, rest)
	}
	var b strings.Builder
	if g.drawn > 0 {
		fmt.Fprintf(&b, "\x1b[%dA", g.drawn)
	}
	for _, line := range lines {
		line = safe(line)
		if r := []rune(line); len(r) >= g.width {
			line = string(r[:max(g.width-1, 0)])
		}
		b.WriteString("\x1b[2K" + line + "\n")
	}
	g.drawn = len(lines)
	io.WriteString(g.w, b.String())
}

// visible are the clusters to draw, those first with which something is the
// matter, and a word about the rest. How many lines that is never changes.
func (g *Progress) visible() (shown []string, rest string) {
	if len(g.order) <= mostLines {
		return g.order, ""
	}
	byRank := map[int][]string{}
	for _, name := range g.order {
		rank := g.lines[name].rank()
		byRank[rank] = append(byRank[rank], name)
	}
	all := slices.Concat(byRank[rankFailed], byRank[rankRunning], byRank[rankWaiting], byRank[rankDone])
	return all[:mostLines-1], fmt.Sprintf("and %d more; %d of %d clusters are done", len(all)-mostLines+1, len(byRank[rankDone]), len(all))
}
