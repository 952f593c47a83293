package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
	"github.com/setup-mesh/setup-mesh/pkg/apply/record"
	"github.com/setup-mesh/setup-mesh/setup-mesh/internal/args"
	"github.com/setup-mesh/setup-mesh/setup-mesh/internal/view"
)

func teardownCommand(env environment) *cli.Command {
	var a args.Teardown
	return &cli.Command{
		Name:        "teardown",
		Usage:       "take Istio out of all known clusters",
		Description: "teardown deletes what setup-mesh installed, and nothing else; the work directory and its root key stay.",
		Flags:       a.Flags(),
		Action:      func(c *cli.Context) error { return runTeardown(c.Context, env, a) },
	}
}

func runTeardown(ctx context.Context, env environment, a args.Teardown) error {
	var named []record.Member // by topology.yaml; known once there is a plan
	return change{
		timeout: a.Timeout,
		plan: func(ctx context.Context) (p *prepared, err error) {
			p, named, err = teardownPlan(ctx, env, a.Clusters, a.Leaving)
			return p, err
		},
		agree: func(ctx context.Context, p *prepared) error {
			unnamed := unnamedClusters(p.Plan, named)
			if err := show(env, a.Format, view.PlanStyle{Objects: a.Objects, Unnamed: unnamed}, p); err != nil {
				return err
			}
			switch {
			case !p.Pending():
				return nil
			case a.Yes && !a.AllMembers:
				return checkUnnamed(unnamed)
			case a.Yes:
				return nil
			}
			return confirm(ctx, env, func(w io.Writer) { view.TeardownQuestion(w, p.Plan, unnamed) })
		},
		carryOut: func(ctx context.Context, p *prepared) error {
			return carryOut(ctx, env, p, a.Format, a.Parallelism)
		},
	}.run(ctx)
}

// unnamedClusters are those that a teardown of p changes although topology.yaml
// does not name them: a record says that they are members. A cluster is named by
// its context together with its name, for either may have moved to another one.
func unnamedClusters(p *plan.Plan, named []record.Member) []*plan.Cluster {
	type key struct{ name, context string }
	known := map[key]bool{}
	for _, m := range named {
		known[key{m.Name, m.Context}] = true
	}
	var unnamed []*plan.Cluster
	for _, c := range p.Clusters {
		if !known[key{c.Name, c.Context}] && c.Pending() {
			unnamed = append(unnamed, c)
		}
	}
	return unnamed
}

// checkUnnamed refuses what nobody has looked at.
func checkUnnamed(unnamed []*plan.Cluster) error {
	if len(unnamed) == 0 {
		return nil
	}
	var names []string
	for _, c := range unnamed {
		names = append(names, fmt.Sprintf("%s (context %s)", c.Name, c.Context))
	}
	return &args.Error{
		Err: fmt.Errorf("--yes would take Istio out of clusters that topology.yaml does not name: %s", strings.Join(names, ", ")),
		Fix: "add --all-members to take it out of these clusters too",
	}
}
