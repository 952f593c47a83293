package main

import (
	"context"

	"github.com/urfave/cli/v2"

	"github.com/setup-mesh/setup-mesh/pkg/apply/kube"
	"github.com/setup-mesh/setup-mesh/setup-mesh/internal/args"
	"github.com/setup-mesh/setup-mesh/setup-mesh/internal/view"
	"github.com/setup-mesh/setup-mesh/setup-mesh/internal/workdir"
)

func prepCommand(env environment) *cli.Command {
	var a args.Prep
	return &cli.Command{
		Name: "prep", Aliases: []string{"prep-mesh"},
		Usage:       "write topology.yaml, base.yaml and the root of the mesh",
		Description: "prep touches no cluster. Run again, it changes nothing that exists.",
		Flags:       a.Flags(),
		Action:      func(c *cli.Context) error { return runPrep(c.Context, env, a) },
	}
}

func runPrep(ctx context.Context, env environment, a args.Prep) error {
	o := workdir.Options{
		Dir: a.Dir, MeshID: a.MeshID, Org: a.Org, Contexts: a.Contexts(), Now: env.now(), Rand: env.random,
		Brought: workdir.Brought{RootCert: a.RootCert, RootKey: a.RootKey, SigningCert: a.SigningCert, SigningKey: a.SigningKey},
	}
	if err := a.Check(); err != nil {
		return err
	}
	if a.AllContexts || len(o.Contexts) > 0 {
		k, err := kube.Load(a.Kubeconfig)
		if err != nil {
			return err
		}
		if o.Known = k.Contexts(); a.AllContexts {
			o.Contexts = o.Known
		}
	}
	if a.Base != "" {
		var err error
		if o.BaseName, o.Base, err = workdir.ReadManifest(a.Dir, a.Base, env.stdin); err != nil {
			return err
		}
	}
	if a.Encrypt {
		o.Seal = sealer(ctx, env, a.Recipients(), a.PassphraseFD)
	}
	r, err := workdir.Prepare(ctx, o)
	if err != nil {
		return err
	}
	next := "setup-mesh plan"
	if a.Dir != "." && env.getenv("WORKDIR") == "" {
		next += " --dir " + a.Dir
	}
	view.Prep(env.stdout, env.stderr, r, next)
	return nil
}
