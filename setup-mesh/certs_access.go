package main

import (
	"context"
	"fmt"
	"io"

	"github.com/urfave/cli/v2"

	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
	"github.com/setup-mesh/setup-mesh/setup-mesh/internal/args"
	"github.com/setup-mesh/setup-mesh/setup-mesh/internal/view"
)

func revokeAccessCommand(env environment) *cli.Command {
	var a args.RevokeAccess
	return &cli.Command{
		Name:      "revoke-access",
		Usage:     "end the tokens with which a cluster's istiods read other clusters",
		ArgsUsage: "CLUSTER",
		Description: "CLUSTER need not be reached: it may be lost or stolen. The clusters that it reads have to be; each forgets the token within seconds, " +
			"and tokens of others go on. The next apply gives CLUSTER new tokens: to keep it out, take it out of topology.yaml, " +
			"or set disableRegistryJoin, before that.",
		Flags:  a.Flags(),
		Before: a.Fill,
		Action: func(c *cli.Context) error {
			return runAccess(c.Context, env, a.Clusters, a.Change, plan.Access{Change: plan.EndTokens, Consumer: a.Consumer, Source: a.From})
		},
	}
}

func rotateAccessCommand(env environment) *cli.Command {
	var a args.RotateAccess
	return &cli.Command{
		Name:  "rotate-access",
		Usage: "renew the tokens with which istiods read other clusters, without a gap",
		Description: "Each old token ends only when the new one is accepted, and all istiods of its cluster have read the other cluster with it. " +
			"Interrupted, it leaves nothing that does not work: the next run, or the next apply, ends what is left of the old tokens.",
		Flags: a.Flags(),
		Action: func(c *cli.Context) error {
			return runAccess(c.Context, env, a.Clusters, a.Change, plan.Access{Change: plan.RenewTokens, Consumer: a.Of, AllowGaps: a.AllowGaps})
		},
	}
}

// runAccess carries out a plan about tokens.
func runAccess(ctx context.Context, env environment, a args.Clusters, how args.Change, access plan.Access) error {
	words := env.stdout
	if a.Format == args.JSON {
		words = env.stderr
	}
	return change{
		timeout: how.Timeout,
		plan: func(ctx context.Context) (*prepared, error) {
			o := allowing(a, args.Leaving{}, args.Joining{})
			o.Access = &access
			p, err := meshPlan(ctx, env, a, o, args.Signing{})
			if err != nil {
				return nil, err
			}
			if err := concernsSomebody(p.Plan); err != nil {
				return nil, err
			}
			return p, judge(ctx, p)
		},
		agree: func(ctx context.Context, p *prepared) error {
			if err := showAccess(env, words, p.Plan, how.Objects); err != nil {
				return err
			}
			if how.Yes || !p.Pending() {
				return nil
			}
			return confirm(ctx, env, func(w io.Writer) { view.AccessQuestion(w, p.Plan) })
		},
		carryOut: func(ctx context.Context, p *prepared) error {
			err := carryOut(ctx, env, p, a.Format, how.Parallelism)
			if p.Pending() {
				view.AccessAfter(words, p.Plan)
			}
			return err
		},
	}.run(ctx)
}

// showAccess is [show] of a plan about tokens.
func showAccess(env environment, words io.Writer, p *plan.Plan, objects bool) error {
	if len(p.Refusals) > 0 {
		view.Refusals(env.stderr, p)
		return exitCode(exitError)
	}
	view.Access(words, p, objects)
	return nil
}

// concernsSomebody refuses names that no token is for.
func concernsSomebody(p *plan.Plan) error {
	if len(p.Pairs()) > 0 {
		return nil
	}
	access := p.Options.Access
	for _, name := range []string{access.Consumer, access.Source} {
		if name != "" && p.Cluster(name) == nil {
			return &args.Error{Err: fmt.Errorf("no cluster of the mesh is called %q, and none has a grant for one", name), Fix: "setup-mesh graph shows the clusters"}
		}
	}
	switch c := p.Cluster(access.Consumer); {
	case c == nil:
		return &args.Error{Err: fmt.Errorf("no cluster of the mesh reads another one"), Fix: "setup-mesh graph shows the clusters"}
	case c.Remote():
		return &args.Error{Err: fmt.Errorf("%s has no istiod that reads other clusters: its primaries do", c.Name), Fix: "name one of those: " + view.Names(c.Primaries)}
	case access.Source != "":
		return &args.Error{Err: fmt.Errorf("%s does not read %s", c.Name, access.Source), Fix: "setup-mesh graph shows which clusters it reads"}
	}
	return &args.Error{Err: fmt.Errorf("%s reads no other cluster", access.Consumer), Fix: "setup-mesh graph shows which clusters do"}
}
