package certs

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"regexp"
)

// maxInput bounds what is parsed: a Secret of Kubernetes holds 1 MiB at most
// (https://kubernetes.io/docs/concepts/configuration/secret/#restriction-data-size).
const maxInput = 1 << 20

// An InputError says what is wrong with one of the files a root or a bundle is
// made of.
type InputError struct {
	File string // as Istio names it: "root-cert.pem"; "root-key.pem" for a root's key
	Hint string // what to do about it; may be empty
	Err  error
}

func (e *InputError) Error() string { return e.File + ": " + e.Err.Error() }

func (e *InputError) Unwrap() error { return e.Err }

// wrong returns an [InputError] without a hint.
func wrong(file, format string, args ...any) *InputError {
	return &InputError{File: file, Err: fmt.Errorf(format, args...)}
}

// hinted is e with a hint.
func (e *InputError) hinted(hint string) *InputError {
	e.Hint = hint
	return e
}

// blocks returns the PEM blocks of data. Text around them is allowed, as
// openssl x509 -text writes it. Blocks that encoding/pem would skip in silence
// are an error: Istio would lose them just as silently.
func blocks(file string, data []byte) ([]*pem.Block, *InputError) {
	if len(data) > maxInput {
		return nil, wrong(file, "is larger than 1 MiB")
	}
	begins := bytes.Count(data, []byte("-----BEGIN "))
	if begins == 0 {
		e := wrong(file, "holds no PEM block")
		if len(data) > 0 && data[0] == 0x30 { // an ASN.1 sequence
			e.Hint = "it looks like DER: convert it with openssl, -inform DER -outform PEM"
		}
		return nil, e
	}
	var found []*pem.Block
	for rest := data; ; {
		var b *pem.Block
		if b, rest = pem.Decode(rest); b == nil {
			break
		}
		found = append(found, b)
	}
	if len(found) != begins {
		return nil, wrong(file, "%d of %d PEM blocks cannot be read", begins-len(found), begins).
			hinted("every BEGIN and END line must be on a line of its own, with nothing but base64 between them")
	}
	return found, nil
}

// certificates returns all certificates of a file that may hold nothing else.
func certificates(file string, data []byte) ([]*x509.Certificate, *InputError) {
	found, err := blocks(file, data)
	if err != nil {
		return nil, err
	}
	certs := make([]*x509.Certificate, 0, len(found))
	for i, b := range found {
		if b.Type != "CERTIFICATE" {
			return nil, wrong(file, "PEM block %d is %s, not a certificate", i+1, kind(b)).
				hinted("keep only CERTIFICATE blocks in this file: every workload gets to read it")
		}
		if len(b.Headers) > 0 {
			return nil, wrong(file, "certificate %d has PEM headers, so Istio skips it", i+1)
		}
		c, err := x509.ParseCertificate(b.Bytes)
		if err != nil {
			return nil, wrong(file, "certificate %d: %w", i+1, err)
		}
		certs = append(certs, c)
	}
	return certs, nil
}

// privateKey reads the one private key of a file, in the three forms that Istio
// reads. What encoding/x509 says about a key it cannot read is not passed on,
// so that no error can quote the key.
func privateKey(file string, data []byte) (crypto.Signer, *InputError) {
	found, ierr := blocks(file, data)
	if ierr != nil {
		return nil, ierr
	}
	if len(found) > 1 {
		return nil, wrong(file, "holds %d PEM blocks (%s first), one private key expected", len(found), kind(found[0])).
			hinted("keep only the PRIVATE KEY block")
	}
	b := found[0]
	if b.Type == "ENCRYPTED PRIVATE KEY" || b.Headers["DEK-Info"] != "" || b.Headers["Proc-Type"] != "" {
		return nil, wrong(file, "the private key is encrypted").
			hinted("decrypt it with openssl pkey -in ENCRYPTED -out " + file + ", and keep that file to yourself (mode 0600)")
	}
	key, err := parseKey(b)
	if errors.Is(err, errNoKey) {
		return nil, wrong(file, "holds %s, not a private key", kind(b))
	}
	signer, ok := key.(crypto.Signer)
	if err != nil || !ok {
		return nil, wrong(file, "the private key in %s cannot be read", kind(b)).
			hinted("setup-mesh reads PKCS#8, PKCS#1 and SEC 1; openssl pkey converts to PKCS#8")
	}
	return signer, nil
}

// errNoKey says that a PEM block is not one of a private key.
var errNoKey = errors.New("no private key")

func parseKey(b *pem.Block) (any, error) {
	switch b.Type {
	case "PRIVATE KEY":
		return x509.ParsePKCS8PrivateKey(b.Bytes)
	case "RSA PRIVATE KEY":
		return x509.ParsePKCS1PrivateKey(b.Bytes)
	case "EC PRIVATE KEY":
		return x509.ParseECPrivateKey(b.Bytes)
	}
	return nil, errNoKey
}

// plainType is what the type of a PEM block looks like when it is one.
var plainType = regexp.MustCompile(`^[A-Z][A-Z0-9 ]{0,30}$`)

// kind names a PEM block in an error, without repeating what may not be a name.
func kind(b *pem.Block) string {
	if !plainType.MatchString(b.Type) {
		return "a block of unknown type"
	}
	return "a block " + b.Type
}

// certPEM encodes certificates, one after the other.
func certPEM(certs ...*x509.Certificate) []byte {
	var buf bytes.Buffer
	for _, c := range certs {
		pem.Encode(&buf, &pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}) // a Buffer takes every write
	}
	return buf.Bytes()
}

// keyPEM encodes a private key as PKCS#8.
func keyPEM(key crypto.Signer) (Secret, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return Secret{}, errors.New("encode the private key: its type has no PKCS#8 form")
	}
	return NewSecret(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})), nil
}
