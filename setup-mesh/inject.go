package main

import (
	"context"
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/setup-mesh/setup-mesh/pkg/apply/inject"
	"github.com/setup-mesh/setup-mesh/pkg/apply/kube"
	"github.com/setup-mesh/setup-mesh/pkg/topology"
	"github.com/setup-mesh/setup-mesh/setup-mesh/internal/args"
	"github.com/setup-mesh/setup-mesh/setup-mesh/internal/view"
	"github.com/setup-mesh/setup-mesh/setup-mesh/internal/workdir"
)

func injectCommand(env environment) *cli.Command {
	var a args.Inject
	return &cli.Command{
		Name:  "inject",
		Usage: "print workloads with the sidecars that a cluster would give them",
		Description: "inject is for pods that no webhook injects. Template, values and mesh configuration are those that the cluster's control plane " +
			"has now, which of a remote cluster is in a primary. Everything but pods is printed as it is. No cluster is changed.",
		Flags:  a.Flags(),
		Action: func(c *cli.Context) error { return runInject(c.Context, env, a) },
	}
}

func runInject(ctx context.Context, env environment, a args.Inject) error {
	if err := a.Check(); err != nil {
		return err
	}
	mesh, cluster, err := memberOf(a)
	if err != nil {
		return err
	}
	name, file, err := workdir.ReadWorkloads(a.File, env.stdin)
	if err != nil {
		return err
	}
	k, err := kube.Load(a.Kubeconfig)
	if err != nil {
		return err
	}
	live, err := limited(ctx, a.Timeout, func(ctx context.Context) (*inject.Live, error) {
		return inject.Read(ctx, opening(env, k), mesh, cluster)
	})
	if err != nil {
		return err
	}
	injector, err := inject.New(live)
	if err != nil {
		return fmt.Errorf("inject as cluster %s does: %w", cluster.Name, err)
	}
	out, left, err := injector.Into(name, file)
	if err != nil {
		return err
	}
	view.Warnings(env.stderr, left)
	_, err = env.stdout.Write(out)
	return err
}

// memberOf is the cluster that the user names, and its mesh.
func memberOf(a args.Inject) (*topology.Mesh, topology.Cluster, error) {
	mesh, err := members(a.Dir, nil)
	if err != nil {
		return nil, topology.Cluster{}, err
	}
	cluster, ok, hint := mesh.ByContext(a.Context)
	if !ok {
		return nil, topology.Cluster{}, &args.Error{Err: fmt.Errorf("--context: %s has no context %q", mesh.File, a.Context), Fix: hint}
	}
	return mesh, cluster, nil
}
