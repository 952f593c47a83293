package main

import (
	"context"
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/setup-mesh/setup-mesh/pkg/certs"
	"github.com/setup-mesh/setup-mesh/setup-mesh/internal/args"
	"github.com/setup-mesh/setup-mesh/setup-mesh/internal/workdir"
)

func certsSignCommand(env environment) *cli.Command {
	var a args.CertsSign
	return &cli.Command{
		Name:  "sign",
		Usage: "sign a CSR with the root key, where that is",
		Description: "Of the CSR only the key and the name of the cluster count: what the certificate says is the same as if apply had made it. " +
			"It goes to standard output, with those above it. The work directory needs nothing but certs/.",
		Flags:  a.Flags(),
		Action: func(c *cli.Context) error { return runCertsSign(c.Context, env, a) },
	}
}

func runCertsSign(ctx context.Context, env environment, a args.CertsSign) error {
	if err := a.Check(); err != nil {
		return err
	}
	name, csr, err := workdir.ReadRequest(a.CSR, env.stdin)
	if err != nil {
		return err
	}
	d, err := workdir.Open(a.Dir)
	if err != nil {
		return err
	}
	defer d.Close()
	root, isNew, err := d.Requesting(a.Back)
	if err != nil {
		return err
	}
	cluster, err := certs.RequestedFor(csr)
	if err != nil {
		return workdir.About(name, err)
	}
	if a.Cluster != "" && a.Cluster != cluster {
		return &args.Error{Err: fmt.Errorf("the CSR is for cluster %q, not for %q", cluster, a.Cluster), Fix: "give it that of the cluster"}
	}
	id := certs.Identity{Cluster: cluster, Namespace: a.Namespace}
	sign := root.Signer(env.random, env.now)
	switch _, sealed, err := signedBy(env, d, root, isNew, args.Signing{}); {
	case err != nil:
		return err
	case sealed != nil:
		if err := sealed.open(ctx, env, &a.Opening); err != nil {
			return err
		}
		sign = sealed
	}
	answer, err := sign.Sign(ctx, csr, id)
	if err != nil {
		return workdir.About(name, err)
	}
	_, err = env.stdout.Write(answer.PEM)
	return err
}
