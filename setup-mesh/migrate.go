package main

import (
	"github.com/urfave/cli/v2"

	"github.com/setup-mesh/setup-mesh/pkg/topology/manifest"
	"github.com/setup-mesh/setup-mesh/setup-mesh/internal/args"
	"github.com/setup-mesh/setup-mesh/setup-mesh/internal/view"
	"github.com/setup-mesh/setup-mesh/setup-mesh/internal/workdir"
)

func migrateCommand(env environment) *cli.Command {
	var a args.Migrate
	return &cli.Command{
		Name:  "migrate",
		Usage: "print a base.yaml of any Istio since 1.4 in today's terms",
		Description: "The file is an IstioControlPlane or an IstioOperator. Comments stay, and each decision is a comment where its setting is " +
			"or was. Exit code 2 says that something is left to decide. No file is written, and no cluster is contacted.",
		Flags:  a.Flags(),
		Action: func(*cli.Context) error { return runMigrate(env, a) },
	}
}

func runMigrate(env environment, a args.Migrate) error {
	name, data, err := workdir.ReadManifest(a.Dir, a.File, env.stdin)
	if err != nil {
		return err
	}
	today, open, err := manifest.Migrate(name, data)
	if err != nil {
		return err
	}
	if _, err := env.stdout.Write(today); err != nil {
		return err
	}
	if len(open) > 0 {
		view.Undecided(env.stderr, open)
		return exitCode(exitPending)
	}
	return nil
}
