package main

import (
	"context"
	"io"

	"github.com/urfave/cli/v2"

	"github.com/setup-mesh/setup-mesh/setup-mesh/internal/args"
	"github.com/setup-mesh/setup-mesh/setup-mesh/internal/view"
)

func applyCommand(env environment) *cli.Command {
	var a args.Apply
	return &cli.Command{
		Name:        "apply",
		Usage:       "show the plan, ask, and apply it",
		Description: "Interrupted or failed in part, apply continues when run again. To add or remove a cluster, edit topology.yaml first.",
		Flags:       a.Flags(),
		Action:      func(c *cli.Context) error { return runApply(c.Context, env, a) },
	}
}

func runApply(ctx context.Context, env environment, a args.Apply) error {
	return change{
		timeout: a.Timeout,
		plan: func(ctx context.Context) (*prepared, error) {
			return checkedPlan(ctx, env, a.Clusters, a.Leaving, a.Joining, a.Signing)
		},
		agree: func(ctx context.Context, p *prepared) error {
			if err := agree(ctx, env, a, p); err != nil {
				return err
			}
			return p.sealed.openFor(ctx, env, &a.Opening, p.Plan)
		},
		carryOut: func(ctx context.Context, p *prepared) error {
			return carryOut(ctx, env, p, a.Format, a.Parallelism)
		},
	}.run(ctx)
}

// agree shows the plan and has the user say yes to it.
func agree(ctx context.Context, env environment, a args.Apply, p *prepared) error {
	view.Warnings(env.stderr, p.Overridden())
	if err := show(env, a.Format, view.PlanStyle{Objects: a.Objects}, p); err != nil {
		return err
	}
	switch {
	case a.Saved != "":
		return checkSaved(a.Saved, p.Plan)
	case a.Yes || !p.Pending():
		return nil
	}
	return confirm(ctx, env, func(w io.Writer) { view.ApplyQuestion(w, p.Plan) })
}
