package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/setup-mesh/setup-mesh/pkg/apply"
	"github.com/setup-mesh/setup-mesh/pkg/apply/ask"
	"github.com/setup-mesh/setup-mesh/pkg/apply/charts"
	"github.com/setup-mesh/setup-mesh/pkg/apply/check"
	"github.com/setup-mesh/setup-mesh/pkg/apply/desired"
	"github.com/setup-mesh/setup-mesh/pkg/apply/kube"
	"github.com/setup-mesh/setup-mesh/pkg/apply/observe"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
	"github.com/setup-mesh/setup-mesh/pkg/apply/record"
	"github.com/setup-mesh/setup-mesh/pkg/apply/status"
	"github.com/setup-mesh/setup-mesh/pkg/apply/world"
	"github.com/setup-mesh/setup-mesh/pkg/certs"
	"github.com/setup-mesh/setup-mesh/pkg/topology"
	"github.com/setup-mesh/setup-mesh/setup-mesh/internal/args"
	"github.com/setup-mesh/setup-mesh/setup-mesh/internal/workdir"
)

// wanted is what the work directory asks for. Contexts, unless nil, are those that
// the topology may name. Who signs is not asked for anything yet. A rotation is taken to be
// in a phase, unless that is "".
func wanted(env environment, dir string, contexts []string, s args.Signing, phase certs.Phase) (*desired.Desired, *sealedRoot, error) {
	d, err := workdir.Open(dir)
	if err != nil {
		return nil, nil, err
	}
	defer d.Close()
	files, err := d.Read(contexts)
	if err != nil && files.Base != nil {
		// The charts know of mistakes that nothing else does, and the two files may
		// contradict each other: all mistakes come at once.
		err = errors.Join(err, desired.Mistakes(files.Mesh, files.Base, charts.New()).Err())
	}
	if err != nil {
		return nil, nil, err
	}
	signs, isNew, issued := &files.Root, false, files.Issued
	if r := files.Rotation; r != nil {
		r.Phase = cmp.Or(phase, r.Phase)
		if signs, isNew = r.Signing(); isNew {
			issued = files.NewIssued
		}
	}
	var sealed *sealedRoot
	if *signs, sealed, err = signedBy(env, d, *signs, isNew, s); err != nil {
		return nil, nil, err
	}
	out, err := apply.NewDesired(desired.Wanted{Mesh: files.Mesh, Base: files.Base, Root: files.Root, Rotation: files.Rotation, Issued: issued, Revoked: files.Revoked, CAs: files.CAs}, charts.New())
	return out, sealed, err
}

// departing is what a teardown wants: nothing. It needs no more than the
// topology, and no cluster to be reached.
func departing(dir string) (*desired.Desired, error) {
	mesh, err := members(dir, nil)
	if err != nil {
		return nil, err
	}
	return desired.Departing(mesh), nil
}

// members is what topology.yaml says. Contexts, unless nil, are those that it may name.
func members(dir string, contexts []string) (*topology.Mesh, error) {
	d, err := workdir.Open(dir)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	return d.Members(contexts)
}

// A prepared apply is a plan, and how its clusters are spoken to.
type prepared struct {
	*plan.Plan
	clients *world.Clients
	sealed  *sealedRoot // nil where no key is encrypted
}

// meshPlan reads the files and the clusters, and compares the two.
func meshPlan(ctx context.Context, env environment, a args.Clusters, o plan.Options, s args.Signing) (*prepared, error) {
	return meshPlanIn(ctx, env, a, o, s, "")
}

// meshPlanIn is [meshPlan] as it would be in another phase of a rotation.
func meshPlanIn(ctx context.Context, env environment, a args.Clusters, o plan.Options, s args.Signing, phase certs.Phase) (*prepared, error) {
	k, err := kube.Load(a.Kubeconfig)
	if err != nil {
		return nil, err
	}
	d, sealed, err := wanted(env, a.Dir, k.Contexts(), s, phase)
	if err != nil {
		return nil, err
	}
	clients := speaking(env, k, a)
	w, err := observe.Observe(ctx, clients, d, observe.Options{Now: env.now(), Adopt: o.Adopt})
	if err != nil {
		return nil, err
	}
	p := apply.NewPlan(d, w, o)
	p.Istio = charts.Release
	p.Inputs, err = d.Digest(env.release)
	return &prepared{p, clients, sealed}, err
}

// examined is what a status makes of a plan.
func examined(ctx context.Context, p *prepared) *status.Status {
	return status.New(p.Plan, ask.Examine(ctx, p.Plan, p.clients))
}

// meshStatus is whether the clusters are one healthy mesh.
func meshStatus(ctx context.Context, env environment, a args.Clusters) (*status.Status, error) {
	p, err := meshPlan(ctx, env, a, allowing(a, args.Leaving{}, args.Joining{}), args.Signing{})
	if err != nil {
		return nil, err
	}
	return examined(ctx, p), nil
}

// checkedPlan is [meshPlan] with what speaks against it.
func checkedPlan(ctx context.Context, env environment, a args.Clusters, l args.Leaving, j args.Joining, s args.Signing) (*prepared, error) {
	p, err := meshPlan(ctx, env, a, allowing(a, l, j), s)
	if err != nil {
		return nil, err
	}
	return p, judge(ctx, p)
}

// teardownPlan plans that Istio leaves the clusters of the topology, and those
// that their records name. The plan comes with what speaks against it, and with the
// clusters that the topology names.
func teardownPlan(ctx context.Context, env environment, a args.Clusters, l args.Leaving) (*prepared, []record.Member, error) {
	k, err := kube.Load(a.Kubeconfig)
	if err != nil {
		return nil, nil, err
	}
	d, err := departing(a.Dir)
	if err != nil {
		return nil, nil, err
	}
	clients := speaking(env, k, a)
	w, err := observe.Observe(ctx, clients, d, observe.Options{Now: env.now(), Teardown: true})
	if err != nil {
		return nil, nil, err
	}
	p := apply.NewPlan(d, w, allowing(a, l, args.Joining{}))
	p.Istio, p.Teardown = charts.Release, true
	if p.Inputs, err = d.Digest(env.release); err != nil {
		return nil, nil, err
	}
	var named []record.Member
	for _, c := range d.Clusters {
		named = append(named, c.Member)
	}
	out := &prepared{p, clients, nil}
	return out, named, judge(ctx, out)
}

// judge asks the clusters what speaks against a plan.
func judge(ctx context.Context, p *prepared) error {
	p.Plan = check.With(p.Plan, check.Preflight(p.Plan, ask.Inspect(ctx, p.Plan, p.clients)))
	if ctx.Err() != nil {
		return fmt.Errorf("check the clusters before the apply: %w", context.Cause(ctx))
	}
	return nil
}

func speaking(env environment, k *kube.Kubeconfig, a args.Clusters) *world.Clients {
	return &world.Clients{Opener: opening(env, k), Resolver: resolverOf(a.NameServer)}
}

func opening(env environment, k *kube.Kubeconfig) *kube.Opener {
	return env.clusters.of(k, kube.Options{UserAgent: "setup-mesh/" + env.release})
}

func allowing(a args.Clusters, l args.Leaving, j args.Joining) plan.Options {
	return plan.Options{
		Adopt: j.Adopt, AllowLoopback: a.AllowLoopback, AllowOverlap: j.AllowOverlap,
		AcceptNew: a.AcceptNew, CRDs: l.CRDs, Forget: l.Forget, Leaving: l.Left,
	}
}

// holder tells whoever finds a lock who has it.
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
