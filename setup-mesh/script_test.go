package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"setup-mesh": main})
}

// TestScript runs the command as a user does where no cluster is needed, or
// none may be asked.
func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata/script", UpdateScripts: *update, RequireUniqueNames: true, Cmds: scriptCommands()})
}

// TestExitCodes checks what a script cannot tell apart.
func TestExitCodes(t *testing.T) {
	dir := t.TempDir()
	kubeconfig := filepath.Join(dir, "kubeconfig")
	const oneContext = `apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: "https://127.0.0.1:1"}}]
contexts: [{name: east, context: {cluster: c, user: u}}]
users: [{name: u, user: {token: x}}]
`
	if err := os.WriteFile(kubeconfig, []byte(oneContext), 0o600); err != nil {
		t.Fatal(err)
	}
	interrupted, interrupt := context.WithCancelCause(t.Context())
	interrupt(errInterrupted)
	prep := []string{"prep", "--dir", filepath.Join(dir, "mesh"), "--mesh-id", "demo", "--org", "example.com"}
	tests := []struct { // in this order: the work directory is made on the way
		name   string
		args   []string
		ctx    context.Context
		want   int
		stderr string // part of it
	}{
		{"help", []string{"--help"}, nil, 0, ""},
		{"version", []string{"--version"}, nil, 0, ""},
		{"prep", prep, nil, 0, "next: add clusters"},
		{"prep again", prep, nil, 0, "next: add clusters"},
		{"no such command", []string{"paln"}, nil, exitError, `there is no command "paln"`},
		{"no such flag", []string{"plan", "--dri", "x"}, nil, exitError, "flag provided but not defined"},
		{"an argument", []string{"plan", "x"}, nil, exitError, "takes no arguments"},
		{"no clusters", []string{"plan", "--dir", filepath.Join(dir, "mesh"), "--kubeconfig", kubeconfig}, nil, exitError, "has no clusters"},
		{"interrupted", append(prep[:2:2], filepath.Join(dir, "other"), "--mesh-id", "demo", "--org", "example.com"), interrupted, exitInterrupted, "interrupted"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ctx := tt.ctx
			if ctx == nil {
				ctx = t.Context()
			}
			var out, msg bytes.Buffer
			env := environment{
				args: append([]string{"setup-mesh"}, tt.args...), stdin: strings.NewReader(""), stdout: &out, stderr: &msg,
				getenv: func(string) string { return "" }, now: time.Now, random: rand.Reader, release: "test", width: 80,
			}
			if got := run(ctx, env); got != tt.want {
				t.Errorf("exit code %d, want %d; stderr: %s", got, tt.want, msg.String())
			}
			if !strings.Contains(msg.String(), tt.stderr) {
				t.Errorf("stderr %q does not say %q", msg.String(), tt.stderr)
			}
		})
	}
}

// TestAsk wants a whole "yes", and somebody to say it.
func TestAsk(t *testing.T) {
	const question = "Really? "
	ended, cancel := context.WithCancelCause(t.Context())
	cancel(errInterrupted)
	tests := map[string]struct {
		answer   string
		terminal bool
		ctx      context.Context
		wantErr  string
		asked    string
	}{
		"yes":          {"yes\n", true, t.Context(), "", question},
		"y":            {"y\n", true, t.Context(), `nothing was changed: the answer was not "yes"`, question},
		"no answer":    {"", true, t.Context(), `nothing was changed: the answer was not "yes"`, question},
		"nobody there": {"yes\n", false, t.Context(), "cannot ask for confirmation: stdin or stderr is not a terminal", ""},
		"interrupted":  {"", true, ended, "interrupted", question},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			env := environment{terminal: tt.terminal, stdin: strings.NewReader(tt.answer), stderr: &b}
			if name == "interrupted" {
				r, w, err := os.Pipe() // on which nobody answers
				if err != nil {
					t.Fatal(err)
				}
				defer w.Close()
				env.stdin = r
			}
			got := ""
			if err := confirm(tt.ctx, env, func(w io.Writer) { io.WriteString(w, question) }); err != nil {
				got = err.Error()
			}
			if got != tt.wantErr || b.String() != tt.asked {
				t.Errorf("error %q, want %q; asked %q, want %q", got, tt.wantErr, b.String(), tt.asked)
			}
		})
	}
}
