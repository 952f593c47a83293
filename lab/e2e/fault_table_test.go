package e2e

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// A fault is one thing that somebody or something breaks in a mesh that is well.
type fault struct {
	name   string
	breaks func(t *testing.T)
	// finds are the findings that come of it, all of them, as [noticed.line] words these. The first is the fault itself; the
	// others are listed because they are true as well: who deletes an account revokes its tokens.
	finds []string
	// mayFind are findings that come of it sooner or later: an API server goes on to use the connection that it has to a
	// webhook.
	mayFind []string
	// mends carries out the remedy of the first finding, given as it is printed, but for "setup-mesh apply" in it: that
	// is done once, last, for all that ask for it. nil is that it begins with that.
	mends func(t *testing.T, remedy string)
}

// wantNamed wants what comes of a fault to name it, and not to have a remedy of its own.
func (f fault) wantNamed(t *testing.T, said statusWithNotes) {
	t.Helper()
	id := idOf(f.finds[0])
	same := strings.Contains(said.remedy(f.finds[0]), "setup-mesh apply")
	for _, line := range f.finds[1:] {
		remedy := said.remedy(line)
		if idOf(line) != id && !strings.Contains(remedy, "do first what "+id+" says of") && !(same && strings.Contains(remedy, "setup-mesh apply")) {
			t.Errorf("%s: the remedy of %s, which comes of %s, is %q", f.name, line, f.finds[0], remedy)
		}
	}
}

// A faultTable breaks the mesh of a journey, and mends it.
type faultTable struct {
	*journey
	always []string // what status says of the mesh that is well
	ends   []func() // proxies that are connected
}

// unroutable is that nobody can reach the lab's gateways.
var unroutable = []string{"note gateway/not-routable east-1"}

// breakAll breaks things round by round, up to one that fails, and wants there to be least faults.
func (s *faultTable) breakAll(t *testing.T, least int, rounds [][]fault) {
	count := 0
	for i, faults := range rounds {
		count += len(faults)
		if !t.Run(fmt.Sprintf("Round%02d", i+1), func(t *testing.T) { s.round(t, faults) }) {
			return
		}
	}
	t.Logf("%d faults", count)
	if count < least {
		t.Errorf("%d faults are fewer than %d", count, least)
	}
}

// found is what status says, a line for each finding.
func found(s statusWithNotes) []string {
	var out []string
	s.each(func(line string, _ noticed) { out = append(out, line) })
	slices.Sort(out)
	return slices.Compact(out)
}

// ask runs status.
func (s *faultTable) ask(t *testing.T) statusWithNotes {
	t.Helper()
	r := s.do(t, s.command(t.Context(), "status", "-o", "json"))
	if r.code != 0 && r.code != 2 {
		t.Fatalf("want exit 0 or 2 of\n%s", r)
	}
	out := decode[statusWithNotes](t, r)
	if (r.code == 0) != (len(out.Findings) == 0) {
		t.Errorf("exit %d with %d findings", r.code, len(out.Findings))
	}
	return out
}

// becomes waits until status says exactly what is wanted, and of what it may say any part.
func (s *faultTable) becomes(t *testing.T, want, may []string) statusWithNotes {
	t.Helper()
	want = slices.Concat(want, s.always)
	slices.Sort(want)
	want = slices.Compact(want)
	var last statusWithNotes
	eventually(t, "what status says", func(context.Context) error {
		last = s.ask(t)
		got := slices.DeleteFunc(found(last), func(line string) bool { return slices.Contains(may, line) && !slices.Contains(want, line) })
		diff := cmp.Diff(want, got)
		return errorIf(diff != "", "(-want +got):\n%s\n%s", diff, last.words())
	})
	return last
}

func (s *faultTable) healthy(t *testing.T) { t.Helper(); s.becomes(t, nil, nil) }

// round breaks things, looks, mends them as it is told, and looks again.
func (s *faultTable) round(t *testing.T, faults []fault) {
	began := time.Now()
	var want, may []string
	for _, f := range faults {
		f.breaks(t)
		want, may = append(want, f.finds...), append(may, f.mayFind...)
	}
	said := s.becomes(t, want, may)
	seen := time.Since(began)
	apply := false
	for _, f := range faults {
		remedy := said.remedy(f.finds[0])
		if remedy == "" {
			t.Errorf("%s: there is no remedy for %s", f.name, f.finds[0])
		}
		f.wantNamed(t, said)
		apply = apply || strings.Contains(remedy, "setup-mesh apply")
		if f.mends != nil {
			f.mends(t, remedy)
		} else if !strings.HasPrefix(remedy, "setup-mesh apply") {
			t.Errorf("%s: the remedy is %q", f.name, remedy)
		}
	}
	if apply {
		s.run(t, 0, "apply", "--yes", "--timeout", "3m")
	}
	s.healthy(t)
	t.Logf("%d faults: seen after %.1f s, mended after %.1f s", len(faults), seen.Seconds(), time.Since(began).Seconds())
}
