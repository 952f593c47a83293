package main

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
	"github.com/setup-mesh/setup-mesh/pkg/certs"
	"github.com/setup-mesh/setup-mesh/setup-mesh/internal/args"
	"github.com/setup-mesh/setup-mesh/setup-mesh/internal/sealing"
	"github.com/setup-mesh/setup-mesh/setup-mesh/internal/signing"
	"github.com/setup-mesh/setup-mesh/setup-mesh/internal/workdir"
)

// A terminal on which somebody types, one line after the other.
type typist struct {
	lines []string
	asked []string
}

func (ty *typist) ask(_ context.Context, prompt string) (certs.Secret, error) {
	ty.asked = append(ty.asked, prompt)
	if len(ty.lines) == 0 {
		return certs.Secret{}, errors.New("nobody types")
	}
	line := ty.lines[0]
	ty.lines = ty.lines[1:]
	return certs.NewSecret([]byte(line)), nil
}

func TestNewPassphrase(t *testing.T) {
	twice := []string{"New passphrase for the root's key: ", "The same again: "}
	tests := map[string]struct {
		typed   []string
		fd, in  string
		want    string
		wantErr string
		asked   []string
	}{
		"typed twice":         {typed: []string{"a b", "a b"}, want: "a b", asked: twice},
		"typed two":           {typed: []string{"a", "b"}, wantErr: "the two passphrases differ", asked: twice},
		"the terminal closed": {typed: []string{"a"}, wantErr: "nobody types", asked: twice},
		"handed in":           {fd: "0", in: "from a program\r\nmore\n", want: "from a program"},
		"without a newline":   {fd: "0", in: "short", want: "short"},
		"no number":           {fd: "three", wantErr: `--passphrase-fd: "three" is not a file descriptor`},
		"not open":            {fd: "987", wantErr: "read the passphrase from file descriptor 987: read passphrase: bad file descriptor"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			ty := &typist{lines: tt.typed}
			got, err := newPassphrase(t.Context(), environment{ask: ty.ask, stdin: strings.NewReader(tt.in)}, tt.fd)
			text, what := "", ""
			if err != nil {
				text = err.Error()
			} else {
				what = string(got.Bytes())
			}
			if diff := cmp.Diff([]any{tt.want, tt.wantErr, tt.asked}, []any{what, text, ty.asked}); diff != "" {
				t.Errorf("passphrase, error and questions (-want +got):\n%s", diff)
			}
		})
	}
}

// An apply asks once, before it does anything, and only where something is signed.
func TestOpenForAPlan(t *testing.T) {
	cert, key, err := certs.NewRoot(rand.Reader, time.Now(), "demo", "example.com")
	if err != nil {
		t.Fatal(err)
	}
	root, err := certs.ParseRoot(cert, nil)
	if err != nil {
		t.Fatal(err)
	}
	data, err := sealing.With(key.Bytes(), certs.NewSecret([]byte("open sesame")))
	if err != nil {
		t.Fatal(err)
	}
	cluster := func(edit func(*plan.Cluster, *plan.Change)) *plan.Plan {
		c := &plan.Cluster{}
		c.Namespace = "istio-system"
		ch := plan.Change{Object: object.SecretRef("istio-system", object.Cacerts), Action: plan.Create, Mint: true}
		edit(c, &ch)
		c.Changes = []plan.Change{ch}
		return &plan.Plan{Clusters: []*plan.Cluster{c}}
	}
	asks := []string{"Passphrase of certs/root-key.pem.age: "}
	tests := map[string]struct {
		plan  *plan.Plan
		asked []string
	}{
		"a new cluster":                {cluster(func(*plan.Cluster, *plan.Change) {}), asks},
		"signed elsewhere":             {cluster(func(c *plan.Cluster, _ *plan.Change) { c.Imported = true }), nil},
		"just what is trusted changes": {cluster(func(c *plan.Cluster, _ *plan.Change) { c.SameCA = true }), nil},
		"it stays":                     {cluster(func(_ *plan.Cluster, ch *plan.Change) { ch.Action = plan.Keep }), nil},
		"only a label is mended":       {cluster(func(_ *plan.Cluster, ch *plan.Change) { ch.Action, ch.Mint = plan.Update, false }), nil},
		"no clusters":                  {&plan.Plan{}, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			ty := &typist{lines: []string{"open sesame"}}
			env := environment{ask: ty.ask, now: time.Now, random: rand.Reader}
			s := &sealedRoot{&signing.Sealed{Root: root, Now: env.now, Rand: env.random}, &workdir.SealedKey{Name: "certs/root-key.pem.age", Data: data}}
			for range 2 {
				if err := s.openFor(t.Context(), env, &args.Opening{}, tt.plan); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(tt.asked, ty.asked); diff != "" {
				t.Errorf("questions (-want +got):\n%s", diff)
			}
			sealed := root.Sealed(s)
			if !sealed.CanSign() || sealed.Outside() {
				t.Error("a plan would say that nobody, or somebody else, signs")
			}
			_, err := sealed.Issue(t.Context(), rand.Reader, time.Now(), certs.Identity{Cluster: "east-1", Namespace: "istio-system", TrustDomain: "cluster.local"})
			if opened := tt.asked != nil; opened != (err == nil) {
				t.Errorf("signed: %v", err)
			}
		})
	}
	if err := (*sealedRoot)(nil).openFor(t.Context(), environment{}, nil, tests["a new cluster"].plan); err != nil {
		t.Errorf("without an encrypted key: %v", err)
	}
}

// A passphrase that is right is not asked for again, whichever key it opens; another one is.
func TestAskedOncePerCommand(t *testing.T) {
	sealed := func(name, passphrase string) *workdir.SealedKey {
		data, err := sealing.With([]byte("a key"), certs.NewSecret([]byte(passphrase)))
		if err != nil {
			t.Fatal(err)
		}
		return &workdir.SealedKey{Name: name, Data: data}
	}
	keys := []*workdir.SealedKey{sealed("old", "open sesame"), sealed("new", "open sesame"), sealed("other", "abracadabra"), sealed("old", "open sesame")}
	ty := &typist{lines: []string{"open sesame", "abracadabra"}}
	env := environment{ask: ty.ask, given: &passphrases{}}
	for _, k := range keys {
		key, err := openKey(t.Context(), env, k, &args.Opening{})
		if err != nil || string(key.Bytes()) != "a key" {
			t.Errorf("%s: %v", k.Name, err)
		}
	}
	if diff := cmp.Diff([]string{"Passphrase of old: ", "Passphrase of other: "}, ty.asked); diff != "" {
		t.Errorf("questions (-want +got):\n%s", diff)
	}
	once := environment{stdin: strings.NewReader("open sesame\n"), given: &passphrases{}}
	for _, k := range keys[:2] { // of a descriptor there is one reading
		if _, err := openKey(t.Context(), once, k, &args.Opening{PassphraseFD: "0"}); err != nil {
			t.Errorf("%s, from a file descriptor: %v", k.Name, err)
		}
	}
}
