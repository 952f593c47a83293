package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/setup-mesh/setup-mesh/pkg/certs"
	"github.com/setup-mesh/setup-mesh/setup-mesh/internal/args"
	"github.com/setup-mesh/setup-mesh/setup-mesh/internal/view"
	"github.com/setup-mesh/setup-mesh/setup-mesh/internal/workdir"
)

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
		if err := signable(ctx, env, dir, a, r, next); err != nil {
			return err
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
		return nil, &args.Error{Err: errListsInForce, Fix: "end that before: docs/certificates.md says how"}
	}
	if !a.Back {
		return dir.BeginRotation(ctx, workdir.RotationOptions{
			To:  workdir.Brought{RootCert: a.RootCert, RootKey: a.RootKey, SigningCert: a.SigningCert, SigningKey: a.SigningKey},
			Now: env.now(), Rand: env.random,
		})
	}
	r, err := dir.Rotation()
	if err == nil && r == nil {
		return nil, &args.Error{Err: workdir.ErrNoRotation, Fix: "setup-mesh certs rotate-root begins one"}
	}
	return r, err
}

// signable says why the mesh cannot be led to a phase yet: the root that begins to sign there
// is elsewhere, and clusters need something of it that was not imported. The mesh stays as it
// is then, and can be applied to meanwhile.
func signable(ctx context.Context, env environment, dir *workdir.Dir, a args.RotateRoot, r *certs.Rotation, to certs.Phase) error {
	next := *r
	next.Phase = to
	root, isNew := next.Signing()
	if _, is := r.Signing(); is == isNew {
		return nil
	}
	signer, _, err := signedBy(env, dir, *root, isNew, a.Signing)
	if err != nil || signer.CanSign() {
		return err
	}
	p, err := limited(ctx, a.Timeout, func(ctx context.Context) (*prepared, error) {
		return meshPlanIn(ctx, env, a.Clusters, allowing(a.Clusters, args.Leaving{}, args.Joining{}), a.Signing, to)
	})
	if err != nil {
		return err
	}
	need := toSign(p.Plan)
	if len(need) == 0 {
		return nil
	}
	view.RotationWaits(env.stderr, r.Phase)
	back := ""
	if a.Back {
		back = " --back"
	}
	return &args.Error{
		Err: fmt.Errorf("root %s is to sign now, its key is not here, and no CA below it was imported for %s", signer.Short(), view.Names(need)),
		Fix: fmt.Sprintf("setup-mesh certs csr%s, have the requests signed there, setup-mesh certs import%s --from FILE, and run this again; --sign-command names who has the key at hand", back, back),
	}
}
