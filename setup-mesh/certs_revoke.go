package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/setup-mesh/setup-mesh/pkg/apply/check"
	"github.com/setup-mesh/setup-mesh/pkg/apply/desired"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
	"github.com/setup-mesh/setup-mesh/pkg/certs"
	"github.com/setup-mesh/setup-mesh/pkg/topology"
	"github.com/setup-mesh/setup-mesh/pkg/topology/manifest"
	"github.com/setup-mesh/setup-mesh/setup-mesh/internal/args"
	"github.com/setup-mesh/setup-mesh/setup-mesh/internal/view"
	"github.com/setup-mesh/setup-mesh/setup-mesh/internal/workdir"
)

func revokeCACommand(env environment) *cli.Command {
	var a args.RevokeCA
	return &cli.Command{
		Name:  "revoke-ca",
		Usage: "replace the CA of a cluster, and have nobody trust the old one",
		Description: "The cluster gets another CA and its workloads other certificates; once no proxy has one of the old CA, all clusters get revocation lists. " +
			"Interrupted before that, it goes on when run again. The key of the root is needed.",
		Flags: a.Flags(),
		Action: func(c *cli.Context) error {
			if err := a.Check(); err != nil {
				return err
			}
			return runRevokeCA(c.Context, env, a)
		},
	}
}

func runRevokeCA(ctx context.Context, env environment, a args.RevokeCA) error {
	dir, err := workdir.Open(a.Dir)
	if err != nil {
		return err
	}
	defer dir.Close()
	if err := revokable(dir); err != nil {
		return err
	}
	root, sealed, err := listing(env, dir)
	if err != nil {
		return err
	}
	revoked, err := toRevoke(ctx, env, dir, root, a)
	if err != nil {
		return err
	}
	step := func(listed bool) error {
		if err := dir.PutRevoked(ctx, revoked); err != nil {
			return err
		}
		view.RevocationStep(env.stderr, a.Cluster, listed, a.Now)
		err := runApply(ctx, env, args.Apply{Clusters: a.Clusters, Change: a.Change, Opening: a.Opening})
		if err != nil {
			view.RevocationStopped(env.stderr, a.Cluster, listed)
		}
		return err
	}
	if err := step(false); err != nil {
		return err
	}
	if sealed != nil {
		if err := sealed.open(ctx, env, &a.Opening); err != nil {
			return err
		}
		root = sealed.Opened()
	}
	if revoked, err = revoked.List(env.random, env.now(), root); err != nil {
		return err
	}
	if err := step(true); err != nil {
		return err
	}
	view.Revoked(env.stderr, a.Cluster)
	return nil
}

// revokable refuses to revoke a CA in an ambient mesh. A ztunnel asks for revocation lists only
// where values.ztunnel.peerCaCrl.enabled is set, and does not say which it has: that
// all of them refuse the old CA, nobody could see.
// https://github.com/istio/ztunnel/blob/02cc467b9aa0c678ea4053a72e1ef38215425a61/src/tls/crl.rs
func revokable(dir *workdir.Dir) error {
	mesh, err := dir.Topology(nil)
	if err != nil {
		return err
	}
	base := dir.Rest()
	if !slices.ContainsFunc(mesh.Clusters, func(c topology.Cluster) bool { return manifest.ModeOf(mesh, base, c).Ambient }) {
		return nil
	}
	return &args.Error{
		Err: errors.New("the mesh is in ambient mode, and ztunnels do not say which revocation lists they have"),
		Fix: "until the old CA ends, nothing but a mesh of sidecars refuses it: docs/ambient.md leads there and back. To give a cluster another CA now, delete its Secret cacerts, and apply",
	}
}

