package main

import (
	"context"

	"github.com/urfave/cli/v2"

	"github.com/setup-mesh/setup-mesh/setup-mesh/internal/args"
	"github.com/setup-mesh/setup-mesh/setup-mesh/internal/view"
	"github.com/setup-mesh/setup-mesh/setup-mesh/internal/workdir"
)

func certsCSRCommand(env environment) *cli.Command {
	var a args.CertsCSR
	return &cli.Command{
		Name:  "csr",
		Usage: "write a CSR for the CA of each cluster, to be signed elsewhere",
		Description: "The keys are made here, and stay in certs/ until the answers are imported. Run again, it writes what is missing: " +
			"a request that waits for its answer stays, and a cluster whose CA was signed elsewhere gets another one in the last third of its life. No cluster is asked.",
		Flags:  a.Flags(),
		Action: func(c *cli.Context) error { return runCertsCSR(c.Context, env, a) },
	}
}

func runCertsCSR(ctx context.Context, env environment, a args.CertsCSR) error {
	ids, err := identities(a.Dir, a.Clusters())
	if err != nil {
		return err
	}
	d, err := workdir.Open(a.Dir)
	if err != nil {
		return err
	}
	defer d.Close()
	root, _, err := d.Requesting(a.Back)
	if err != nil {
		return err
	}
	requested, err := d.Request(ctx, workdir.RequestOptions{IDs: ids, Renew: a.Renew, Back: a.Back, Now: env.now(), Rand: env.random})
	if err != nil {
		return err
	}
	view.Requested(env.stdout, env.stderr, requested, root, a.Back)
	return nil
}
