package main

import (
	"fmt"

	"github.com/setup-mesh/setup-mesh/pkg/certs"
	"github.com/setup-mesh/setup-mesh/setup-mesh/internal/args"
	"github.com/setup-mesh/setup-mesh/setup-mesh/internal/signing"
)

// signedBy is root with whom the command line names as its signer.
func signedBy(env environment, root *certs.Root, s args.Signing) (*certs.Root, error) {
	if s.Command == "" {
		return root, nil
	}
	c, err := signing.NewCommand(s.Command, signing.Limit, env.now)
	if err != nil {
		return nil, &args.Error{Err: fmt.Errorf("--sign-command %w", err), Fix: "such as --sign-command ./sign.sh: see docs/certificates.md"}
	}
	return root.SignedBy(c), nil
}
