package main

import (
	"fmt"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/setup-mesh/setup-mesh/pkg/apply/desired"
	"github.com/setup-mesh/setup-mesh/pkg/certs"
	"github.com/setup-mesh/setup-mesh/setup-mesh/internal/args"
)

// certsCommand has verbs of its own, a file each. Without one of them it is "certs status".
func certsCommand(env environment) *cli.Command {
	status := certsStatusCommand(env)
	return &cli.Command{
		Name:        "certs",
		Usage:       "show, sign, renew, replace and revoke what clusters trust each other by",
		Description: "Without a command, certs is certs status.",
		Flags:       status.Flags,
		Action:      status.Action,
		Subcommands: []*cli.Command{
			certsStatusCommand(env), certsCSRCommand(env), certsSignCommand(env), certsImportCommand(env), rotateRootCommand(env),
			rotateAccessCommand(env), revokeAccessCommand(env), revokeCACommand(env),
		},
	}
}

// identities are those of the clusters that have a CA of their own: all of the topology,
// or those that are named.
func identities(dir string, named []string) ([]certs.Identity, error) {
	mesh, err := members(dir, nil)
	if err != nil {
		return nil, err
	}
	d := desired.Departing(mesh)
	var ids []certs.Identity
	var all []string
	for _, c := range d.Clusters {
		if c.Member.Remote() {
			continue
		}
		all = append(all, c.Member.Name)
		if len(named) == 0 || slices.Contains(named, c.Member.Name) {
			ids = append(ids, d.Identity(c.Member))
		}
	}
	for _, name := range named {
		if !slices.Contains(all, name) {
			return nil, &args.Error{Err: fmt.Errorf("--cluster: no cluster %q of topology.yaml has a CA of its own", name), Fix: fmt.Sprintf("one of %q; remote clusters have none", all)}
		}
	}
	return ids, nil
}
