// Package sealing encrypts keys for the disk, with age (https://age-encryption.org/v1),
// and opens them again in memory. It asks nobody and prints nothing: who wants a
// passphrase hands it in.
package sealing

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"

	"filippo.io/age"
	"filippo.io/age/armor"

	"github.com/setup-mesh/setup-mesh/pkg/certs"
)

// Suffix is what the name of an encrypted file has in addition, as age has it.
const Suffix = ".age"

// maxKey is more than any sealed key has, in bytes.
const maxKey = 1 << 20

// To encrypts for recipients: age1... each, or an SSH key. None is an error.
func To(plain []byte, recipients []string) ([]byte, error) {
	var all []age.Recipient
	for _, text := range recipients {
		some, err := age.ParseRecipients(bytes.NewBufferString(text))
		if err != nil || len(some) != 1 {
			return nil, fmt.Errorf("%q is not an age recipient", text)
		}
		all = append(all, some...)
	}
	return seal(plain, all...)
}

// With encrypts with a passphrase.
func With(plain []byte, passphrase certs.Secret) ([]byte, error) {
	r, err := age.NewScryptRecipient(string(passphrase.Bytes()))
	if err != nil {
		return nil, errors.New("the passphrase is empty")
	}
	return seal(plain, r)
}

func seal(plain []byte, recipients ...age.Recipient) ([]byte, error) {
	var out bytes.Buffer
	text := armor.NewWriter(&out)
	w, err := age.Encrypt(text, recipients...)
	if err == nil {
		_, err = w.Write(plain)
	}
	if err == nil {
		err = errors.Join(w.Close(), text.Close())
	}
	if err != nil {
		return nil, fmt.Errorf("encrypt: %w", err)
	}
	return out.Bytes(), nil
}

// Errors of Open that say what to try instead.
var (
	ErrPassphrase = errors.New("the passphrase is wrong")
	ErrIdentity   = errors.New("none of the identities can open it")
)

// Passphrase says whether data is encrypted with a passphrase, not for recipients. What
// cannot be read is neither.
func Passphrase(data []byte) bool {
	_, err := age.Decrypt(unarmored(data), &age.ScryptIdentity{})
	e, ok := errors.AsType[*age.NoIdentityMatchError](err)
	return !ok || slices.Contains(e.StanzaTypes, "scrypt")
}

// OpenWith decrypts what [With] encrypted. A wrong passphrase is [ErrPassphrase].
func OpenWith(data []byte, passphrase certs.Secret) (certs.Secret, error) {
	id, err := age.NewScryptIdentity(string(passphrase.Bytes()))
	if err != nil {
		return certs.Secret{}, errors.New("the passphrase is empty")
	}
	return open(data, ErrPassphrase, id)
}

// OpenFor decrypts what [To] encrypted, with the identities in the text of age's key
// files. One that does not fit is [ErrIdentity].
func OpenFor(data []byte, identities []certs.Secret) (certs.Secret, error) {
	var all []age.Identity
	for i, text := range identities {
		some, err := age.ParseIdentities(bytes.NewReader(text.Bytes()))
		if err != nil {
			return certs.Secret{}, fmt.Errorf("identity file %d is not one that age-keygen wrote", i+1) // the error could quote it
		}
		all = append(all, some...)
	}
	return open(data, ErrIdentity, all...)
}

func open(data []byte, mismatch error, identities ...age.Identity) (certs.Secret, error) {
	r, err := age.Decrypt(unarmored(data), identities...)
	if _, ok := errors.AsType[*age.NoIdentityMatchError](err); ok {
		return certs.Secret{}, mismatch
	}
	var plain []byte
	if err == nil {
		plain, err = io.ReadAll(io.LimitReader(r, maxKey))
	}
	if err != nil {
		return certs.Secret{}, errors.New("is damaged, or was not encrypted by age")
	}
	s := certs.NewSecret(plain)
	clear(plain)
	return s, nil
}

// unarmored reads both forms of age's files.
func unarmored(data []byte) io.Reader {
	if bytes.HasPrefix(bytes.TrimSpace(data), []byte(armor.Header)) {
		return armor.NewReader(bytes.NewReader(data))
	}
	return bytes.NewReader(data)
}
