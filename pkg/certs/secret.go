package certs

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
)

// redacted is what every attempt to print a Secret shows.
const redacted = "[redacted]"

// errSecret is the answer to every attempt to encode a Secret.
var errSecret = errors.New("key material cannot be encoded")

// A Secret is key material. Every verb of package fmt prints a placeholder,
// and encoding fails. The zero Secret is empty.
//
// The bytes sit in a closure because fmt cannot call methods on unexported
// fields. A pointer would not do: for a verb that does not suit it, such as %s,
// fmt prints what an unexported pointer points to.
type Secret struct{ reveal func() []byte }

// NewSecret returns a Secret with a copy of b. The caller may overwrite b.
func NewSecret(b []byte) Secret {
	b = bytes.Clone(b)
	return Secret{reveal: func() []byte { return bytes.Clone(b) }}
}

// Bytes returns a copy of the key material, for the one place that writes it.
func (s Secret) Bytes() []byte {
	if s.reveal == nil {
		return nil
	}
	return s.reveal()
}

// Format prints the placeholder, whatever the verb and its flags.
func (s Secret) Format(f fmt.State, _ rune) { io.WriteString(f, redacted) }

// LogValue is the placeholder.
func (s Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalJSON fails.
func (s Secret) MarshalJSON() ([]byte, error) { return nil, errSecret }

// MarshalYAML fails.
func (s Secret) MarshalYAML() (any, error) { return nil, errSecret }

// MarshalText fails. Packages flag, encoding/xml and others use it.
func (s Secret) MarshalText() ([]byte, error) { return nil, errSecret }

// MarshalBinary fails.
func (s Secret) MarshalBinary() ([]byte, error) { return nil, errSecret }

// GobEncode fails.
func (s Secret) GobEncode() ([]byte, error) { return nil, errSecret }
