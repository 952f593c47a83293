package main

import (
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
		Flags: append(slices.Concat(clusterFlags(), leaveFlags()), adoptFlag(), timeoutFlag(2*time.Minute), showFlag(),
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
	p, err := makePlan(ctx, c, env, false)
	if err != nil {
		return err
	}
	if err := viewPlan(env, c, p); err != nil {
		return err
	}
	if len(p.Refusals) > 0 {
		return refused(env, p)
	}
	if file := c.String("out"); file != "" {
		if err := savePlan(file, p); err != nil {
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

// refused ends a command that may not go on.
func refused(env environment, p *apply.Plan) error {
	viewRefusals(env.stderr, p)
	return exitCode(exitError)
}
