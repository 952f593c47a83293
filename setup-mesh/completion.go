package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/setup-mesh/setup-mesh/pkg/apply/kube"
	"github.com/setup-mesh/setup-mesh/setup-mesh/internal/args"
	"github.com/setup-mesh/setup-mesh/setup-mesh/internal/complete"
)

func completionCommand(env environment) *cli.Command {
	shells := strings.Join(complete.Shells(), "|")
	return &cli.Command{
		Name:      "completion",
		Usage:     "print a script by which a shell completes commands, flags, contexts and cluster names",
		ArgsUsage: shells,
		Description: "In bash: source <(setup-mesh completion bash). In zsh, after compinit: source <(setup-mesh completion zsh). " +
			"In fish: setup-mesh completion fish | source. Names come from topology.yaml and the kubeconfig; no cluster is asked.",
		Action: func(c *cli.Context) error {
			if c.NArg() != 1 || !slices.Contains(complete.Shells(), c.Args().First()) {
				return &args.Error{Err: fmt.Errorf("%s takes the name of a shell", c.Command.HelpName), Fix: "setup-mesh completion " + shells}
			}
			_, err := io.WriteString(env.stdout, complete.Script(c.Args().First()))
			return err
		},
	}
}

// completeCommand is what the scripts call. It says nothing where it has nothing to say.
func completeCommand(env environment) *cli.Command {
	return &cli.Command{
		Name: "__complete", Hidden: true, SkipFlagParsing: true, ArgsUsage: "WORD...",
		Action: func(c *cli.Context) error {
			for _, found := range complete.Words(c.App.Commands, c.Args().Slice(), namesHere(env)) {
				line := found.Word
				if found.About != "" {
					line += "\t" + found.About
				}
				if _, err := io.WriteString(env.stdout, line+"\n"); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

// namesHere are the contexts and clusters of the user's files.
func namesHere(env environment) complete.Sources {
	return complete.Sources{
		Getenv: env.getenv, Checks: checkNames(),
		Contexts: func(file string) []string {
			k, err := kube.Load(file)
			if err != nil {
				return nil
			}
			return k.Contexts()
		},
		Clusters: func(dir string) []string {
			mesh, err := members(dir, nil)
			if err != nil {
				return nil
			}
			var names []string
			for _, c := range mesh.Clusters {
				names = append(names, c.Name)
			}
			return names
		},
	}
}
