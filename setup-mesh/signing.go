package main

import (
	"context"
	"fmt"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
	"github.com/setup-mesh/setup-mesh/pkg/certs"
	"github.com/setup-mesh/setup-mesh/setup-mesh/internal/args"
	"github.com/setup-mesh/setup-mesh/setup-mesh/internal/signing"
	"github.com/setup-mesh/setup-mesh/setup-mesh/internal/workdir"
)

// A sealedRoot is a root with a key that is encrypted.
type sealedRoot struct {
	*signing.Sealed
	key *workdir.SealedKey
}

// signedBy is root with whom the command line names as its signer, or with its encrypted
// key, which is not opened yet; sealed is nil where that is not needed.
func signedBy(env environment, d *workdir.Dir, root *certs.Root, isNew bool, s args.Signing) (signer *certs.Root, sealed *sealedRoot, err error) {
	if s.Command != "" {
		c, err := signing.NewCommand(s.Command, signing.Limit, env.now)
		if err != nil {
			return nil, nil, &args.Error{Err: fmt.Errorf("--sign-command %w", err), Fix: "such as --sign-command ./sign.sh: see docs/certificates.md"}
		}
		return root.SignedBy(c), nil, nil
	}
	key, err := d.SealedKey(root, isNew)
	if err != nil || key == nil {
		return root, nil, err
	}
	sealed = &sealedRoot{&signing.Sealed{Root: root, Now: env.now, Rand: env.random}, key}
	return root.Sealed(sealed), sealed, nil
}

// open decrypts the key.
func (s *sealedRoot) open(ctx context.Context, env environment, a *args.Opening) error {
	s.Key = opener(env, s.key, a)
	return workdir.About(s.key.Name, s.Open(ctx))
}

// openFor decrypts the key, if there is one and p has something signed: the user is
// asked once, before anything is done.
func (s *sealedRoot) openFor(ctx context.Context, env environment, a *args.Opening, p *plan.Plan) error {
	if s == nil || len(toSign(p)) == 0 {
		return nil
	}
	return s.open(ctx, env, a)
}

// toSign are the clusters for which a plan needs the key of the root.
func toSign(p *plan.Plan) []string {
	var names []string
	for _, c := range p.Clusters {
		ch := c.Planned(object.SecretRef(c.Namespace, object.Cacerts))
		if ch != nil && ch.Pending() && ch.Mint && !c.Imported && !c.SameCA {
			names = append(names, c.Name)
		}
	}
	return names
}
