package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/setup-mesh/setup-mesh/setup-mesh/internal/workdir"
)

// newApp wires the verbs. Flags stand after the verb: urfave/cli does not take
// them before it, and ignores those after an argument, so that arguments are
// refused.
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
		EnableBashCompletion:      true,
		ExitErrHandler:            func(*cli.Context, error) {},
		OnUsageError:              usageError,
		Action: func(c *cli.Context) error {
			if c.Args().Present() {
				return withHint(fmt.Errorf("there is no command %q", c.Args().First()), "setup-mesh --help lists them")
			}
			return cli.ShowAppHelp(c)
		},
		Commands: []*cli.Command{
			prepCommand(env), planCommand(env), applyCommand(env), statusCommand(env), teardownCommand(env), renderCommand(env),
		},
	}
	for _, cmd := range app.Commands {
		cmd.OnUsageError = usageError
		cmd.Before = noArguments
		cmd.HideHelpCommand = true
	}
	return app
}

func usageError(c *cli.Context, err error, _ bool) error {
	return withHint(err, fmt.Sprintf("%s --help lists the flags", c.Command.HelpName))
}

func noArguments(c *cli.Context) error {
	if c.Args().Present() {
		return withHint(fmt.Errorf("%s takes no arguments: %q", c.Command.HelpName, c.Args().First()), "give values with flags, as in --dir mydir")
	}
	return nil
}

// Flags that several verbs have.
func dirFlag() cli.Flag {
	return &cli.StringFlag{Name: "dir", EnvVars: []string{"WORKDIR"}, Value: ".", Usage: "work `DIRECTORY` with topology.yaml, base.yaml and certs"}
}

func kubeconfigFlag() cli.Flag {
	return &cli.StringFlag{Name: "kubeconfig", Usage: "kubeconfig `FILE` (default: KUBECONFIG, else ~/.kube/config)"}
}

func outputFlag() cli.Flag {
	return &cli.StringFlag{Name: "output", Aliases: []string{"o"}, Value: outputText, Usage: "`FORMAT` of the answer: text or json",
		Action: func(_ *cli.Context, v string) error {
			if v != outputText && v != outputJSON {
				return withHint(fmt.Errorf("--output: unknown format %q", v), "text or json")
			}
			return nil
		}}
}

func timeoutFlag(d time.Duration) cli.Flag {
	return &cli.DurationFlag{Name: "timeout", Value: d, Usage: "end after this `TIME` as a whole"}
}

func parallelismFlag() cli.Flag {
	return &cli.IntFlag{Name: "parallelism", Value: 24, Usage: "at most `N` changes under way at once, over all clusters"}
}

func loopbackFlag() cli.Flag {
	return &cli.BoolFlag{Name: "allow-loopback", EnvVars: []string{"SETUP_MESH_ALLOW_LOOPBACK"}, Usage: "loopback API server addresses work for the other clusters too"}
}

func yesFlag() cli.Flag {
	return &cli.BoolFlag{Name: "yes", Aliases: []string{"y"}, Usage: "do not ask"}
}

// The values of --output.
const (
	outputText = "text"
	outputJSON = "json"
)

// errTimeout is the cause of a context that --timeout ended.
var errTimeout = errors.New("--timeout is over")

// limited is the context of a command that --timeout bounds.
func limited(c *cli.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(c.Context, c.Duration("timeout"), errTimeout)
}

func prepCommand(env environment) *cli.Command {
	return &cli.Command{
		Name: "prep", Aliases: []string{"prep-mesh"},
		Usage:       "write topology.yaml, base.yaml and the root of the mesh",
		Description: "prep touches no cluster. Run again, it changes nothing that is there.",
		Flags: []cli.Flag{
			dirFlag(),
			&cli.StringFlag{Name: "mesh-id", EnvVars: []string{"MESH_ID"}, Usage: "`NAME` of the mesh, short but memorable"},
			&cli.StringFlag{Name: "org", EnvVars: []string{"ORG_NAME"}, Usage: "`ORGANIZATION` in the certificates, such as example.com"},
		},
		Action: func(c *cli.Context) error {
			r, err := workdir.Prepare(c.Context, workdir.Options{
				Dir: c.String("dir"), MeshID: c.String("mesh-id"), Org: c.String("org"), Now: env.now(), Rand: env.random,
			})
			if err != nil {
				return err
			}
			next := "setup-mesh plan"
			if c.String("dir") != "." && env.getenv("WORKDIR") == "" {
				next += " --dir " + c.String("dir")
			}
			viewPrep(env.stdout, env.stderr, r, next)
			return nil
		},
	}
}
