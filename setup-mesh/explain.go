package main

import (
	"fmt"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/setup-mesh/setup-mesh/pkg/apply/check"
	"github.com/setup-mesh/setup-mesh/pkg/apply/component"
	"github.com/setup-mesh/setup-mesh/pkg/topology"
	"github.com/setup-mesh/setup-mesh/setup-mesh/internal/args"
	"github.com/setup-mesh/setup-mesh/setup-mesh/internal/explain"
	"github.com/setup-mesh/setup-mesh/setup-mesh/internal/view"
)

func explainCommand(env environment) *cli.Command {
	var a args.Explain
	return &cli.Command{
		Name:      "explain",
		Usage:     "say what a key of topology.yaml or base.yaml means, or a check",
		ArgsUsage: "[PATH|CHECK]",
		Description: "PATH is written as messages have it, such as contexts.NAME.gateway.port, spec.values.pilot.traceSampling or " +
			"meshConfig.accessLogFile. The answer has its type and default, whether topology.yaml decides it, what Istio 1.4 called it or " +
			"what became of it, and the keys below it. Without PATH, it lists the keys of both files. CHECK is the name of one as plan, apply and status print it, such as gateway/address. " +
			"No file is read, and no cluster is contacted.",
		Before: a.Fill,
		Action: func(*cli.Context) error { return runExplain(env, a) },
	}
}

func runExplain(env environment, a args.Explain) error {
	if a.IsCheck() {
		return explainCheck(env, a.Path)
	}
	answers, err := explain.Path(a.Path)
	if err != nil {
		return err
	}
	view.Explain(env.stdout, answers)
	return nil
}

func explainCheck(env environment, id string) error {
	all := component.Checks()
	i := slices.IndexFunc(all, func(c check.Check) bool { return c.ID == id })
	if i >= 0 {
		view.ExplainCheck(env.stdout, all[i])
		return nil
	}
	fix := check.Page + " lists them"
	if near := topology.Nearest(id, checkNames()); near != "" {
		fix = "did you mean " + near + "?"
	}
	return &args.Error{Err: fmt.Errorf("there is no check %q", id), Fix: fix}
}

func checkNames() []string {
	var out []string
	for _, c := range component.Checks() {
		out = append(out, c.ID)
	}
	return out
}
