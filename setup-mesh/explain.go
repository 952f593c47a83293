package main

import (
	"github.com/urfave/cli/v2"

	"github.com/setup-mesh/setup-mesh/setup-mesh/internal/args"
	"github.com/setup-mesh/setup-mesh/setup-mesh/internal/explain"
	"github.com/setup-mesh/setup-mesh/setup-mesh/internal/view"
)

func explainCommand(env environment) *cli.Command {
	var a args.Explain
	return &cli.Command{
		Name:      "explain",
		Usage:     "say what a key of topology.yaml or base.yaml means",
		ArgsUsage: "[PATH]",
		Description: "PATH is written as messages have it, such as contexts.NAME.gateway.port, spec.values.pilot.traceSampling or " +
			"meshConfig.accessLogFile. The answer has its type and default, whether topology.yaml decides it, what Istio 1.4 called it or " +
			"what became of it, and the keys below it. Without PATH, it lists the keys of both files. No file is read, and no cluster is contacted.",
		Before: a.Fill,
		Action: func(*cli.Context) error { return runExplain(env, a) },
	}
}

func runExplain(env environment, a args.Explain) error {
	answers, err := explain.Path(a.Path)
	if err != nil {
		return err
	}
	view.Explain(env.stdout, answers)
	return nil
}
