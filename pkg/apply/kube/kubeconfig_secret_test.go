package kube

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

// brokenBase is a kubeconfig with something to hide in every field that can
// hold a secret. Each case of TestNoErrorQuotesAKubeconfig breaks one thing.
const brokenBase = `apiVersion: v1
kind: Config
clusters:
- name: east
  cluster:
    server: https://east.example:6443
    proxy-url: http://proxy.example:3128
contexts:
- name: east
  context: {cluster: east, user: east}
users:
- name: east
  user:
    token: canary-token
- name: basic
  user:
    username: admin
    password: canary-password
- name: key
  user:
    client-key-data: Y2FuYXJ5LWtleQ==
- name: plugin
  user:
    exec:
      apiVersion: client.authentication.k8s.io/v1
      command: kubelogin
      args: [--secret, canary-argument]
      env: [{name: PASSWORD, value: canary-env}]
      interactiveMode: Never
`

// canaries are how the secrets of brokenBase print: as they are, in base64, and
// as Go prints bytes.
func canaries() []string {
	return []string{"canary", "Y2FuYX", "99 97 110 97 114 121"}
}

// quotes says whether err, or anything that it wraps, shows a canary.
func quotes(err error) bool {
	for ; err != nil; err = errors.Unwrap(err) {
		text := fmt.Sprintf("%v %+v %q %s", err, err, err, err.Error())
		if e, ok := err.(*object.Error); ok { //nolint:errorlint // each link of the chain by itself
			text += e.Hint + e.Detail
		}
		for _, c := range canaries() {
			if strings.Contains(text, c) {
				return true
			}
		}
	}
	return false
}

// openAll is what a run does with a kubeconfig before it sends a request.
func openAll(path string) error {
	k, err := Load(path)
	if err != nil {
		return err
	}
	for _, context := range k.Contexts() {
		if _, err := k.Open(context, Options{}); err != nil {
			return err
		}
	}
	return nil
}

