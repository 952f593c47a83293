package main

import (
	"context"

	"github.com/urfave/cli/v2"

	"github.com/setup-mesh/setup-mesh/pkg/apply/status"
	"github.com/setup-mesh/setup-mesh/setup-mesh/internal/args"
	"github.com/setup-mesh/setup-mesh/setup-mesh/internal/view"
)

func statusCommand(env environment) *cli.Command {
	var a args.Status
	return &cli.Command{
		Name:        "status",
		Usage:       "check whether the clusters are one healthy mesh",
		Description: "status asks every istiod which clusters it discovers, and tries every stored credential. It exits 2 when it finds a problem.",
		Flags:       a.Flags(),
		Action:      func(c *cli.Context) error { return runStatus(c.Context, env, a) },
	}
}

func runStatus(ctx context.Context, env environment, a args.Status) error {
	s, err := limited(ctx, a.Timeout, func(ctx context.Context) (*status.Status, error) {
		return meshStatus(ctx, env, a.Clusters)
	})
	if err != nil {
		return err
	}
	if a.Format == args.JSON {
		err = view.JSON(env.stdout, s)
	} else {
		view.Status(env.stdout, s, env.colour)
	}
	if err == nil && !s.Healthy() {
		err = exitCode(exitPending)
	}
	return err
}