// listing is the root, which must be able to sign a revocation list, or its encrypted key.
func listing(env environment, dir *workdir.Dir) (*certs.Root, *sealedRoot, error) {
	if r, err := dir.Rotation(); err != nil || r != nil {
		if err == nil {
			err = &args.Error{Err: errors.New("the root is being replaced, and with the old root everything below it"), Fix: "setup-mesh certs rotate-root goes on with that"}
		}
		return nil, nil, err
	}
	root, err := dir.Root()
	if err != nil {
		return nil, nil, err
	}
	root, sealed, err := signedBy(env, dir, root, false, args.Signing{})
	if err != nil {
		return nil, nil, err
	}
	if err := root.CanList(); err != nil {
		return nil, nil, &args.Error{Err: err, Fix: "put the root's key back for this (certs/root-key.pem), where it is ours; setup-mesh certs rotate-root needs none: nothing below the old root is trusted after it"}
	}
	return root, sealed, nil
}

// toRevoke is what is revoked, with the CA that is to be: the one that this began with, or
// the one that the cluster has.
func toRevoke(ctx context.Context, env environment, dir *workdir.Dir, root *certs.Root, a args.RevokeCA) (*certs.Revoked, error) {
	have, err := dir.Revoked(root)
	if err != nil {
		return nil, err
	}
	if ca, ok := have.Pending(); ok {
		if ca.Cluster != a.Cluster {
			return nil, &args.Error{Err: fmt.Errorf("a CA of %s is to be revoked first", ca.Cluster), Fix: "setup-mesh certs revoke-ca --cluster " + ca.Cluster + " goes on with that"}
		}
		return have.Waiting(!a.Now), nil
	}
	p, err := limited(ctx, a.Timeout, func(ctx context.Context) (*prepared, error) {
		return meshPlan(ctx, env, a.Clusters, allowing(a.Clusters, args.Leaving{}, args.Joining{}), args.Signing{})
	})
	if err != nil {
		return nil, err
	}
	if err := mayRevoke(p.Plan, have, a); err != nil {
		return nil, err
	}
	serials := []string{a.Serial}
	if a.Serial == "" {
		if serials, err = serialsOf(p.Cluster(a.Cluster)); err != nil {
			return nil, err
		}
	}
	for _, serial := range serials {
		have = have.Adding(certs.RevokedCA{Cluster: a.Cluster, Serial: serial, Since: env.now().UTC()})
	}
	return have.Waiting(!a.Now), nil
}

// mayRevoke says why another CA cannot be revoked now.
func mayRevoke(p *plan.Plan, have *certs.Revoked, a args.RevokeCA) error {
	c := p.Cluster(a.Cluster)
	if c == nil || c.Remote() || c.Leaving {
		return &args.Error{Err: fmt.Errorf("%q is not a cluster of topology.yaml with a CA of its own", a.Cluster), Fix: "name one that is; the CA of a remote cluster is that of its primary"}
	}
	for _, ca := range have.CAs() {
		if ca.Serial == a.Serial {
			return &args.Error{Err: fmt.Errorf("the CA with serial number %s is revoked already", a.Serial), Fix: "setup-mesh apply puts the lists where they are missing"}
		}
	}
	if !have.InForce() {
		return nil
	}
	for _, c := range p.Clusters {
		if b := check.Bundle(c); !c.Leaving && !c.Remote() && (b == nil || !b.Lists(have)) {
			return &args.Error{Err: fmt.Errorf("%s does not have the revocation lists of before", c.Name), Fix: "setup-mesh apply puts them there"}
		}
	}
	return nil
}

// serialsOf are those of the CA that c has, and of earlier ones with its key.
func serialsOf(c *plan.Cluster) ([]string, error) {
	ref := object.SecretRef(c.Namespace, object.Cacerts)
	b := check.Bundle(c)
	if b == nil {
		return nil, &args.Error{Err: fmt.Errorf("%s has no CA in %s that could be read", c.Name, ref), Fix: "name the one that it had with --serial"}
	}
	return append([]string{certs.SerialOf(b.Cert())}, desired.SameKey(c.Live.Object(ref))...), nil
}
