package main

import (
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/setup-mesh/setup-mesh/setup-mesh/internal/args"
)

// newApp wires the verbs. Flags stand after the verb: urfave/cli does not take
// them before it, and ignores those after an argument, so arguments are refused by
// every verb that does not say with ArgsUsage that it takes some.
func newApp(env environment) *cli.App {
	// The writer of --help and of the version; errors are printed by run.
	app := &cli.App{
		Name:                      "setup-mesh",
		Usage:                     "make one Istio mesh out of several Kubernetes clusters",
		Version:                   env.release,
		Writer:                    env.stdout,
		ErrWriter:                 env.stderr,
		HideHelpCommand:           true,
		Suggest:                   true,
		DisableSliceFlagSeparator: true,
		ExitErrHandler:            func(*cli.Context, error) {},
		OnUsageError:              args.Mistake,
		Action: func(c *cli.Context) error {
			if c.Args().Present() {
				return &args.Error{Err: fmt.Errorf("there is no command %q", c.Args().First()), Fix: "setup-mesh --help lists them"}
			}
			return cli.ShowAppHelp(c)
		},
		Commands: []*cli.Command{
			prepCommand(env), planCommand(env), applyCommand(env), statusCommand(env), verifyCommand(env), graphCommand(env), teardownCommand(env), renderCommand(env), migrateCommand(env),
			certsCommand(env), injectCommand(env), explainCommand(env), bundleCommand(env), completionCommand(env), completeCommand(env),
		},
	}
	for _, cmd := range app.Commands {
		strict(cmd)
	}
	return app
}

// strict has a command, and those below it, refuse what it does not know.
func strict(cmd *cli.Command) {
	cmd.OnUsageError, cmd.HideHelpCommand = args.Mistake, true
	if cmd.ArgsUsage == "" && len(cmd.Subcommands) == 0 {
		cmd.Before = args.None
	}
	for _, sub := range cmd.Subcommands {
		strict(sub)
	}
}
