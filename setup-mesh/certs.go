package main

import "github.com/urfave/cli/v2"

func certsCommand(env environment) *cli.Command {
	return &cli.Command{
		Name:        "certs",
		Usage:       "renew, replace and revoke what clusters trust each other by",
		Subcommands: []*cli.Command{rotateRootCommand(env), rotateAccessCommand(env), revokeAccessCommand(env)},
	}
}
