package main

import (
	"context"
	"errors"

	"github.com/urfave/cli/v2"

	"github.com/setup-mesh/setup-mesh/pkg/certs"
	"github.com/setup-mesh/setup-mesh/setup-mesh/internal/args"
	"github.com/setup-mesh/setup-mesh/setup-mesh/internal/view"
	"github.com/setup-mesh/setup-mesh/setup-mesh/internal/workdir"
)

// errNoRotation says that there is nothing to lead back.
var errNoRotation = errors.New("no rotation of the root is under way")

// errListsInForce says why no rotation begins: nobody would trust what the new root signs
// before its lists are everywhere.
var errListsInForce = errors.New("proxies ask for revocation lists of the old root's CAs (" + workdir.RevokedFile + ")")

func rotateRootCommand(env environment) *cli.Command {
	var a args.RotateRoot
	return &cli.Command{
		Name:  "rotate-root",
		Usage: "lead the mesh to another root, without an outage",
		Description: "The mesh trusts both roots first, then the new one signs, then the old one is dropped. No step is taken before all proxies " +
			"of all clusters are seen to have taken the one before. Interrupted, it goes on when run again, and --back leads back.",
		Flags:  a.Flags(),
		Action: func(c *cli.Context) error { return runRotateRoot(c.Context, env, a) },
	}
}

func runRotateRoot(ctx context.Context, env environment, a args.RotateRoot) error {
	if err := a.Check(); err != nil {
		return err
	}
	dir, err := workdir.Open(a.Dir)
	if err != nil {
		return err
	}
	defer dir.Close()
	r, err := rotation(ctx, env, dir, a)
	if err != nil {
		return err
	}
	view.Rotation(env.stderr, r, a.Back, env.now())
	for {
		if !r.Begins(a.Back) {
			view.RotationStep(env.stderr, r.Phase, a.Back)
			if err := runApply(ctx, env, args.Apply{Clusters: a.Clusters, Change: a.Change, Signing: a.Signing, Opening: a.Opening}); err != nil {
				view.RotationStopped(env.stderr, r.Phase)
				return err
			}
		}
		next, ok := r.Phase.Next(a.Back)
		if !ok {
			break
		}
		if err := dir.MoveRotation(ctx, r, next); err != nil {
			return err
		}
		r.Phase = next
	}
	if err := dir.EndRotation(ctx, r); err != nil {
		return err
	}
	view.RotationEnded(env.stderr, r)
	return nil
}

// rotation is the one that goes on, or one that begins.
func rotation(ctx context.Context, env environment, dir *workdir.Dir, a args.RotateRoot) (*certs.Rotation, error) {
	if r, err := dir.Rotation(); err == nil && r == nil && dir.HasRevoked() {
		return nil, &args.Error{Err: errListsInForce, Fix: "remove that file, run setup-mesh apply, and restart the istiods of all primaries before: what is revoked is trusted again until the old root goes (docs/certificates.md)"}
	}
	if !a.Back {
		return dir.BeginRotation(ctx, workdir.RotationOptions{
			To:      workdir.Brought{RootCert: a.RootCert, RootKey: a.RootKey, SigningCert: a.SigningCert, SigningKey: a.SigningKey},
			Outside: a.Command != "", Now: env.now(), Rand: env.random,
		})
	}
	r, err := dir.Rotation()
	if err == nil && r == nil {
		return nil, &args.Error{Err: errNoRotation, Fix: "setup-mesh certs rotate-root begins one"}
	}
	return r, err
}
