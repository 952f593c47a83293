package kube

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

// write puts a kubeconfig into a directory of its own, beside ca.crt.
func write(t *testing.T, text string) string {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "config")
	server := httptest.NewTLSServer(http.NotFoundHandler())
	defer server.Close()
	for name, content := range map[string][]byte{path: []byte(text), filepath.Join(dir, "ca.crt"): pemOf(server)} {
		if err := os.WriteFile(name, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

const twoContexts = `
apiVersion: v1
kind: Config
clusters:
- {name: west, cluster: {server: "https://west.example:6443/k8s/", certificate-authority: ca.crt, tls-server-name: api, proxy-url: "http://proxy:3128"}}
- {name: blank, cluster: {}}
contexts:
- {name: west, context: {cluster: west, user: admin}}
- {name: blank, context: {cluster: blank, user: admin}}
- {name: nobody, context: {cluster: west, user: nobody}}
- {name: nowhere, context: {cluster: nowhere, user: admin}}
- {name: lost, context: {cluster: west, user: lost}}
users:
- {name: admin, user: {token: t}}
- {name: lost, user: {client-certificate: no-such-file, client-key: no-such-file}}
`

const oneContext = `
apiVersion: v1
kind: Config
clusters: [{name: east, cluster: {server: "https://127.0.0.1:6443", insecure-skip-tls-verify: true}}]
contexts: [{name: east, context: {cluster: east, user: east}}]
users: [{name: east, user: {token: t}}]
`

func TestLoadMergesTheList(t *testing.T) {
	west, east := write(t, twoContexts), write(t, oneContext)
	t.Setenv("KUBECONFIG", strings.Join([]string{west, "/no/such/file", east}, string(filepath.ListSeparator)))
	k, err := Load("")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"blank", "east", "lost", "nobody", "nowhere", "west"}, k.Contexts()); diff != "" {
		t.Error("(-want +got)\n" + diff)
	}
	ca, err := os.ReadFile(filepath.Join(filepath.Dir(west), "ca.crt"))
	if err != nil {
		t.Fatal(err)
	}
	for context, want := range map[string]object.Endpoint{
		"west": {Server: "https://west.example:6443/k8s", TLSServerName: "api", CA: ca, ProxyURL: "http://proxy:3128"},
		"east": {Server: "https://127.0.0.1:6443", Insecure: true},
	} {
		if diff := cmp.Diff(want, open(t, k, context).Endpoint()); diff != "" {
			t.Error(context + " (-want +got)\n" + diff)
		}
	}
}

func TestLoadRefuses(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	t.Setenv("KUBECONFIG", "/no/such/file")
	tests := map[string]struct{ path, want string }{
		"nothing anywhere": {"", "read the kubeconfig: no context in [/no/such/file]"},
		"no such file":     {"/no/such/config", "read the kubeconfig: /no/such/config: no such file or directory"},
		"an empty file":    {write(t, ""), "read the kubeconfig: no context in ["},
		"not a kubeconfig": {write(t, "- a"), "read the kubeconfig: "},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := Load(tt.path)
			if object.ClassOf(err) != object.BadKubeconfig || !strings.HasPrefix(err.Error(), tt.want) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestOpenRefuses(t *testing.T) {
	k, err := Load(write(t, twoContexts))
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct{ want, hint string }{
		"no-such": {`open in "no-such": no such context in the kubeconfig`, "contexts: [blank lost nobody nowhere west]"},
		"blank":   {`open in "blank": the context's cluster "blank" has no server`, ""},
		"nowhere": {`open in "nowhere": the context's cluster "nowhere" has no server`, ""},
		"nobody":  {`open in "nobody": the context's user "nobody" is not defined`, ""},
		"lost":    {`open in "lost": user "lost": the client-certificate file: no such file or directory; the client-key file: no such file or directory`, ""},
	}
	for context, tt := range tests {
		t.Run(context, func(t *testing.T) {
			_, err := k.Open(context, Options{})
			e, ok := errors.AsType[*object.Error](err)
			if !ok || e.Class != object.BadKubeconfig || !strings.HasPrefix(e.Error(), tt.want) || e.Hint != tt.hint {
				t.Errorf("got %v, hint %q", err, e.Hint)
			}
		})
	}
}

func TestLoopback(t *testing.T) {
	for server, want := range map[string]bool{
		"https://127.0.0.1:6443":          true,
		"https://127.8.8.8":               true,
		"https://[::1]:6443":              true,
		"https://[::ffff:127.0.0.1]:6443": true,
		"https://0.0.0.0:6443":            true,
		"https://LocalHost:6443/path":     true,
		"https://east.localhost.:6443":    true,
		"https://10.0.0.1:6443":           false,
		"https://localhost.example.com":   false,
		"https://127.0.0.1.example.com":   false,
		"https://api.east:6443":           false,
	} {
		if got := (object.Endpoint{Server: server}).Loopback(); got != want {
			t.Errorf("%s: %v", server, got)
		}
	}
}
