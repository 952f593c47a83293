package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/setup-mesh/setup-mesh/pkg/apply"
)

func planCommand(env environment) *cli.Command {
	return &cli.Command{
		Name:        "plan",
		Usage:       "show what apply would change, cluster by cluster",
		Description: "plan writes nothing, to no cluster and no file but --out.",
		Flags: append(slices.Concat(clusterFlags(), leaveFlags()), adoptFlag(), overlapFlag(), timeoutFlag(2*time.Minute), showFlag(),
			&cli.StringFlag{Name: "out", Usage: "save the plan to `FILE`, for apply --plan"},
			&cli.BoolFlag{Name: "detailed-exitcode", Usage: "exit 2 when there is something to change"},
		),
		Action: func(c *cli.Context) error { return plan(c, env) },
	}
}

// showFlag chooses how much of a plan is shown.
func showFlag() cli.Flag {
	return &cli.StringFlag{Name: "show", Usage: "`WHAT` to show of a plan beside the summary: objects",
		Action: func(_ *cli.Context, v string) error {
			if v != showObjects {
				return withHint(fmt.Errorf("--show: unknown value %q", v), "objects")
			}
			return nil
		}}
}

const showObjects = "objects"

func plan(c *cli.Context, env environment) error {
	ctx, cancel := limited(c)
	defer cancel()
	p, err := shownPlan(ctx, c, env, false)
	if err != nil {
		return err
	}
	if file := c.String("out"); file != "" {
		if err := savePlan(file, p.Plan); err != nil {
			return err
		}
		fmt.Fprintf(env.stderr, "saved to %s: setup-mesh apply --plan %s runs exactly this\n", file, file)
	}
	switch {
	case p.Incomplete():
		return exitCode(exitPartial)
	case c.Bool("detailed-exitcode") && p.Pending():
		return exitCode(exitPending)
	}
	return nil
}

// shownPlan makes a plan and shows it. What speaks against it ends the command.
func shownPlan(ctx context.Context, c *cli.Context, env environment, teardown bool) (*prepared, error) {
	p, err := makePlan(ctx, c, env, teardown)
	if err != nil {
		return nil, err
	}
	p.Plan = p.With(apply.Preflight(p.Plan, apply.Inspect(ctx, p.Plan, p.clients)))
	if ctx.Err() != nil {
		return nil, fmt.Errorf("ask the clusters what speaks against the plan: %w", context.Cause(ctx))
	}
	if err := viewPlan(env, c, p.Plan); err != nil {
		return nil, err
	}
	if len(p.Refusals) > 0 {
		viewRefusals(env.stderr, p.Plan)
		return nil, exitCode(exitError)
	}
	return p, nil
}
