package main

import (
	"context"

	"github.com/urfave/cli/v2"

	"github.com/setup-mesh/setup-mesh/pkg/apply"
	"github.com/setup-mesh/setup-mesh/setup-mesh/internal/args"
)

func teardownCommand(env environment) *cli.Command {
	var a args.Teardown
	return &cli.Command{
		Name:        "teardown",
		Usage:       "take Istio out of all known clusters",
		Description: "teardown deletes what setup-mesh put into the clusters, and nothing else; the work directory and its root key stay.",
		Flags:       a.Flags(),
		Action:      func(c *cli.Context) error { return teardown(c.Context, env, a) },
	}
}

func teardown(ctx context.Context, env environment, a args.Teardown) error {
	return change{
		timeout: a.Timeout,
		plan: func(ctx context.Context) (*apply.Plan, error) {
			return teardownPlan(ctx, env, a.Clusters, a.Leaving)
		},
		agree: func(ctx context.Context, p *apply.Plan) error {
			if err := show(env, a.Format, a.Objects, p); err != nil {
				return err
			}
			if a.Yes || !p.Pending() {
				return nil
			}
			return ask(ctx, env, p)
		},
		carryOut: func(ctx context.Context, p *apply.Plan) error {
			return carryOut(ctx, env, p, a.Format, a.Parallelism, a.Forget)
		},
	}.run(ctx)
}
