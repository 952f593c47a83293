package e2e

import (
	"bufio"
	"bytes"
	"context"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// A running command is one that a test does something else beside.
type running struct {
	user           *user
	cmd            *exec.Cmd
	began          time.Time
	stdout, stderr bytes.Buffer
	lines          chan string // of stderr; closed at its end
}

// start runs a command in the background. Its end is for the caller to await.
func (u *user) start(t testing.TB, args ...string) *running {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	t.Cleanup(cancel)
	r := &running{user: u, cmd: u.command(ctx, args...), began: time.Now(), lines: make(chan string, 10000)}
	r.cmd.Stdout = &r.stdout
	stderr, err := r.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(r.lines)
		for s := bufio.NewScanner(stderr); s.Scan(); {
			r.lines <- s.Text()
		}
	}()
	return r
}

// waitFor reads what the command says until one line holds all the words.
func (r *running) waitFor(t testing.TB, words ...string) {
	t.Helper()
	for line := range r.lines {
		r.stderr.WriteString(line + "\n")
		missing := false
		for _, w := range words {
			missing = missing || !strings.Contains(line, w)
		}
		if !missing {
			return
		}
	}
	t.Fatalf("%q was never said:\n%s", words, r.end(t))
}

// waitForOne reads what the command says until a line holds one of the words, and returns that.
func (r *running) waitForOne(t testing.TB, words ...string) string {
	t.Helper()
	for line := range r.lines {
		r.stderr.WriteString(line + "\n")
		for _, w := range words {
			if strings.Contains(line, w) {
				return w
			}
		}
	}
	t.Fatalf("none of %q was said:\n%s", words, r.end(t))
	return ""
}

// end waits until the command has ended.
func (r *running) end(t testing.TB) result {
	t.Helper()
	for line := range r.lines {
		r.stderr.WriteString(line + "\n")
	}
	_ = r.cmd.Wait() // how it ended is in the result
	return r.user.result(t, r.cmd, r.began, r.stdout.String(), r.stderr.String())
}
