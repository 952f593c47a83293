package main

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"filippo.io/age"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/setup-mesh/setup-mesh/pkg/certs/certstest"
)

// scriptCommands are what scripts can do beside what testscript knows.
func scriptCommands() map[string]func(*testscript.TestScript, bool, []string) {
	return map[string]func(*testscript.TestScript, bool, []string){"ca": makeCA, "nokeys": noKeys, "agekey": makeAgeKey}
}

// makeCA is "ca [-form F] [-pathlen N] [-rsa] NAME [PARENT]": the CA of a company, as
// NAME.pem and NAME-key.pem.
func makeCA(ts *testscript.TestScript, neg bool, args []string) {
	flags := flag.NewFlagSet("ca", flag.ContinueOnError)
	form := flags.String("form", certstest.PKCS8, "of the key")
	pathLen := flags.Int("pathlen", -1, "path length constraint")
	isRSA := flags.Bool("rsa", false, "an RSA key")
	ts.Check(flags.Parse(args))
	if neg || flags.NArg() == 0 || flags.NArg() > 2 {
		ts.Fatalf("usage: ca [-form F] [-pathlen N] [-rsa] NAME [PARENT]")
	}
	var parent *certstest.CA
	if flags.NArg() == 2 {
		parent = readCA(ts, flags.Arg(1))
	}
	name := flags.Arg(0)
	var err error
	var ca *certstest.CA
	if *isRSA {
		key, kerr := rsa.GenerateKey(rand.Reader, 2048)
		ts.Check(kerr)
		ca, err = certstest.New(name, parent, time.Now(), key, certstest.PathLen(*pathLen))
	} else {
		ca, err = certstest.New(name, parent, time.Now(), nil, certstest.PathLen(*pathLen))
	}
	ts.Check(err)
	key, err := ca.KeyPEM(*form)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(name+".pem"), ca.CertPEM(), 0o644))
	ts.Check(os.WriteFile(ts.MkAbs(name+"-key.pem"), key, 0o600))
}

// makeAgeKey is "agekey NAME": NAME.identity is as age-keygen writes it, and the variable
// NAME, in capitals, its recipient.
func makeAgeKey(ts *testscript.TestScript, _ bool, args []string) {
	id, err := age.GenerateX25519Identity()
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]+".identity"), []byte("# created: today\n"+id.String()+"\n"), 0o600))
	ts.Setenv(strings.ToUpper(args[0]), id.Recipient().String())
}

// readCA reads what makeCA made.
func readCA(ts *testscript.TestScript, name string) *certstest.CA {
	b, _ := pem.Decode([]byte(ts.ReadFile(name + ".pem")))
	c, err := x509.ParseCertificate(b.Bytes)
	ts.Check(err)
	return &certstest.CA{Cert: c, Key: readKey(ts, []byte(ts.ReadFile(name+"-key.pem")))}
}

// readKey is the key in PEM text, in any form.
func readKey(ts *testscript.TestScript, text []byte) crypto.Signer {
	for b, rest := pem.Decode(text); b != nil; b, rest = pem.Decode(rest) {
		var key any
		var err error
		switch b.Type {
		case "PRIVATE KEY":
			key, err = x509.ParsePKCS8PrivateKey(b.Bytes)
		case "EC PRIVATE KEY":
			key, err = x509.ParseECPrivateKey(b.Bytes)
		case "RSA PRIVATE KEY":
			key, err = x509.ParsePKCS1PrivateKey(b.Bytes)
		default:
			continue
		}
		ts.Check(err)
		return key.(crypto.Signer)
	}
	return nil
}

// noKeys checks that the key of no file named *key*.pem is anywhere else: in what the
// last command said, or in another file, as it is or encoded.
func noKeys(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 0 {
		ts.Fatalf("usage: nokeys")
	}
	var found [][]byte
	others := map[string][]byte{"stdout": []byte(ts.ReadFile("stdout")), "stderr": []byte(ts.ReadFile("stderr"))}
	ts.Check(filepath.WalkDir(ts.Getenv("WORK"), func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		if key := readKey(ts, data); key != nil && strings.Contains(filepath.Base(name), "key") {
			found = append(found, forms(key, data)...)
		} else {
			others[name] = data
		}
		return nil
	}))
	if len(found) == 0 {
		ts.Fatalf("there is no key")
	}
	for name, data := range others {
		for _, form := range found {
			if bytes.Contains(data, form) {
				ts.Fatalf("%s holds key material", name)
			}
		}
	}
}

// forms are those that a key could slip through in.
func forms(key crypto.Signer, text []byte) [][]byte {
	var number []byte
	switch k := key.(type) {
	case *ecdsa.PrivateKey:
		number, _ = k.Bytes()
	case *rsa.PrivateKey:
		number = k.D.Bytes()
	}
	out := [][]byte{number, []byte(hex.EncodeToString(number)), []byte(base64.StdEncoding.EncodeToString(number))}
	for b, rest := pem.Decode(text); b != nil; b, rest = pem.Decode(rest) {
		if strings.HasSuffix(b.Type, "PRIVATE KEY") { // its first line as PEM
			out = append(out, []byte(base64.StdEncoding.EncodeToString(b.Bytes)[:64]))
		}
	}
	return out
}
