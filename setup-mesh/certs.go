package main

import "github.com/urfave/cli/v2"

// certsCommand is "certs status" where no other verb is given below it.
func certsCommand(env environment) *cli.Command {
	all := certsStatusCommand(env)
	return &cli.Command{
		Name:        "certs",
		Usage:       "show, renew and replace the certificates of the mesh",
		Description: "Without a command, certs is certs status.",
		Flags:       all.Flags,
		Action:      all.Action,
		Subcommands: []*cli.Command{certsStatusCommand(env), rotateRootCommand(env)},
	}
}
