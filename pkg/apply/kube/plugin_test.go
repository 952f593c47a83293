package kube

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

// pluginConfig is a kubeconfig of two clusters, east and west, whose users
// have the same exec credential plugin: a shell script.
func pluginConfig(t *testing.T, script string) *Kubeconfig {
	t.Helper()
	var clusters, contexts strings.Builder
	for _, name := range []string{"east", "west"} {
		server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			if r.Header.Get("Authorization") != "Bearer from-the-plugin" {
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			io.WriteString(w, `{"apiVersion":"v1","kind":"Namespace","metadata":{"uid":"u"},"gitVersion":"v1"}`)
		}))
		t.Cleanup(server.Close)
		fmt.Fprintf(&clusters, "- {name: %s, cluster: {server: %q, certificate-authority-data: %s}}\n",
			name, server.URL, base64.StdEncoding.EncodeToString(pemOf(server)))
		fmt.Fprintf(&contexts, "- {name: %s, context: {cluster: %s, user: plugin}}\n", name, name)
	}
	k, err := Load(write(t, fmt.Sprintf(`apiVersion: v1
kind: Config
clusters:
%scontexts:
%susers:
- name: plugin
  user: {exec: {apiVersion: client.authentication.k8s.io/v1, command: sh, args: [-c, %q], interactiveMode: IfAvailable}}
`, clusters.String(), contexts.String(), script)))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestClustersShareOneLogin(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	k := pluginConfig(t, "echo login >> "+log+`; sleep 0.1; printf '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"from-the-plugin"}}'`)
	g, ctx := errgroup.WithContext(deadline(t))
	for _, name := range k.Contexts() {
		g.Go(func() error {
			c, err := k.Open(name, Options{})
			if err == nil {
				_, err = c.Identity(ctx)
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(log)
	if err != nil || string(got) != "login\n" {
		t.Errorf("logged in as %q, %v", got, err)
	}
}

// client-go waits for a plugin however long it takes:
// https://github.com/kubernetes/kubernetes/issues/108849
func TestPluginThatHangs(t *testing.T) {
	c := open(t, pluginConfig(t, "exec sleep 3"), "east")
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	start := time.Now()
	_, err := c.Identity(ctx)
	if object.ClassOf(err) != object.Timeout || time.Since(start) > 2*time.Second {
		t.Errorf("got %v after %v", err, time.Since(start))
	}
}

func TestPluginThatFails(t *testing.T) {
	for script, want := range map[string]string{
		"exit 3":           "exit code 3",
		"echo secret-text": "printed no valid ExecCredential",
	} {
		_, err := open(t, pluginConfig(t, script), "east").Identity(deadline(t))
		if object.ClassOf(err) != object.Unauthorized || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret-text") {
			t.Errorf("%s: %v", script, err)
		}
	}
}
