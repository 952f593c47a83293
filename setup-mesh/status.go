package main

import (
	"time"

	"github.com/urfave/cli/v2"

	"github.com/setup-mesh/setup-mesh/pkg/apply"
)

func statusCommand(env environment) *cli.Command {
	return &cli.Command{
		Name:        "status",
		Usage:       "say whether the clusters are one healthy mesh",
		Description: "status asks every istiod whom it discovers, and tries every stored credential. It exits 2 when it finds something.",
		Flags:       append(clusterFlags(), timeoutFlag(2*time.Minute)),
		Action: func(c *cli.Context) error {
			ctx, cancel := limited(c)
			defer cancel()
			p, err := makePlan(ctx, c, env, false)
			if err != nil {
				return err
			}
			s := apply.NewStatus(p.Plan, apply.Examine(ctx, p.Plan, p.clients))
			if err := viewStatus(env, c, s); err != nil {
				return err
			}
			if !s.Healthy() {
				return exitCode(exitPending)
			}
			return nil
		},
	}
}
