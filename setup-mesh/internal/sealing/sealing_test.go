package sealing

import (
	"bytes"
	"errors"
	"testing"

	"filippo.io/age"

	"github.com/setup-mesh/setup-mesh/pkg/certs"
)

const canary = "-----BEGIN PRIVATE KEY-----\nCANARYCANARYCANARY\n-----END PRIVATE KEY-----\n"

func secret(s string) certs.Secret { return certs.NewSecret([]byte(s)) }

func TestPassphrase(t *testing.T) {
	data, err := With([]byte(canary), secret("sesame"))
	if err != nil {
		t.Fatal(err)
	}
	if !Passphrase(data) || bytes.Contains(data, []byte("CANARY")) {
		t.Error("it is not said to have a passphrase, or not encrypted")
	}
	if got, err := OpenWith(data, secret("sesame")); err != nil || string(got.Bytes()) != canary {
		t.Errorf("opened: %v", err)
	}
	if _, err := OpenWith(data, secret("guess")); !errors.Is(err, ErrPassphrase) {
		t.Errorf("a wrong passphrase: %v", err)
	}
	if _, err := With(nil, certs.Secret{}); err == nil || err.Error() != "the passphrase is empty" {
		t.Errorf("an empty one: %v", err)
	}
	for name, bad := range map[string][]byte{"cut off": data[:len(data)-60], "something else": []byte("hello"), "nothing": nil} {
		if _, err := OpenWith(bad, secret("sesame")); err == nil || err.Error() != "is damaged, or was not encrypted by age" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRecipients(t *testing.T) {
	me, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	other, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	data, err := To([]byte(canary), []string{me.Recipient().String()})
	if err != nil {
		t.Fatal(err)
	}
	if Passphrase(data) || bytes.Contains(data, []byte("CANARY")) {
		t.Error("it is said to have a passphrase, or not encrypted")
	}
	files := []certs.Secret{secret("# comment\n" + other.String() + "\n"), secret(me.String() + "\n")}
	if got, err := OpenFor(data, files); err != nil || string(got.Bytes()) != canary {
		t.Errorf("opened: %v", err)
	}
	if _, err := OpenFor(data, files[:1]); !errors.Is(err, ErrIdentity) {
		t.Errorf("another identity: %v", err)
	}
	if _, err := OpenFor(data, []certs.Secret{secret(canary)}); err == nil || err.Error() != "identity file 1 is not one that age-keygen wrote" {
		t.Errorf("something else: %v", err)
	}
	// As age writes it without -a.
	var binary bytes.Buffer
	w, err := age.Encrypt(&binary, me.Recipient())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte(canary)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if got, err := OpenFor(binary.Bytes(), files); err != nil || string(got.Bytes()) != canary {
		t.Errorf("binary: %v", err)
	}
}
