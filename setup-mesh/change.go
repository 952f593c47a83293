package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"strings"
	"time"

	"github.com/setup-mesh/setup-mesh/pkg/apply/execute"
	"github.com/setup-mesh/setup-mesh/setup-mesh/internal/args"
	"github.com/setup-mesh/setup-mesh/setup-mesh/internal/view"
)

// errTimeout is the cause of a context that --timeout ended.
var errTimeout = errors.New("--timeout has passed")

// limited is what f returns, with a deadline for f.
func limited[T any](ctx context.Context, d time.Duration, f func(context.Context) (T, error)) (T, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, d, errTimeout)
	defer cancel()
	return f(ctx)
}

// A change is what the verbs that write to clusters have in common: a plan, the
// user's agreement, and the plan carried out. The deadline is for the first and
// for the last, each from its own beginning: reading takes as long as it takes.
type change struct {
	timeout  time.Duration
	plan     func(context.Context) (*prepared, error)
	agree    func(context.Context, *prepared) error
	carryOut func(context.Context, *prepared) error
}

func (c change) run(ctx context.Context) error {
	p, err := limited(ctx, c.timeout, c.plan)
	if err != nil {
		return err
	}
	if err := c.agree(ctx, p); err != nil {
		return err
	}
	_, err = limited(ctx, c.timeout, func(ctx context.Context) (struct{}, error) { return struct{}{}, c.carryOut(ctx, p) })
	return err
}

// show shows a plan before it is carried out, and ends the command where
// something speaks against it. Where the answer is for programs, the plan is
// part of the conversation.
func show(env environment, format args.Format, style view.PlanStyle, p *prepared) error {
	if len(p.Refusals) > 0 {
		view.Refusals(env.stderr, p.Plan)
	}
	if format == args.JSON {
		view.Plan(env.stderr, p.Plan, style)
	} else {
		style.Colour = env.colour
		view.Plan(env.stdout, p.Plan, style)
	}
	if len(p.Refusals) > 0 {
		return exitCode(exitError)
	}
	return nil
}

// confirm wants a whole "yes" to a question. Where nobody can answer, it says how to go on.
func confirm(ctx context.Context, env environment, question func(io.Writer)) error {
	if !env.terminal {
		return &args.Error{Err: errors.New("cannot ask for confirmation: stdin or stderr is not a terminal"), Fix: "--yes applies without asking"}
	}
	question(env.stderr)
	answer := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(env.stdin).ReadString('\n') // no answer is a no
		answer <- strings.TrimSpace(line)
	}()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case a := <-answer:
		if a != "yes" {
			return errors.New("nothing was changed: the answer was not \"yes\"")
		}
		return nil
	}
}

// carryOut applies p with live progress, and says what became of it.
func carryOut(ctx context.Context, env environment, p *prepared, format args.Format, parallelism int) error {
	progress := view.NewProgress(view.Terminal{W: env.stderr, Live: env.terminal, Width: env.width}, env.now, p.Plan)
	report := execute.Apply(ctx, p.Plan, p.clients, execute.Options{
		Now: env.now(), Random: env.random, Holder: holder(env),
		Parallelism: parallelism, Events: progress.Event,
	})
	progress.Close()
	out := env.stdout
	if format == args.JSON {
		if err := view.JSON(env.stdout, report); err != nil {
			return err
		}
		out = env.stderr
	}
	view.Report(out, env.stderr, p.Plan, report)
	return outcome(report)
}

// outcome is the exit code of an apply, nil where all is done.
func outcome(r *execute.Report) error {
	switch {
	case errors.Is(r.Interrupted, errInterrupted):
		return exitCode(exitInterrupted)
	case r.Complete():
		return nil
	case r.NoneDone():
		return exitCode(exitError)
	}
	return exitCode(exitPartial)
}
