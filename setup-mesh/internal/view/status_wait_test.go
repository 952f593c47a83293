package view

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
)

// TestWaiting: what is wrong is said again only when it is something else.
func TestWaiting(t *testing.T) {
	slow := plan.Finding{ID: "cluster/reached", Cluster: "west-1", Unknown: true, Message: "not reached: i/o timeout after 31 s"}
	slower := slow
	slower.Message = "not reached: i/o timeout after 32 s"
	pending := plan.Finding{ID: "gateway/address", Cluster: "east-1", Message: "no address"}
	var b bytes.Buffer
	v := Waiting{W: &b}
	for _, round := range [][]plan.Finding{{slow, pending}, {slower, pending}, {slower}, {slower}, {slow, pending, pending, pending, pending, pending, pending}} {
		v.For(round)
	}
	want := `waiting, since not all is healthy: 2 problems
  x cluster/reached  west-1: not reached: i/o timeout after 31 s
  x gateway/address  east-1: no address
waiting, since not all is healthy: 1 problem
  x cluster/reached  west-1: not reached: i/o timeout after 32 s
waiting, since not all is healthy: 7 problems
  x cluster/reached  west-1: not reached: i/o timeout after 31 s
` + strings.Repeat("  x gateway/address  east-1: no address\n", 4) + "  and 2 more\n"
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestWatched(t *testing.T) {
	at := time.Date(2026, 11, 26, 18, 4, 5, 0, time.UTC)
	for redraw, want := range map[bool]string{true: "\x1b[H\x1b[2J2026-11-26 18:04:05 UTC\nall is well\n", false: "2026-11-26 18:04:05 UTC\nall is well\n\n"} {
		var b bytes.Buffer
		Watched(&b, at, "all is well\n", redraw)
		if b.String() != want {
			t.Errorf("redraw %v: %q, want %q", redraw, b.String(), want)
		}
	}
}
