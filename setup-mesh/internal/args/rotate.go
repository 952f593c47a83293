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

	// How the key of the new root is kept: as that of the old one where neither is set.
	Encrypt, NoEncrypt bool
	recipients         cli.StringSlice
}

// Recipients are those that the new key is encrypted for, none for a passphrase.
func (a *RotateRoot) Recipients() []string { return a.recipients.Value() }

// Flags fill a.
func (a *RotateRoot) Flags() []cli.Flag {
	return append(slices.Concat(a.Clusters.flags(), a.Change.flags(), a.Signing.flags(), a.Opening.flags(), encryptFlags(&a.Encrypt, &a.recipients)),
		&cli.BoolFlag{Name: "no-encrypt", Destination: &a.NoEncrypt, Usage: "leave the new root's key as it is, although that of the old one is encrypted"},
		&cli.BoolFlag{Name: "back", Destination: &a.Back, Usage: "lead the mesh back to the root that it had"},
		&cli.StringFlag{Name: "to-root-cert", Destination: &a.RootCert, Usage: "lead the mesh to the root in `FILE`, such as that of a mesh to join, instead of making one"},
		&cli.StringFlag{Name: "to-root-key", Destination: &a.RootKey, Usage: "`FILE` with the key of that root; leave it out where the key stays elsewhere"},
		&cli.StringFlag{Name: "to-signing-cert", Destination: &a.SigningCert, Usage: "`FILE` with a CA below that root, which signs in its place, then those between the two"},
		&cli.StringFlag{Name: "to-signing-key", Destination: &a.SigningKey, Usage: "`FILE` with the key of that CA; leave it out where the key stays elsewhere"},
	)
}

// Check says which flags exclude or need each other.
func (a *RotateRoot) Check() error {
	if a.Back && (a.RootCert != "" || a.RootKey != "" || a.SigningCert != "" || a.SigningKey != "") {
		return &Error{errors.New("--back and --to-root-cert exclude each other"), "--back leads to the root that the mesh had: it is in the work directory"}
	}
	switch {
	case a.Encrypt && a.NoEncrypt:
		return &Error{errors.New("--encrypt and --no-encrypt exclude each other"), "without either, the new key is kept as the old one is"}
	case !a.Encrypt && len(a.Recipients()) > 0:
		return &Error{errors.New("--recipient is for an encrypted key"), "add --encrypt"}
	}
	return nil
}
