package e2e

import (
	"bytes"
	"compress/gzip"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// canaries are secrets that must be nowhere but where they belong: what they are, by value, by the beginning of that. So
// a text is searched for all of them at once.
type canaries map[string]map[string]string

// beginning is how many bytes of a secret it is found by. What is shorter as a whole could be part of anything.
const beginning = 16

// add takes note of a secret in all the ways in which it may leak. Of PEM, that is what is private.
func (c canaries) add(what string, value []byte) {
	block, rest := pem.Decode(value)
	if block == nil {
		c.encoded(what, value)
		if parts := strings.Split(string(value), "."); len(parts) == 3 && !strings.Contains(string(value), "\n") {
			c.value(what+", its signature", parts[2])
		}
	}
	for ; block != nil; block, rest = pem.Decode(rest) {
		if !strings.HasSuffix(block.Type, "PRIVATE KEY") {
			continue
		}
		key := pem.EncodeToMemory(block)
		c.encoded(what, key)
		for _, line := range secretLines(key) {
			c.value(what+", a line", line)
		}
	}
}

// encoded is found whatever comes after it.
func (c canaries) encoded(what string, value []byte) {
	c.value(what, string(value))
	c.value(what+" in base64", base64.StdEncoding.EncodeToString(value[:len(value)/3*3]))
	c.value(what+" in hex", hex.EncodeToString(value))
}

func (c canaries) value(what, value string) {
	if len(value) < beginning {
		return
	}
	by := value[:beginning]
	if c[by] == nil {
		c[by] = map[string]string{}
	}
	c[by][value] = what
}

// secretLines are those lines of a private key as PEM that nothing public is in: the public key stands after an EC key's
// number, and before an RSA key's.
func secretLines(key []byte) []string {
	lines := strings.Split(strings.TrimSpace(string(key)), "\n")
	lines = lines[1 : len(lines)-1]
	if len(lines) > 10 { // RSA
		return lines[len(lines)/3:]
	}
	return lines[:min(2, len(lines))]
}

// count is how many values are looked for.
func (c canaries) count() int {
	n := 0
	for _, values := range c {
		n += len(values)
	}
	return n
}

// found tells what secrets are in text, each once.
func (c canaries) found(text []byte) []string {
	var out []string
	for i := range max(0, len(text)-beginning+1) {
		for value, what := range c[string(text[i:i+beginning])] {
			if bytes.HasPrefix(text[i:], []byte(value)) && !slices.Contains(out, what) {
				out = append(out, what)
			}
		}
	}
	slices.Sort(out)
	return out
}

// A secret is found in all the ways in which it may leak, and what is public of it is not.
func TestCanaries(t *testing.T) {
	ec, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	old, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	pemOf := func(key any) []byte {
		der, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	}
	publicOf := func(key any) []byte {
		der, err := x509.MarshalPKIXPublicKey(key)
		if err != nil {
			t.Fatal(err)
		}
		return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	}
	c := canaries{}
	c.add("EC", append(pemOf(ec), publicOf(ec.Public())...)) // as a CA that was signed elsewhere is kept
	c.add("RSA", pemOf(old))
	c.add("token", []byte("eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJlLW9mLWEtdG9rZW4"))
	c.add("passphrase", []byte("correct horse battery staple"))
	c.add("short", []byte("secret"))
	line := func(key any, n int) string { return strings.Split(string(pemOf(key)), "\n")[n] }
	tests := map[string]struct {
		text string
		want []string
	}{
		"a passphrase in a sentence":      {"it is \"correct horse battery staple\".", []string{"passphrase"}},
		"a passphrase in hex":             {hex.EncodeToString([]byte("correct horse battery staple")), []string{"passphrase in hex"}},
		"a token's signature":             {"x.y.c2lnbmF0dXJlLW9mLWEtdG9rZW4", []string{"token, its signature"}},
		"the first line of an EC key":     {"> " + line(ec, 1), []string{"EC, a line"}},
		"the second line of an EC key":    {line(ec, 2) + "\n", []string{"EC, a line"}},
		"a line of an RSA key":            {line(old, 15), []string{"RSA, a line"}},
		"a key in a Secret as JSON":       {fmt.Sprintf(`{"a": %q}`, base64.StdEncoding.EncodeToString(append(pemOf(ec), "and more"...))), []string{"EC in base64"}},
		"the beginning of a secret":       {"correct horse battery", nil},
		"what is too short to be told":    {"secret", nil},
		"the public halves of both":       {string(publicOf(ec.Public())) + string(publicOf(old.Public())), nil},
		"nothing":                         {"", nil},
		"two secrets, one of them again":  {"correct horse battery staple" + line(ec, 1) + "correct horse battery staple", []string{"EC, a line", "passphrase"}},
		"a secret at the end of the text": {"-correct horse battery staple", []string{"passphrase"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, c.found([]byte(tt.text))); diff != "" {
				t.Errorf("found (-want +got):\n%s", diff)
			}
		})
	}
}

// What a user's commands print, and what they leave in files and archives, is searched; the files of keys are not.
func TestLeaks(t *testing.T) {
	base := t.TempDir()
	u := &user{program: filepath.Join(base, "setup-mesh"), home: filepath.Join(base, "home"), canaries: canaries{}}
	u.canaries.add("the key", []byte(passphrase))
	var archive bytes.Buffer
	z := gzip.NewWriter(&archive)
	io.WriteString(z, "before "+passphrase)
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	elsewhere := filepath.Join(t.TempDir(), "plan")
	for name, text := range map[string]string{
		filepath.Join(base, "root-key.pem"): passphrase, filepath.Join(base, "tmp"): passphrase,
		filepath.Join(base, "bundle.tgz"): archive.String(), elsewhere: passphrase,
	} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	u.told(result{command: "harmless", stdout: "nothing"}, nil, time.Now())
	u.told(result{command: "loud", code: 1, stderr: "it is " + passphrase}, []string{elsewhere}, time.Now().Add(-time.Hour))
	u.told(result{command: "packs", code: 1, stdout: archive.String()}, []string{elsewhere}, time.Now().Add(time.Hour))
	want := []string{
		"loud told the key", "loud: " + elsewhere + " told the key", "packs told the key",
		filepath.Join(base, "bundle.tgz") + " holds the key", filepath.Join(base, "tmp") + " holds the key",
	}
	if diff := cmp.Diff(want, u.leaks()); diff != "" {
		t.Errorf("leaks (-want +got):\n%s", diff)
	}
}
