package args

import (
	"errors"

	"github.com/urfave/cli/v2"
)

// Sealing is how the key of a root is encrypted.
type Sealing struct {
	Encrypt      bool
	recipients   cli.StringSlice
	PassphraseFD string // a number, "" to ask on the terminal
}

// Recipients are those that the key is encrypted for, none for a passphrase.
func (a *Sealing) Recipients() []string { return a.recipients.Value() }

func (a *Sealing) flags() []cli.Flag {
	return append(encryptFlags(&a.Encrypt, &a.recipients), passphraseFlag(&a.PassphraseFD))
}

func encryptFlags(encrypt *bool, recipients *cli.StringSlice) []cli.Flag {
	return []cli.Flag{
		&cli.BoolFlag{Name: "encrypt", Destination: encrypt, Usage: "encrypt the root's key with age; asks for a passphrase on the terminal"},
		&cli.StringSliceFlag{Name: "recipient", Destination: recipients, Usage: "with --encrypt: for the owner of `RECIPIENT`, such as age1..., instead of a passphrase; may be repeated"},
	}
}

func (a *Sealing) check() error {
	switch {
	case !a.Encrypt && (a.PassphraseFD != "" || len(a.Recipients()) > 0):
		return &Error{errors.New("--recipient and --passphrase-fd are for an encrypted key"), "add --encrypt"}
	case a.PassphraseFD != "" && len(a.Recipients()) > 0:
		return &Error{errors.New("--recipient and --passphrase-fd exclude each other"), "age encrypts for recipients, or with a passphrase"}
	}
	return nil
}

// Opening is how an encrypted key is opened.
type Opening struct {
	PassphraseFD string // a number, "" to ask on the terminal
	identities   cli.StringSlice
}

// Identities are files with the identities that may open it.
func (a *Opening) Identities() []string { return a.identities.Value() }

func (a *Opening) flags() []cli.Flag {
	return []cli.Flag{
		&cli.StringSliceFlag{Name: "identity", Destination: &a.identities, Usage: "open an encrypted root key with the identity in `FILE`, as age-keygen writes it; may be repeated"},
		passphraseFlag(&a.PassphraseFD),
	}
}

func passphraseFlag(to *string) cli.Flag {
	return &cli.StringFlag{Name: "passphrase-fd", Destination: to, Usage: "read the passphrase from file descriptor `N`, up to the end of its first line, instead of the terminal"}
}
