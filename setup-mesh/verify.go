package main

import (
	"context"
	"errors"

	"github.com/urfave/cli/v2"

	"github.com/setup-mesh/setup-mesh/pkg/apply/kube"
	"github.com/setup-mesh/setup-mesh/pkg/apply/verify"
	"github.com/setup-mesh/setup-mesh/pkg/topology"
	"github.com/setup-mesh/setup-mesh/pkg/topology/manifest"
	"github.com/setup-mesh/setup-mesh/setup-mesh/internal/args"
	"github.com/setup-mesh/setup-mesh/setup-mesh/internal/view"
)

func verifyCommand(env environment) *cli.Command {
	var a args.Verify
	return &cli.Command{
		Name:  "verify",
		Usage: "call a service from every cluster, and show who answers",
		Description: "verify puts helloworld and a client into a namespace of its own in every cluster, calls from each to all, and takes everything out again, " +
			"also when it is interrupted. The calls go through the pods' own proxies; in an ambient mesh, the namespace is enrolled, and they go through ztunnels. It exits 2 when a cluster does not answer another that it should, takes no part, or could not be cleaned up.",
		Flags:  a.Flags(),
		Action: func(c *cli.Context) error { return runVerify(c.Context, env, a) },
	}
}

func runVerify(ctx context.Context, env environment, a args.Verify) error {
	if err := a.Check(); err != nil {
		return err
	}
	k, err := kube.Load(a.Kubeconfig)
	if err != nil {
		return err
	}
	mesh, base, err := outline(a.Dir, k.Contexts())
	if err != nil {
		return err
	}
	ambient := manifest.ModeOf(mesh, base, mesh.Clusters[0]).Ambient // as all are
	if a.Sidecars && (!ambient || !mesh.Ambient.Sidecars) {
		return &args.Error{Err: errors.New("--sidecars is for a mesh that has sidecars and ambient pods"), Fix: "leave it out"}
	}
	ambient = ambient && !a.Sidecars
	clusters := opening(env, k)
	open := func(context string) (verify.Cluster, error) {
		c, err := clusters.Cluster(context)
		if err != nil {
			return nil, err // a nil *Cluster in it would be no nil
		}
		return c, nil
	}
	if a.Service[1] != "" {
		return aboutService(ctx, env, a, mesh, open, ambient)
	}
	times := verify.Times{Pods: a.Timeout, Settle: a.Settle, Remove: a.Timeout}
	if a.Clean {
		return cleaned(env, verify.Clean(ctx, mesh, open, times))
	}
	o := verify.Options{Namespace: a.Namespace, Labels: a.Labels, Registry: a.Registry, Images: a.Images, PullSecret: a.PullSecret, Keep: a.Keep, Ambient: ambient}
	report := verify.Run(ctx, mesh, open, o, times, func(what string) { view.Doing(env.stderr, what) })
	if a.Format == args.JSON {
		err = view.JSON(env.stdout, report)
	} else {
		view.Verify(env.stdout, report, env.colour)
	}
	switch {
	case err != nil:
		return err
	case report.Interrupted:
		return errInterrupted
	case !report.OK():
		return exitCode(exitPending)
	}
	return nil
}

func aboutService(ctx context.Context, env environment, a args.Verify, mesh *topology.Mesh, open func(string) (verify.Cluster, error), ambient bool) error {
	report, err := limited(ctx, a.Timeout, func(ctx context.Context) (*verify.ServiceReport, error) {
		return verify.Service(ctx, mesh, open, a.Service[0], a.Service[1], ambient), context.Cause(ctx)
	})
	if err != nil {
		return err
	}
	if a.Format == args.JSON {
		err = view.JSON(env.stdout, report)
	} else {
		view.VerifyService(env.stdout, report, env.colour)
	}
	if err == nil && !report.OK() {
		err = exitCode(exitPending)
	}
	return err
}

func cleaned(env environment, problems []verify.Problem) error {
	view.Cleaned(env.stdout, problems, env.colour)
	if len(problems) > 0 {
		return exitCode(exitPending)
	}
	return nil
}
