package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"

	"golang.org/x/term"

	"github.com/setup-mesh/setup-mesh/pkg/certs"
	"github.com/setup-mesh/setup-mesh/setup-mesh/internal/args"
	"github.com/setup-mesh/setup-mesh/setup-mesh/internal/sealing"
	"github.com/setup-mesh/setup-mesh/setup-mesh/internal/workdir"
)

// maxPassphrase is how much of a passphrase is read, in bytes.
const maxPassphrase = 4 << 10

// sealer encrypts the key of a root as the command line says, nil for not at all. It
// asks for a passphrase when there is something to encrypt.
func sealer(ctx context.Context, env environment, a *args.Sealing) func([]byte) ([]byte, error) {
	if !a.Encrypt {
		return nil
	}
	return func(key []byte) ([]byte, error) {
		if len(a.Recipients()) > 0 {
			return sealing.To(key, a.Recipients())
		}
		p, err := newPassphrase(ctx, env, a.PassphraseFD)
		if err != nil {
			return nil, err
		}
		return sealing.With(key, p)
	}
}

// opener decrypts a key as the command line says, unless an earlier step of the command has.
func opener(env environment, k *workdir.SealedKey, a *args.Opening) func(context.Context) (certs.Secret, error) {
	return func(ctx context.Context) (certs.Secret, error) {
		if key, ok := env.opened[string(k.Data)]; ok {
			return key, nil
		}
		key, err := openKey(ctx, env, k, a)
		if err != nil {
			return key, fmt.Errorf("decrypt %s: %w", k.Name, err)
		}
		env.opened[string(k.Data)] = key
		return key, nil
	}
}

func openKey(ctx context.Context, env environment, k *workdir.SealedKey, a *args.Opening) (certs.Secret, error) {
	if !sealing.Passphrase(k.Data) {
		if len(a.Identities()) == 0 {
			return certs.Secret{}, &args.Error{Err: errors.New("it is encrypted for a recipient, and no identity is given"), Fix: "--identity FILE, with the key file of the recipient"}
		}
		ids, err := workdir.ReadIdentities(a.Identities())
		if err != nil {
			return certs.Secret{}, err
		}
		return sealing.OpenFor(k.Data, ids)
	}
	p, err := passphrase(ctx, env, a.PassphraseFD, "Passphrase of "+k.Name+": ")
	if err != nil {
		return certs.Secret{}, err
	}
	return sealing.OpenWith(k.Data, p)
}

// newPassphrase is one that nobody has typed before: on the terminal it is asked twice.
func newPassphrase(ctx context.Context, env environment, fd string) (certs.Secret, error) {
	p, err := passphrase(ctx, env, fd, "New passphrase for the root's key: ")
	if err != nil || fd != "" {
		return p, err
	}
	again, err := passphrase(ctx, env, fd, "The same again: ")
	if err == nil && !bytes.Equal(p.Bytes(), again.Bytes()) {
		err = errors.New("the two passphrases differ")
	}
	return p, err
}

// passphrase reads one from a file descriptor, or asks for it.
func passphrase(ctx context.Context, env environment, fd, prompt string) (certs.Secret, error) {
	if fd == "" {
		if env.ask == nil {
			return certs.Secret{}, &args.Error{Err: errors.New("cannot ask for a passphrase: stdin or stderr is not a terminal"), Fix: "--passphrase-fd N reads it from file descriptor N"}
		}
		return env.ask(ctx, prompt)
	}
	n, err := strconv.ParseUint(fd, 10, 31)
	if err != nil {
		return certs.Secret{}, &args.Error{Err: fmt.Errorf("--passphrase-fd: %q is not a file descriptor", fd), Fix: "such as --passphrase-fd 3 3< FILE"}
	}
	from := env.stdin
	if n != 0 {
		f := os.NewFile(uintptr(n), "passphrase")
		if f == nil {
			return certs.Secret{}, fmt.Errorf("--passphrase-fd: file descriptor %d is not open", n)
		}
		defer f.Close()
		from = f
	}
	line, err := bufio.NewReader(io.LimitReader(from, maxPassphrase)).ReadBytes('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return certs.Secret{}, fmt.Errorf("read the passphrase from file descriptor %d: %w", n, err)
	}
	p := certs.NewSecret(bytes.TrimRight(line, "\r\n"))
	clear(line)
	return p, nil
}

// askTerminal asks on the terminal, which does not show what is typed. It is as it was
// afterwards, also where ctx ends the question.
func askTerminal(stdin *os.File, stderr io.Writer) func(context.Context, string) (certs.Secret, error) {
	return func(ctx context.Context, prompt string) (certs.Secret, error) {
		fd := int(stdin.Fd())
		before, err := term.GetState(fd)
		if err != nil {
			return certs.Secret{}, fmt.Errorf("ask for a passphrase: %w", err)
		}
		io.WriteString(stderr, prompt)
		type answer struct {
			secret certs.Secret
			err    error
		}
		answers := make(chan answer, 1)
		go func() {
			typed, err := term.ReadPassword(fd)
			answers <- answer{certs.NewSecret(typed), err}
			clear(typed)
		}()
		defer io.WriteString(stderr, "\n")
		select {
		case a := <-answers:
			return a.secret, a.err
		case <-ctx.Done():
			return certs.Secret{}, errors.Join(context.Cause(ctx), term.Restore(fd, before))
		}
	}
}
