package main

import (
	"context"

	"github.com/urfave/cli/v2"

	"github.com/setup-mesh/setup-mesh/pkg/apply/ask"
	"github.com/setup-mesh/setup-mesh/pkg/apply/status"
	"github.com/setup-mesh/setup-mesh/setup-mesh/internal/args"
	"github.com/setup-mesh/setup-mesh/setup-mesh/internal/view"
)

func certsStatusCommand(env environment) *cli.Command {
	var a args.CertsStatus
	return &cli.Command{
		Name:        "status",
		Usage:       "show who signs in each cluster, who trusts it, and how long that lasts",
		Description: "It exits 2 when something is wrong, or has to be replaced.",
		Flags:       a.Flags(),
		Action:      func(c *cli.Context) error { return runCertsStatus(c.Context, env, a) },
	}
}

func runCertsStatus(ctx context.Context, env environment, a args.CertsStatus) error {
	all, err := limited(ctx, a.Timeout, func(ctx context.Context) (*status.Certificates, error) {
		p, err := meshPlan(ctx, env, a.Clusters, allowing(a.Clusters, args.Leaving{}, args.Joining{}), args.Signing{})
		if err != nil {
			return nil, err
		}
		return status.NewCertificates(p.Plan, ask.Examine(ctx, p.Plan, p.clients)), nil
	})
	if err != nil {
		return err
	}
	if a.Format == args.JSON {
		err = view.JSON(env.stdout, all)
	} else {
		view.Certificates(env.stdout, all, env.colour)
	}
	if err == nil && all.Due() {
		err = exitCode(exitPending)
	}
	return err
}
