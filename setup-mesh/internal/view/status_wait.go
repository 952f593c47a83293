package view

import (
	"fmt"
	"io"
	"time"

	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
)

// mostWrong is how many findings are named while somebody waits: all come at the end.
const mostWrong = 6

// Waiting says what is still wrong, whenever that has changed.
type Waiting struct {
	W      io.Writer
	before string
}

// For takes what is wrong now. The words of a finding may change from one time to the
// next, such as durations: what it is about counts.
func (v *Waiting) For(findings []plan.Finding) {
	now := fmt.Sprint(len(findings))
	for _, f := range findings {
		now += fmt.Sprintf("\n%q %q %q %v", f.ID, f.Cluster, f.Peer, f.Unknown)
	}
	if now == v.before {
		return
	}
	v.before = now
	say(v.W, "waiting, since not all is healthy: %s", count(len(findings), "problem"))
	for i, f := range findings {
		if i == mostWrong-1 && len(findings) > mostWrong {
			say(v.W, "  and %d more", len(findings)-i)
			return
		}
		say(v.W, "  x %s  %s: %s", f.ID, f.Cluster, f.Message)
	}
}

// Watched shows a text of ours of now: in place of the one before on a terminal, else
// below it.
func Watched(w io.Writer, now time.Time, text string, redraw bool) {
	if redraw {
		// To the first line, and clear what is below: https://ecma-international.org/publications-and-standards/standards/ecma-48/
		io.WriteString(w, "\x1b[H\x1b[2J")
	}
	say(w, "%s", now.Format("2006-01-02 15:04:05 MST"))
	io.WriteString(w, text)
	if !redraw {
		io.WriteString(w, "\n")
	}
}
