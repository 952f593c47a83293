// Command setup-mesh makes one Istio mesh out of several Kubernetes clusters.
//
// Package main is the wiring: one verb a file, which is its arguments (package
// args), a call, and its words (package view). What is decided and done is in
// pkg/topology, pkg/certs and pkg/apply.
package main

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/term"

	"github.com/setup-mesh/setup-mesh/pkg/certs"
	"github.com/setup-mesh/setup-mesh/setup-mesh/internal/view"
)

// version is set by the build: -ldflags "-X main.version=v1.2.3".
var version = "dev"

// Exit codes other than 0, which is: done, healthy, or nothing to do.
const (
	exitError       = 1
	exitPending     = 2 // plan --detailed-exitcode: changes; status: not one healthy mesh
	exitPartial     = 3 // some clusters are done and some are not
	exitInterrupted = 130
)

// An environment is all that a command takes from the outside.
type environment struct {
	args     []string
	stdin    io.Reader
	stdout   io.Writer // the answer
	stderr   io.Writer // the conversation
	getenv   func(string) string
	terminal bool // a person reads stderr and answers on stdin
	screen   bool // stdout is a terminal, which can be drawn on again
	colour   bool // stdout understands it
	width    int  // of the terminal, in columns
	now      func() time.Time
	random   io.Reader
	release  string // of this binary
	// ask asks for what must not be seen; nil where nobody can answer.
	ask      func(ctx context.Context, prompt string) (certs.Secret, error)
	clusters *counter
	// opened are the keys that the command has decrypted, by what they are encrypted as: it
	// asks once for each, however many steps it has.
	opened map[string]certs.Secret
}

func main() {
	ctx, stop := interruptible(context.Background(), os.Stderr)
	env := environment{
		args: os.Args, stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, getenv: os.Getenv,
		terminal: term.IsTerminal(int(os.Stdin.Fd())) && term.IsTerminal(int(os.Stderr.Fd())),
		screen:   term.IsTerminal(int(os.Stdout.Fd())) && os.Getenv("TERM") != "dumb",
		width:    80, now: time.Now, random: rand.Reader, release: version,
	}
	if env.terminal {
		env.ask = askTerminal(os.Stdin, os.Stderr)
	}
	env.colour = env.screen && os.Getenv("NO_COLOR") == ""
	if w, _, err := term.GetSize(int(os.Stderr.Fd())); err == nil && w > 0 {
		env.width = w
	}
	code := run(ctx, env)
	stop()
	os.Exit(code)
}

// errInterrupted is the cause of a context that the user ended.
var errInterrupted = errors.New("interrupted")

// interruptible ends the context at the first interrupt, and the process at the
// second.
func interruptible(parent context.Context, stderr io.Writer) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		if _, ok := <-signals; !ok {
			return
		}
		io.WriteString(stderr, "\nsetup-mesh: interrupted: finishing what is under way; interrupt again to exit now\n")
		cancel(errInterrupted)
		if _, ok := <-signals; ok {
			io.WriteString(stderr, "setup-mesh: exiting now; run the command again to continue\n")
			os.Exit(exitInterrupted)
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		close(signals)
	}
}

// run is the whole command but for the process around it. It returns the exit
// code.
func run(ctx context.Context, env environment) int {
	env.clusters, env.opened = &counter{}, map[string]certs.Secret{}
	err := newApp(env).RunContext(ctx, env.args)
	if env.getenv(statsVariable) != "" {
		env.clusters.print(env.stderr)
	}
	if code, ok := errors.AsType[exitCode](err); ok {
		return int(code)
	}
	if err == nil {
		return 0
	}
	view.Error(env.stderr, err)
	if errors.Is(err, errInterrupted) || errors.Is(context.Cause(ctx), errInterrupted) {
		return exitInterrupted
	}
	return exitError
}

// An exitCode is how a verb ends that has said all there is to say.
type exitCode int

func (exitCode) Error() string { return "" }
