package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/urfave/cli/v2"

	"github.com/setup-mesh/setup-mesh/pkg/apply"
	"github.com/setup-mesh/setup-mesh/pkg/apply/charts"
	"github.com/setup-mesh/setup-mesh/pkg/apply/kube"
	"github.com/setup-mesh/setup-mesh/pkg/topology"
	"github.com/setup-mesh/setup-mesh/setup-mesh/internal/workdir"
)

// readWanted reads the work directory. With a kubeconfig, the contexts of the
// topology have to be in it. Mistakes in the files come all at once.
func readWanted(dir string, k *kube.Kubeconfig) (apply.Wanted, error) {
	w, err := workdir.Open(dir)
	if err != nil {
		return apply.Wanted{}, err
	}
	defer w.Close()
	var contexts []string
	if k != nil {
		contexts = k.Contexts()
	}
	mesh, meshErr := w.Topology(contexts...)
	if meshErr == nil {
		meshErr = hasClusters(mesh)
	}
	var cas map[string][]byte
	if meshErr == nil {
		cas, meshErr = w.CAs(mesh)
	}
	base, baseErr := w.Base()
	if err := bothFiles(meshErr, baseErr); err != nil {
		return apply.Wanted{}, err
	}
	root, err := w.Root()
	return apply.Wanted{Mesh: mesh, Base: base, Root: root, CAs: cas}, err
}

// bothFiles joins the mistakes of the two files, so that they are shown at once.
func bothFiles(mesh, base error) error {
	if mesh == nil {
		return base
	}
	if base == nil {
		return mesh
	}
	first, ok1 := errors.AsType[topology.Problems](mesh)
	second, ok2 := errors.AsType[topology.Problems](base)
	if ok1 && ok2 {
		return append(first[:len(first):len(first)], second...)
	}
	return mesh
}

func hasClusters(mesh *topology.Mesh) error {
	if len(mesh.Clusters) > 0 {
		return nil
	}
	return withHint(fmt.Errorf("%s has no clusters", mesh.File), "add your contexts to it; to take Istio out of all clusters, setup-mesh teardown while they are listed")
}

// clusterFlags say where the files and the clusters are.
func clusterFlags() []cli.Flag {
	return []cli.Flag{
		dirFlag(), kubeconfigFlag(), outputFlag(), loopbackFlag(), dnsFlag(),
		&cli.BoolFlag{Name: "accept-new-cluster", Usage: "a context may lead to another cluster than at the last apply"},
	}
}

// leaveFlags are about clusters that leave the mesh.
func leaveFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringSliceFlag{Name: "forget", Usage: "drop a `CLUSTER` that is gone for good from the records"},
		&cli.BoolFlag{Name: "crds", Usage: "delete Istio's CRDs from clusters that leave or become remote, although resources of yours exist"},
	}
}

func adoptFlag() cli.Flag {
	return &cli.BoolFlag{Name: "adopt", Usage: "take over objects that somebody else manages"}
}

func overlapFlag() cli.Flag {
	return &cli.BoolFlag{Name: "allow-overlap", Usage: "pods of one network have addresses of their own, although the ranges of nodes overlap"}
}

// makePlan reads the files and the clusters and compares the two.
func makePlan(ctx context.Context, c *cli.Context, env environment, teardown bool) (*apply.Plan, error) {
	k, err := kube.Load(c.String("kubeconfig"))
	if err != nil {
		return nil, err
	}
	d, err := desired(c, k, teardown)
	if err != nil {
		return nil, err
	}
	resolver, err := resolverOf(c.String("dns-server"))
	if err != nil {
		return nil, err
	}
	w, err := apply.Observe(ctx, env.clusters.of(k), d, apply.ObserveOptions{
		Now: env.now(), Teardown: teardown, Client: kube.Options{UserAgent: "setup-mesh/" + env.release}, Resolver: resolver,
	})
	if err != nil {
		return nil, err
	}
	p := apply.NewPlan(d, w, apply.PlanOptions{
		Adopt: c.Bool("adopt"), AllowLoopback: c.Bool("allow-loopback"), AllowOverlap: c.Bool("allow-overlap"),
		AcceptNew: c.Bool("accept-new-cluster"), CRDs: c.Bool("crds"), Forget: c.StringSlice("forget"),
	})
	p.Istio, p.Teardown = charts.Release, teardown
	p.Inputs, err = d.Digest(env.release)
	return p, err
}

// desired is what the work directory asks for. A teardown wants nothing, and
// so needs no more than the topology, and no cluster to be reached.
func desired(c *cli.Context, k *kube.Kubeconfig, teardown bool) (*apply.Desired, error) {
	if !teardown {
		wanted, err := readWanted(c.String("dir"), k)
		if err != nil {
			return nil, err
		}
		return apply.NewDesired(wanted, charts.New())
	}
	w, err := workdir.Open(c.String("dir"))
	if err != nil {
		return nil, err
	}
	defer w.Close()
	mesh, err := w.Topology()
	if err == nil {
		err = hasClusters(mesh)
	}
	if err != nil {
		return nil, err
	}
	return apply.Departing(mesh), nil
}

// holder tells whoever finds a lock whose it is.
func holder(env environment) string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown host"
	}
	user := env.getenv("USER")
	if user == "" {
		user = fmt.Sprintf("uid %d", os.Getuid())
	}
	return fmt.Sprintf("%s@%s, process %d", user, host, os.Getpid())
}
