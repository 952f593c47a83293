package main

import (
	"context"

	"github.com/urfave/cli/v2"

	"github.com/setup-mesh/setup-mesh/setup-mesh/internal/args"
	"github.com/setup-mesh/setup-mesh/setup-mesh/internal/view"
	"github.com/setup-mesh/setup-mesh/setup-mesh/internal/workdir"
)

func certsImportCommand(env environment) *cli.Command {
	var a args.CertsImport
	return &cli.Command{
		Name:  "import",
		Usage: "take the certificates that were signed for the CSRs, for the next apply",
		Description: "Each is verified as a cluster and its peers would: key, chain up to the root, what it may sign, names and dates. " +
			"Unless all that there are will do, none is taken.",
		Flags:  a.Flags(),
		Action: func(c *cli.Context) error { return runCertsImport(c.Context, env, a) },
	}
}

func runCertsImport(ctx context.Context, env environment, a args.CertsImport) error {
	if err := a.Check(); err != nil {
		return err
	}
	ids, err := identities(a.Dir, nil)
	if err != nil {
		return err
	}
	d, err := workdir.Open(a.Dir)
	if err != nil {
		return err
	}
	defer d.Close()
	_, isNew, err := d.Requesting(a.Back)
	if err != nil {
		return err
	}
	imported, err := d.Import(ctx, workdir.ImportOptions{IDs: ids, From: a.From(), Back: a.Back, Now: env.now(), Stdin: env.stdin})
	if err != nil {
		return err
	}
	view.Imported(env.stdout, env.stderr, imported, importedFor(isNew, a.Back))
	return nil
}

// importedFor is the command that uses what was imported.
func importedFor(isNew, back bool) string {
	switch {
	case back:
		return "setup-mesh certs rotate-root --back"
	case isNew:
		return "setup-mesh certs rotate-root"
	}
	return "setup-mesh apply"
}
