package view

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/setup-mesh/setup-mesh/pkg/apply/execute"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
)

// A progressLine is one cluster's state.
type progressLine struct {
	total, done int            // objects
	counted     map[int]int    // of which each step has reported so many
	running     []*runningStep // in the order in which they started
	failed      string         // the first step that did
	skipped     bool           // a step, since one before it failed somewhere
	idle        bool           // nothing changes there, so that any step may be the last
	end         time.Duration  // since the start; zero while it runs
}

type runningStep struct {
	index int // in the plan
	name  string
	since time.Duration
	waits string // for what, "" while it works
}

// note takes note of an event.
func (l *progressLine) note(e execute.Event, at time.Duration) {
	i := slices.IndexFunc(l.running, func(s *runningStep) bool { return s.index == e.Index })
	switch e.Kind {
	case execute.Started:
		l.running = append(l.running, &runningStep{index: e.Index, name: stepName(aboutEvent(e)), since: at})
	case execute.Progress:
		l.done += e.Done - l.counted[e.Index]
		l.counted[e.Index] = e.Done
	case execute.Waiting:
		if i >= 0 {
			l.running[i].waits = e.Detail
		}
	case execute.Skipped:
		l.skipped = true
	case execute.Failed, execute.Done:
		if e.Kind == execute.Failed && l.failed == "" {
			l.failed = stepName(aboutEvent(e))
		}
		if i >= 0 {
			l.running = slices.Delete(l.running, i, i+1)
		}
		if l.idle || l.end > 0 || e.Step == plan.Finish { // the proofs may end after it
			l.end = at
		}
	}
}

// The ranks of a line, by how much it has to say.
const (
	rankFailed = iota
	rankRunning
	rankWaiting // for others
	rankDone
)

func (l *progressLine) rank() int {
	switch {
	case l.failed != "" || l.skipped:
		return rankFailed
	case len(l.running) > 0:
		return rankRunning
	case l.end == 0:
		return rankWaiting
	}
	return rankDone
}

// waitsFor is what the cluster waits for or works on, "" when it does neither.
// The oldest step is what the others wait for.
func (l *progressLine) waitsFor() string {
	switch {
	case len(l.running) == 0:
		return ""
	case l.running[0].waits != "":
		return l.running[0].waits
	}
	return l.running[0].name
}

// words is the state behind a bar of ten.
func (l *progressLine) words(now time.Duration) string {
	const bar = 10
	full := bar
	if l.total > 0 {
		full = bar * min(l.done, l.total) / l.total
	}
	s := strings.Repeat("#", full) + strings.Repeat("-", bar-full) + "  "
	switch {
	case len(l.running) > 0 && l.running[0].waits != "":
		s += l.running[0].waits
		if waited := now - l.running[0].since; waited >= time.Second {
			s += fmt.Sprintf(" (%d s)", int(waited.Seconds()))
		}
		return s
	case len(l.running) > 0:
		return s + fmt.Sprintf("%s: %d of %d objects", l.running[0].name, l.done, l.total)
	case l.failed != "":
		return s + "failed: " + l.failed
	case l.skipped:
		return s + "not done"
	case l.end > 0:
		return s + "done in " + seconds(l.end)
	}
	return s + "waiting for its turn"
}
