package args

import (
	"errors"
	"slices"

	"github.com/urfave/cli/v2"
)

// RotateRoot is the command line of certs rotate-root.
type RotateRoot struct {
	Clusters
	Change
	Signing
	Opening
	Back bool // to the root before

	RootCert, RootKey       string // files of the new root, "" for one that is made
	SigningCert, SigningKey string // files of a CA that signs in its place, "" for none
}

// Flags fill a.
func (a *RotateRoot) Flags() []cli.Flag {
	return append(slices.Concat(a.Clusters.flags(), a.Change.flags(), a.Signing.flags(), a.Opening.flags()),
		&cli.BoolFlag{Name: "back", Destination: &a.Back, Usage: "lead the mesh back to the root that it had"},
		&cli.StringFlag{Name: "to-root-cert", Destination: &a.RootCert, Usage: "lead the mesh to the root in `FILE`, such as that of a mesh to join, instead of making one"},
		&cli.StringFlag{Name: "to-root-key", Destination: &a.RootKey, Usage: "`FILE` with the key of that root; leave it out where the key stays elsewhere"},
		&cli.StringFlag{Name: "to-signing-cert", Destination: &a.SigningCert, Usage: "`FILE` with a CA below that root, which signs in its place, then those between the two"},
		&cli.StringFlag{Name: "to-signing-key", Destination: &a.SigningKey, Usage: "`FILE` with the key of that CA; leave it out where the key stays elsewhere"},
	)
}

// Check says which flags exclude each other.
func (a *RotateRoot) Check() error {
	if a.Back && (a.RootCert != "" || a.RootKey != "" || a.SigningCert != "" || a.SigningKey != "") {
		return &Error{errors.New("--back and --to-root-cert exclude each other"), "--back leads to the root that the mesh had: it is in the work directory"}
	}
	return nil
}
