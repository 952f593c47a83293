package main

import (
	"context"

	"github.com/urfave/cli/v2"

	"github.com/setup-mesh/setup-mesh/setup-mesh/internal/args"
	"github.com/setup-mesh/setup-mesh/setup-mesh/internal/view"
)

func planCommand(env environment) *cli.Command {
	var a args.Plan
	return &cli.Command{
		Name:        "plan",
		Usage:       "show what apply would change, cluster by cluster",
		Description: "plan changes no cluster, and writes no file except --out.",
		Flags:       a.Flags(),
		Action:      func(c *cli.Context) error { return runPlan(c.Context, env, a) },
	}
}

func runPlan(ctx context.Context, env environment, a args.Plan) error {
	p, err := limited(ctx, a.Timeout, func(ctx context.Context) (*prepared, error) {
		return checkedPlan(ctx, env, a.Clusters, a.Leaving, a.Joining, a.Signing)
	})
	if err != nil {
		return err
	}
	view.Warnings(env.stderr, p.Overridden())
	if len(p.Refusals) > 0 {
		view.Refusals(env.stderr, p.Plan)
	}
	if a.Format == args.JSON {
		if err := view.JSON(env.stdout, p.Plan); err != nil {
			return err
		}
	} else {
		view.Plan(env.stdout, p.Plan, view.PlanStyle{Colour: env.colour, Objects: a.Objects})
	}
	if len(p.Refusals) > 0 {
		return exitCode(exitError)
	}
	if a.Out != "" {
		if err := savePlan(a.Out, p.Plan); err != nil {
			return err
		}
		view.SavedPlan(env.stderr, a.Out)
	}
	switch {
	case p.Incomplete():
		return exitCode(exitPartial)
	case a.ExitCode && p.Pending():
		return exitCode(exitPending)
	}
	return nil
}
