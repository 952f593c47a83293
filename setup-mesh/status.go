package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/setup-mesh/setup-mesh/pkg/apply/ask"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
	"github.com/setup-mesh/setup-mesh/pkg/apply/status"
	"github.com/setup-mesh/setup-mesh/setup-mesh/internal/args"
	"github.com/setup-mesh/setup-mesh/setup-mesh/internal/view"
	"github.com/setup-mesh/setup-mesh/setup-mesh/internal/workdir"
)

func statusCommand(env environment) *cli.Command {
	var a args.Status
	return &cli.Command{
		Name:  "status",
		Usage: "check whether the clusters are one healthy mesh",
		Description: "status asks every istiod which clusters it discovers, and tries every stored credential. It exits 2 when it finds a problem. " +
			"With --from and --to it explains what is between two clusters, step by step. " +
			"Of more than twelve clusters, text shows those that something is wrong with; -o wide shows all.",
		Flags:  a.Flags(),
		Action: func(c *cli.Context) error { return runStatus(c.Context, env, a) },
	}
}

func runStatus(ctx context.Context, env environment, a args.Status) error {
	if err := a.Check(); err != nil {
		return err
	}
	if a.Pair() {
		if err := resolvePair(&a); err != nil {
			return err
		}
	}
	once := func(ctx context.Context) (*answer, error) { return answerTo(ctx, env, a) }
	switch {
	case a.Watch:
		return watch(ctx, env, a, once)
	case a.Wait:
		return concluded(env, a)(await(ctx, env, a.Timeout, once))
	}
	return concluded(env, a)(limited(ctx, a.Timeout, once))
}

// resolvePair turns what the user calls two clusters into their names.
func resolvePair(a *args.Status) error {
	mesh, err := members(a.Dir, nil)
	if err != nil {
		return err
	}
	for _, f := range []struct {
		flag string
		name *string
	}{{"--from", &a.From}, {"--to", &a.To}} {
		c, ok, hint := mesh.Find(*f.name)
		if !ok {
			return &args.Error{Err: fmt.Errorf("%s: %s has no cluster %q", f.flag, mesh.File, *f.name), Fix: hint}
		}
		*f.name = c.Name
	}
	if a.From == a.To {
		return &args.Error{Err: fmt.Errorf("--from and --to are both %s", a.From), Fix: "name two clusters"}
	}
	return nil
}

// An answer is what a status has to say, of the mesh or of a pair.
type answer struct {
	status *status.Status
	pair   *status.Pair // nil for the whole mesh
	junit  func() ([]byte, error)
}

func answerTo(ctx context.Context, env environment, a args.Status) (*answer, error) {
	p, err := meshPlan(ctx, env, a.Clusters, allowing(a.Clusters, args.Leaving{}, args.Joining{}), args.Signing{})
	if err != nil {
		return nil, err
	}
	probes := ask.Examine(ctx, p.Plan, p.clients)
	if a.Pair() {
		return &answer{pair: status.NewPair(p.Plan, probes, a.From, a.To)}, nil
	}
	return &answer{status: status.New(p.Plan, probes), junit: func() ([]byte, error) { return status.JUnit(p.Plan, probes) }}, nil
}

func (a *answer) healthy() bool {
	if a.pair != nil {
		return a.pair.Healthy()
	}
	return a.status.Healthy()
}

func (a *answer) findings() []plan.Finding {
	if a.pair != nil {
		return a.pair.Findings()
	}
	return a.status.Findings
}

// print words an answer, or encodes it.
func (a *answer) print(w io.Writer, format args.Format, colour bool) error {
	var v any = a.status
	if a.pair != nil {
		v = a.pair
	}
	switch {
	case format == args.JSON:
		return view.JSON(w, v)
	case format == args.YAML:
		return view.YAML(w, v)
	case a.pair != nil:
		view.Pair(w, a.pair, colour)
	default:
		view.Status(w, a.status, view.StatusStyle{Colour: colour, Wide: format == args.Wide})
	}
	return nil
}

// concluded prints the last answer, writes it where it is wanted, and makes it an exit
// code. Where time is up, the last answer is what there is to say.
func concluded(env environment, a args.Status) func(*answer, error) error {
	return func(last *answer, err error) error {
		if err != nil && (last == nil || !errors.Is(err, errTimeout)) {
			return err
		}
		if err := last.print(env.stdout, a.Format, env.colour); err != nil {
			return err
		}
		if a.JUnit != "" {
			report, err := last.junit()
			if err == nil {
				err = workdir.WriteFile(a.JUnit, report, 0o644)
			}
			if err != nil {
				return fmt.Errorf("write the JUnit report: %w", err)
			}
		}
		if !last.healthy() {
			return exitCode(exitPending)
		}
		return nil
	}
}

// await asks until all is healthy or time is up, and says what is still wrong whenever
// that has changed.
func await(ctx context.Context, env environment, timeout time.Duration, once func(context.Context) (*answer, error)) (*answer, error) {
	return limited(ctx, timeout, func(ctx context.Context) (*answer, error) {
		waiting := view.Waiting{W: env.stderr}
		return rounds{ask: once, show: func(a *answer) error {
			waiting.For(a.findings())
			return nil
		}, enough: (*answer).healthy}.run(ctx)
	})
}

// watch shows a status again and again: on a terminal always, else when it has changed.
func watch(ctx context.Context, env environment, a args.Status, once func(context.Context) (*answer, error)) error {
	before := ""
	_, err := rounds{
		ask: func(ctx context.Context) (*answer, error) { return limited(ctx, a.Timeout, once) },
		show: func(got *answer) error {
			var text strings.Builder
			if err := got.print(&text, a.Format, env.colour); err != nil {
				return err
			}
			if env.screen || before != text.String() {
				view.Watched(env.stdout, env.now(), text.String(), env.screen)
			}
			before = text.String()
			return nil
		},
		enough: func(*answer) bool { return false },
	}.run(ctx)
	if errors.Is(err, errInterrupted) {
		return exitCode(exitInterrupted)
	}
	return err
}