func TestNoErrorQuotesAKubeconfig(t *testing.T) {
	const load, east = "read the kubeconfig: FILE: ", `open in "east": `
	tests := map[string]struct{ old, new, want string }{
		"a user twice":         {"- name: basic", "- name: east", load + `lines 12 and 15: user "east" is defined twice`},
		"a cluster twice":      {"contexts:", "- {name: east, cluster: {server: canary}}\ncontexts:", load + `lines 4 and 8: cluster "east" is defined twice`},
		"a context twice":      {"users:", "- {name: east, context: {user: canary}}\nusers:", load + `lines 9 and 11: context "east" is defined twice`},
		"a secret for a name":  {"name: basic", "name: eyJhbGciOiJcanary.e30.x\n- name: eyJhbGciOiJcanary.e30.x", load + `lines 15 and 16: users[2] is defined twice`},
		"a list for a token":   {"token: canary-token", "token: [canary-token]", load + `line 12: user "east": user.token has the wrong type`},
		"a number for a token": {"token: canary-token", "token: 12345", load + `line 12: user "east": user.token has the wrong type`},
		"text for an exec":     {"exec:\n", "exec: canary\n    x:\n", load + `line 22: user "plugin": user.exec has the wrong type`},
		"text for a user":      {"- name: basic", "- name: x\n  user: canary\n- name: basic", load + `line 15: user "x": user has the wrong type`},
		"text for an entry":    {"- name: basic", "- canary\n- name: basic", load + `line 15: users[1]: not a mapping`},
		"text for users":       {"users:\n", "users: canary-text\nothers:\n", load + `line 11: users is not a list`},
		"a key not in base64":  {"Y2FuYXJ5LWtleQ==", "canary-key%", load + `line 19: user "key": user.client-key-data is not base64`},
		"text that is no YAML": {"token: canary-token", "token: canary: token: [", load + `line 14: not valid YAML`},
		"an unknown anchor":    {"token: canary-token", "token: *canary-token", load + `not valid YAML`},
		"an unknown tag":       {"token: canary-token", "token: !!binary canary%", load + `line 12: user "east": not a valid entry`},
		"another kind":         {"kind: Config", "kind: canary", load + `line 2: kind is not Config`},
		"another version":      {"apiVersion: v1\n", "apiVersion: canary/v1\n", load + `line 1: apiVersion is not v1`},
		"an extension twice":   {"users:", "extensions: [{name: canary, extension: {a: canary}}, {name: canary, extension: {a: canary}}]\nusers:", load + `not a valid kubeconfig`},
		"one that is no map":   {brokenBase, "canary", load + `not a valid kubeconfig`},

		"a password in the server": {"https://east", "https://admin:canary@east", east + `the server of cluster "east" holds a user name or a password`},
		"without a scheme":         {"https://east", "admin:canary@east", east + `the server of cluster "east" holds a user name or a password`},
		"a server that is no URL":  {"https://east", "https://admin:canary%zz@east", east + `cluster "east": server is not a valid URL`},
		"a proxy that is no URL":   {"http://proxy", "http://admin:canary%zz@proxy", east + `cluster "east": proxy-url is not a valid URL with the scheme http, https or socks5`},
		"a proxy of another kind":  {"http://proxy", "canary://admin:canary@proxy", east + `cluster "east": proxy-url is not a valid URL with the scheme http, https or socks5`},
		"a certificate for a file": {"token: canary-token", "client-certificate: canary-text\n    client-key: canary-text", east + `user "east": the client-certificate file: no such file or directory; the client-key file: no such file or directory`},
		"a token for a file":       {"token: canary-token", "tokenFile: canary-text", east + `user "east": the tokenFile file: no such file or directory`},
		"an authority for a file":  {"server:", "certificate-authority: canary-text\n    server:", east + `cluster "east": the certificate-authority file: no such file or directory`},
		"an authority of text":     {"server:", "certificate-authority-data: Y2FuYXJ5LWtleQ==\n    server:", east + `cluster "east": the certificate authority is not a certificate in PEM`},
		"a key of text":            {"token: canary-token", "client-certificate-data: Y2FuYXJ5LWtleQ==\n    client-key-data: Y2FuYXJ5LWtleQ==", east + `user "east": client certificate and key are not a valid pair in PEM`},
		"a key without a pair":     {"token: canary-token", "client-certificate-data: Y2FuYXJ5LWtleQ==", east + `user "east": a client certificate needs a key, and a key a certificate`},
		"a token and a password":   {"token: canary-token", "token: canary-token\n    username: a\n    password: canary", east + `user "east": a token and a password are both set`},
		"an unknown auth provider": {"token: canary-token", "auth-provider: {name: canary, config: {secret: canary}}", east + `user "east": auth-provider is not supported, or its settings are incomplete`},
		"a plugin of no protocol":  {"token: canary-token", "exec: {apiVersion: canary, command: canary, interactiveMode: canary, env: [{value: canary}]}", east + `user "east": exec.apiVersion is not one of client.authentication.k8s.io/v1, client.authentication.k8s.io/v1beta1; a variable in exec.env has no name; exec.interactiveMode is not one of Never, IfAvailable, Always`},
		"groups without a user":    {"token: canary-token", "token: canary-token\n    as-groups: [canary]", east + `user "east": as-uid, as-groups and as-user-extra need as`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if !strings.Contains(brokenBase, tt.old) {
				t.Fatalf("%q is not there to be broken", tt.old)
			}
			path := write(t, strings.Replace(brokenBase, tt.old, tt.new, 1))
			err := openAll(path)
			if quotes(err) {
				t.Errorf("it quotes a secret: %v", err)
			}
			if object.ClassOf(err) != object.BadKubeconfig {
				t.Fatalf("got %v", err)
			}
			if diff := cmp.Diff(tt.want, strings.ReplaceAll(err.Error(), path, "FILE")); diff != "" {
				t.Error("(-want +got)\n" + diff)
			}
		})
	}
}

// What is cut out of a kubeconfig, and what is put there in its place, breaks it
// in ways that nobody thought of.
func FuzzNoErrorQuotesAKubeconfig(f *testing.F) {
	for _, s := range []string{"- name: east\n", "\t", "user: [", "token: |\n", "!!binary ", "&a *a", "%", "\x00", "{", "\"", "? ", "---\n", "<<: *x\n"} {
		f.Add(uint(0), uint(0), s)
		f.Add(uint(len(brokenBase)/2), uint(20), s)
		f.Add(uint(len(brokenBase)-120), uint(1), s)
	}
	f.Fuzz(func(t *testing.T, at, cut uint, put string) {
		n := uint(len(brokenBase))
		at %= n
		end := min(at+cut%40, n)
		path := filepath.Join(t.TempDir(), "config")
		if err := os.WriteFile(path, []byte(brokenBase[:at]+put+brokenBase[end:]), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := openAll(path); quotes(err) {
			t.Errorf("it quotes a secret: %v", err)
		}
	})
}
