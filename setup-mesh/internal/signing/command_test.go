package signing

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/setup-mesh/setup-mesh/pkg/certs"
)

var east = certs.Identity{Cluster: "east-1", Namespace: "istio-system", TrustDomain: "example.org"}

// script is a program for a test.
func script(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "sign")
	if err := os.WriteFile(name, []byte("#!/bin/sh\n"+text), 0o700); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestCommand(t *testing.T) {
	tests := map[string]struct {
		text, args    string
		want, wantErr string // SIGN stands for the program
	}{
		"answers what it is given":  {text: "cat", want: "the CSR"},
		"knows whose it is":         {text: "echo $SETUP_MESH_CLUSTER $SETUP_MESH_NAMESPACE $SETUP_MESH_TRUST_DOMAIN", want: "east-1 istio-system example.org\n"},
		"has its arguments, unread": {text: `for a in "$@"; do echo "[$a]"; done`, args: `--key  $HOME 'a b' ;ls *`, want: "[--key]\n[$HOME]\n['a]\n[b']\n[;ls]\n[*]\n"},
		"reads nothing":             {text: "exec <&-; echo yes", want: "yes\n"},
		"warns and signs":           {text: "echo careful >&2; echo yes", want: "yes\n"},
		"fails with a word":         {text: "echo half; echo 'no such key' >&2; exit 3", wantErr: "run the sign command SIGN: exit status 3: no such key"},
		"fails without":             {text: "exit 1", wantErr: "run the sign command SIGN: exit status 1"},
		"draws on the terminal":     {text: `printf '\033[2Jgone\n\nfor\tgood\n' >&2; exit 1`, wantErr: "run the sign command SIGN: exit status 1: \uFFFD[2Jgone for good"},
		"talks without end":         {text: "i=0; while [ $i -lt 1000 ]; do echo line $i >&2; i=$((i+1)); done; exit 1", wantErr: "run the sign command SIGN: exit status 1: ... LINES 999"},
		"answers without end":       {text: "yes | head -c 2000000", wantErr: "run the sign command SIGN: its answer is larger than 1 MiB"},
		"takes too long":            {text: "echo waiting >&2; exec sleep 60", wantErr: "run the sign command SIGN: it gave no answer within 1s: waiting"},
		"leaves somebody who waits": {text: "sleep 3 & echo waiting >&2; wait", wantErr: "run the sign command SIGN: it gave no answer within 1s: waiting"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			program := script(t, tt.text)
			c, err := NewCommand(program+" "+tt.args, time.Second, time.Now)
			if err != nil {
				t.Fatal(err)
			}
			got, err := c.Sign(t.Context(), []byte("the CSR"), east)
			text := ""
			if err != nil {
				text = strings.ReplaceAll(err.Error(), program, "SIGN")
				if before, _, found := strings.Cut(text, "... "); found {
					text = before + "... LINES" + text[strings.LastIndex(text, " "):]
				}
			}
			if diff := cmp.Diff([]string{tt.want, tt.wantErr}, []string{string(got.PEM), text}); diff != "" {
				t.Errorf("answer and error (-want +got):\n%s", diff)
			}
		})
	}
}

func TestCommandIsNotThere(t *testing.T) {
	if _, err := NewCommand(" ", Limit, time.Now); err == nil || err.Error() != "names no program" {
		t.Errorf("nothing: %v", err)
	}
	c, err := NewCommand("setup-mesh-no-such-program", Limit, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Sign(t.Context(), nil, east)
	const want = `run the sign command setup-mesh-no-such-program: exec: "setup-mesh-no-such-program": executable file not found in $PATH`
	if err == nil || err.Error() != want {
		t.Errorf("error %v", err)
	}
}

// Whoever waits for its turn is told when there is no point any longer.
func TestCommandsTakeTurns(t *testing.T) {
	c, err := NewCommand(script(t, "cat"), Limit, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	c.turn <- struct{}{}
	stop := errors.New("stop")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(stop)
	if _, err := c.Sign(ctx, nil, east); !errors.Is(err, stop) {
		t.Errorf("error %v", err)
	}
	<-c.turn
	if got, err := c.Sign(t.Context(), []byte("x"), east); string(got.PEM) != "x" || err != nil {
		t.Errorf("afterwards: %q, %v", got, err)
	}
}
