package main

import "github.com/urfave/cli/v2"

func certsCommand(env environment) *cli.Command {
	return &cli.Command{
		Name:        "certs",
		Usage:       "renew and replace the certificates of the mesh",
		Subcommands: []*cli.Command{rotateRootCommand(env)},
	}
}
