package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/setup-mesh/setup-mesh/pkg/certs"
	"github.com/setup-mesh/setup-mesh/setup-mesh/internal/args"
	"github.com/setup-mesh/setup-mesh/setup-mesh/internal/sealing"
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
	if err := lead(ctx, env, dir, a, r); err != nil {
		return err
	}
	if err := dir.EndRotation(ctx, r); err != nil {
		return err
	}
	view.RotationEnded(env.stderr, r)
	return nil
}

// lead takes the steps that are left.
func lead(ctx context.Context, env environment, dir *workdir.Dir, a args.RotateRoot, r *certs.Rotation) error {
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
			return nil
		}
		if err := enterable(ctx, env, dir, a, r, next); err != nil {
			return err
		}
		if err := dir.MoveRotation(ctx, r, next); err != nil {
			return err
		}
		r.Phase = next
	}
}

// rotation is the one that goes on, or one that begins.
func rotation(ctx context.Context, env environment, dir *workdir.Dir, a args.RotateRoot) (*certs.Rotation, error) {
	if r, err := dir.Rotation(); err == nil && r == nil && dir.HasRevoked() {
		return nil, &args.Error{Err: errListsInForce, Fix: "remove that file, run setup-mesh apply, and restart the istiods of all primaries before: what is revoked is trusted again until the old root goes (docs/certificates.md)"}
	}
	if !a.Back {
		seal, err := sealNew(ctx, env, dir, a)
		if err != nil {
			return nil, err
		}
		return dir.BeginRotation(ctx, workdir.RotationOptions{
			Seal: seal,
			To:   workdir.Brought{RootCert: a.RootCert, RootKey: a.RootKey, SigningCert: a.SigningCert, SigningKey: a.SigningKey},
			Now:  env.now(), Rand: env.random,
		})
	}
	r, err := dir.Rotation()
	if err == nil && r == nil {
		return nil, &args.Error{Err: workdir.ErrNoRotation, Fix: "setup-mesh certs rotate-root begins one"}
	}
	return r, err
}

// enterable says why the mesh cannot be led to a phase yet: something speaks against its plan,
// or the root that begins to sign there is elsewhere, and clusters need something of it that
// was not imported. The mesh stays as it is then, can be applied to meanwhile, and led back.
func enterable(ctx context.Context, env environment, dir *workdir.Dir, a args.RotateRoot, r *certs.Rotation, to certs.Phase) error {
	p, err := limited(ctx, a.Timeout, func(ctx context.Context) (*prepared, error) {
		p, err := meshPlanIn(ctx, env, a.Clusters, allowing(a.Clusters, args.Leaving{}, args.Joining{}), a.Signing, to)
		if err != nil {
			return nil, err
		}
		return p, judge(ctx, p)
	})
	if err != nil {
		return err
	}
	if err := signable(env, dir, a, r, to, toSign(p.Plan)); err != nil || len(p.Refusals) == 0 {
		return err
	}
	view.Refusals(env.stderr, p.Plan)
	view.RotationWaits(env.stderr, r.Phase)
	return exitCode(exitError)
}

// signable says why the clusters that need something of the root that signs in a phase cannot
// have it.
func signable(env environment, dir *workdir.Dir, a args.RotateRoot, r *certs.Rotation, to certs.Phase, need []string) error {
	next := *r
	next.Phase = to
	root, isNew := next.Signing()
	if _, is := r.Signing(); is == isNew || len(need) == 0 {
		return nil
	}
	signer, _, err := signedBy(env, dir, *root, isNew, a.Signing)
	if err != nil || signer.CanSign() {
		return err
	}
	view.RotationWaits(env.stderr, r.Phase)
	back, key := "", "--to-root-cert and --to-root-key, or --sign-command"
	if a.Back {
		back, key = " --back", "--sign-command"
	}
	return &args.Error{
		Err: fmt.Errorf("root %s is to sign now, its key is not here, and no CA below it was imported for %s", signer.Short(), view.Names(need)),
		Fix: fmt.Sprintf("setup-mesh certs csr%s, have the requests signed where the key is, setup-mesh certs import%s --from FILE, and run this again; where the key is at hand, name it with %s", back, back, key),
	}
}

// sealNew encrypts the key of the new root as the command line says, or else as that of the
// old one is: with the same passphrase, which opens both then. It is nil for a key that stays
// as it is, and asks when there is something to encrypt.
func sealNew(ctx context.Context, env environment, dir *workdir.Dir, a args.RotateRoot) (func([]byte) ([]byte, error), error) {
	old, err := oldKey(dir)
	switch {
	case err != nil, a.NoEncrypt, old == nil && !a.Encrypt:
		return nil, err
	case len(a.Recipients()) > 0, old == nil:
		return sealer(ctx, env, a.Recipients(), a.PassphraseFD), nil
	}
	return func(key []byte) ([]byte, error) {
		if !sealing.Passphrase(old.Data) {
			return nil, &args.Error{Err: fmt.Errorf("%s is encrypted for a recipient, and none is named for the new key", old.Name), Fix: "--encrypt --recipient RECIPIENT, or --no-encrypt"}
		}
		_, p, err := openWithPassphrase(ctx, env, old, a.PassphraseFD)
		if err != nil {
			return nil, fmt.Errorf("decrypt %s: %w", old.Name, err)
		}
		return sealing.With(key, p)
	}, nil
}

// oldKey is the encrypted key of the root that is to go, nil for none.
func oldKey(dir *workdir.Dir) (*workdir.SealedKey, error) {
	r, err := dir.Rotation()
	if err != nil {
		return nil, err
	}
	if r != nil {
		return dir.SealedKey(r.Old, false)
	}
	root, err := dir.Root()
	if err != nil {
		return nil, err
	}
	return dir.SealedKey(root, false)
}
