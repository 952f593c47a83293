package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
	"github.com/setup-mesh/setup-mesh/pkg/apply/status"
	"github.com/setup-mesh/setup-mesh/setup-mesh/internal/args"
)

// sick and well are what a status finds.
func sick(id string) *answer {
	return &answer{status: &status.Status{Findings: []plan.Finding{{ID: id, Cluster: "east-1", Message: "it is broken"}}}}
}

func well() *answer { return &answer{status: &status.Status{}} }

// script answers one thing after the other, the last one for ever; each takes a second.
func script(answers ...*answer) (ask func(context.Context) (*answer, error), asked *int) {
	asked = new(int)
	return func(ctx context.Context) (*answer, error) {
		*asked++
		if err := waited(ctx, time.Second); err != nil { // as a status that is cut off
			return sick("cluster/reached"), nil //nolint:nilerr // what was not reached is a finding
		}
		return answers[min(*asked, len(answers))-1], nil
	}, asked
}

func TestAwait(t *testing.T) {
	const broken = "waiting, since not all is healthy: 1 problem\n  x a/b  east-1: it is broken\n"
	tests := map[string]struct {
		answers []*answer
		timeout time.Duration
		last    *answer
		want    error
		took    time.Duration
		asked   int
		said    string
	}{
		"healthy at once":            {answers: []*answer{well()}, timeout: time.Minute, last: well(), took: time.Second, asked: 1},
		"healthy after a while":      {answers: []*answer{sick("a/b"), sick("a/b"), well()}, timeout: time.Minute, last: well(), took: 9 * time.Second, asked: 3, said: broken},
		"never":                      {answers: []*answer{sick("a/b")}, timeout: 58 * time.Second, last: sick("a/b"), want: errTimeout, took: 58 * time.Second, asked: 15, said: broken},
		"cut off in the first round": {answers: []*answer{well()}, timeout: time.Second / 2, want: errTimeout, took: time.Second / 2, asked: 1},
		"cut off in a later round":   {answers: []*answer{sick("a/b")}, timeout: 4*time.Second + time.Second/2, last: sick("a/b"), want: errTimeout, took: 4*time.Second + time.Second/2, asked: 2, said: broken},
		"something else is wrong":    {answers: []*answer{sick("a/b"), sick("c/d"), well()}, timeout: time.Minute, last: well(), took: 9 * time.Second, asked: 3, said: broken + "waiting, since not all is healthy: 1 problem\n  x c/d  east-1: it is broken\n"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var said bytes.Buffer
				once, asked := script(tt.answers...)
				begin := time.Now()
				last, err := await(t.Context(), environment{stderr: &said}, tt.timeout, once)
				if !errors.Is(err, tt.want) || *asked != tt.asked || time.Since(begin) != tt.took {
					t.Errorf("error %v, asked %d times in %s; want %v, %d, %s", err, *asked, time.Since(begin), tt.want, tt.asked, tt.took)
				}
				if diff := cmp.Diff(tt.last, last, cmp.AllowUnexported(answer{})); diff != "" {
					t.Errorf("last (-want +got):\n%s", diff)
				}
				if diff := cmp.Diff(tt.said, said.String()); diff != "" {
					t.Errorf("said (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// TestWatch: what is not new is not printed again, but on a terminal; an interrupt is
// how it ends.
func TestWatch(t *testing.T) {
	for screen, want := range map[bool]int{false: 2, true: 4} {
		synctest.Test(t, func(t *testing.T) {
			ctx, interrupt := context.WithCancelCause(t.Context())
			once, _ := script(sick("a/b"), sick("a/b"), well())
			time.AfterFunc(14*time.Second, func() { interrupt(errInterrupted) }) // in the pause after the fourth
			var out bytes.Buffer
			err := watch(ctx, environment{stdout: &out, screen: screen, now: time.Now}, args.Status{Timeout: time.Minute}, once)
			if !errors.Is(err, exitCode(exitInterrupted)) {
				t.Errorf("error %v", err)
			}
			if got := bytes.Count(out.Bytes(), []byte("2000-01-01 00:00:")); got != want {
				t.Errorf("on a terminal: %v: shown %d times, want %d: %s", screen, got, want, &out)
			}
		})
	}
}

func TestWatchEndsWithAnError(t *testing.T) {
	broken := errors.New("topology.yaml has 1 mistake")
	err := watch(t.Context(), environment{}, args.Status{Timeout: time.Minute}, func(context.Context) (*answer, error) { return nil, broken })
	if !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
}

// TestConcluded: the last answer is printed and written even when time is up.
func TestConcluded(t *testing.T) {
	other := errors.New("no kubeconfig")
	tests := map[string]struct {
		last          *answer
		err, want     error
		printed, file bool
	}{
		"healthy":           {last: well(), printed: true, file: true},
		"sick":              {last: sick("a/b"), want: exitCode(exitPending), printed: true, file: true},
		"time is up":        {last: sick("a/b"), err: errTimeout, want: exitCode(exitPending), printed: true, file: true},
		"nobody was asked":  {err: errTimeout, want: errTimeout},
		"an error in a row": {last: sick("a/b"), err: other, want: other},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if tt.last != nil {
				tt.last.junit = func() ([]byte, error) { return []byte("<testsuites/>"), nil }
			}
			var out bytes.Buffer
			file := filepath.Join(t.TempDir(), "report.xml")
			err := concluded(environment{stdout: &out}, args.Status{JUnit: file})(tt.last, tt.err)
			if !errors.Is(err, tt.want) || (out.Len() > 0) != tt.printed {
				t.Errorf("error %v, printed %q", err, &out)
			}
			if _, err := os.Stat(file); (err == nil) != tt.file {
				t.Errorf("the report: %v", err)
			}
		})
	}
}
