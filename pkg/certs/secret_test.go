package certs

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/gob"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"encoding/xml"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gopkg.in/yaml.v3"
)

const canary = "canary-KEY-0123456789abcdef"

// leaks says in which form text shows a piece of key material.
func leaks(text string, material []byte) string {
	for form, s := range map[string]string{
		"plain":     string(material),
		"hex":       hex.EncodeToString(material),
		"HEX":       strings.ToUpper(hex.EncodeToString(material)),
		"base64":    base64.StdEncoding.EncodeToString(material),
		"quoted":    strings.Trim(fmt.Sprintf("%q", material), `"`),
		"decimal":   strings.Trim(fmt.Sprintf("%d", material), "[]"),
		"octal":     strings.Trim(fmt.Sprintf("%o", material), "[]"),
		"binary":    strings.Trim(fmt.Sprintf("%b", material), "[]"),
		"code":      strings.Trim(fmt.Sprintf("%U", material), "[]"),
		"spaced":    fmt.Sprintf("% x", material),
		"go syntax": strings.TrimPrefix(fmt.Sprintf("%#v", material), "[]byte"),
	} {
		if strings.Contains(text, s) {
			return form
		}
	}
	return ""
}

func TestSecretPrintsNothing(t *testing.T) {
	s := NewSecret([]byte(canary))
	holders := map[string]any{
		"value":      s,
		"pointer":    &s,
		"exported":   struct{ K Secret }{s},
		"unexported": struct{ k Secret }{s},
		"nested":     struct{ p *struct{ k Secret } }{&struct{ k Secret }{s}},
		"slice":      []Secret{s},
		"map":        map[string]Secret{"k": s},
		"any":        []any{s},
	}
	for name, holder := range holders {
		for verb := ' '; verb <= '~'; verb++ {
			for _, flags := range []string{"", "+", "#", "-", " ", "0", "+#", "200", ".200", "#200.200"} {
				got := fmt.Sprintf("%"+flags+string(verb), holder)
				if form := leaks(got, []byte(canary)); form != "" {
					t.Fatalf("%s: %%%s%c shows the secret (%s)", name, flags, verb, form)
				}
			}
		}
	}
	if got := fmt.Sprint(s); got != redacted {
		t.Errorf("Sprint = %q, want %q", got, redacted)
	}
}

func TestSecretCannotBeEncoded(t *testing.T) {
	s := NewSecret([]byte(canary))
	type holder struct{ K Secret }
	encoders := map[string]func(any) ([]byte, error){
		"json": json.Marshal,
		"yaml": yaml.Marshal,
		"xml":  xml.Marshal,
		"gob": func(v any) ([]byte, error) {
			var b bytes.Buffer
			err := gob.NewEncoder(&b).Encode(v)
			return b.Bytes(), err
		},
		"text":   func(any) ([]byte, error) { return s.MarshalText() },
		"binary": func(any) ([]byte, error) { return s.MarshalBinary() },
	}
	for name, encode := range encoders {
		for _, v := range []any{s, &s, holder{s}, &holder{s}} {
			out, err := encode(v)
			if err == nil {
				t.Errorf("%s: encoding %T succeeded", name, v)
			}
			if form := leaks(string(out)+errText(err), []byte(canary)); form != "" {
				t.Errorf("%s: %T shows the secret (%s)", name, v, form)
			}
		}
	}
}

func TestSecretIsNotLogged(t *testing.T) {
	s := NewSecret([]byte(canary))
	var out bytes.Buffer
	for _, h := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
		slog.New(h).Info("m", "k", s, "p", &s, "g", slog.GroupValue(slog.Any("k", s)), "struct", struct{ K Secret }{s})
	}
	if form := leaks(out.String(), []byte(canary)); form != "" {
		t.Errorf("a log shows the secret (%s): %s", form, out.String())
	}
}

func TestSecretKeepsItsBytes(t *testing.T) {
	in := []byte(canary)
	s := NewSecret(in)
	clear(in)
	clear(s.Bytes())
	if diff := cmp.Diff(canary, string(s.Bytes())); diff != "" {
		t.Errorf("Bytes (-want +got):\n%s", diff)
	}
	if got := (Secret{}).Bytes(); got != nil {
		t.Errorf("the zero Secret has bytes: %v", got)
	}
}

// What holds keys shows none of them either.
func TestRootAndBundlePrintNoKey(t *testing.T) {
	root := newRoot(t, noon)
	bundle, err := root.Intermediate(rand.Reader, noon, east)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range [][]byte{root.key.Bytes(), bundle.key.Bytes()} {
		der, _ := pem.Decode(key)
		for _, v := range []any{root, *root, bundle, *bundle} {
			for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%q", "%d"} {
				text := fmt.Sprintf(verb, v)
				if form := leaks(text, key) + leaks(text, der.Bytes); form != "" {
					t.Errorf("%T: %s shows a key (%s)", v, verb, form)
				}
			}
			text, _ := json.Marshal(v)
			if form := leaks(string(text), key) + leaks(string(text), der.Bytes); form != "" {
				t.Errorf("%T: JSON shows a key (%s)", v, form)
			}
		}
	}
}
