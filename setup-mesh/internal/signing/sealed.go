package signing

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/setup-mesh/setup-mesh/pkg/certs"
)

// A Sealed key is encrypted on the disk. It is opened once, before anything is signed,
// by whoever can ask the user; it stays in memory.
type Sealed struct {
	Root *certs.Root                                     // whose key it is
	Key  func(ctx context.Context) (certs.Secret, error) // decrypts it
	Now  func() time.Time
	Rand io.Reader

	opened *certs.Root
	signer certs.Signer
}

// Open decrypts the key, unless that is done.
func (s *Sealed) Open(ctx context.Context) error {
	if s.opened != nil {
		return nil
	}
	key, err := s.Key(ctx)
	if err != nil {
		return err
	}
	root, err := s.Root.WithKey(key)
	if err != nil {
		return err
	}
	s.opened, s.signer = root, root.Signer(s.Rand, s.Now)
	return nil
}

// Opened is the root with its key, after Open.
func (s *Sealed) Opened() *certs.Root { return s.opened }

// Sign implements [certs.Signer]. It is safe to call concurrently, after Open.
func (s *Sealed) Sign(ctx context.Context, csr []byte, id certs.Identity) (certs.Answer, error) {
	if s.opened == nil {
		return certs.Answer{}, errors.New("the key that signs is encrypted, and was not opened")
	}
	return s.signer.Sign(ctx, csr, id)
}
