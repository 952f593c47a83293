//go:build unix

package kube

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/setup-mesh/setup-mesh/pkg/apply/kube/internal/login"
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

func credentials(token string) string {
	return fmt.Sprintf(`{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":%q}}`, token)
}

func TestClustersShareOneLogin(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	k := pluginConfig(t, "echo login >> "+log+`; sleep 0.1; printf '`+credentials("from-the-plugin")+"'")
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

// lives makes a pipe that reads to its end when a plugin and its children are
// gone: they hold the other end open.
func lives(t *testing.T) (path string, gone <-chan struct{}) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "lives")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if f, err := os.Open(path); err == nil { // when a plugin opens it too
			if _, err := io.Copy(io.Discard, f); err != nil {
				t.Error(err)
			}
			f.Close()
		}
	}()
	return path, ended
}

// Two clusters wait for one login that does not come. Both say so, at the same
// time, well before the caller's deadline, and nothing is left running.
func TestPluginThatHangs(t *testing.T) {
	path, gone := lives(t)
	log := filepath.Join(t.TempDir(), "log")
	k := pluginConfig(t, fmt.Sprintf("exec 3>%s; echo login >> %s; sleep 600 & sleep 600", path, log))
	var g errgroup.Group
	for _, name := range k.Contexts() {
		c, err := k.Open(name, Options{LoginTimeout: 300 * time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		g.Go(func() error {
			_, err := c.Identity(deadline(t))
			want := fmt.Sprintf(`in %q: login plugin "sh" did not answer within 300ms`, name)
			e, ok := errors.AsType[*object.Error](err)
			if !ok || e.Class != object.Unauthorized || !strings.HasSuffix(e.Error(), want) || !strings.Contains(e.Hint, fmt.Sprintf("kubectl --context %q", name)) {
				return fmt.Errorf("got %w", err)
			}
			_, err = c.Identity(deadline(t)) // which must not wait once more
			if !strings.HasSuffix(err.Error(), want) {
				return fmt.Errorf("the second time: %w", err)
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		t.Error(err)
	}
	<-gone
	if got, err := os.ReadFile(log); err != nil || string(got) != "login\n" {
		t.Errorf("logged in as %q, %v", got, err)
	}
}

// When the caller goes, the plugin has gone before: nobody would end it then.
func TestPluginEndsWithItsCaller(t *testing.T) {
	tests := map[string]struct {
		end   func(*testing.T) (context.Context, context.CancelFunc)
		class object.Class
		want  string
	}{
		"a deadline": {func(t *testing.T) (context.Context, context.CancelFunc) {
			return context.WithTimeout(t.Context(), 200*time.Millisecond)
		}, object.Unauthorized, `login plugin "sh" did not answer within 100ms`},
		"an interrupt": {func(t *testing.T) (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(200*time.Millisecond, cancel)
			return ctx, cancel
		}, object.Canceled, "canceled"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			path, gone := lives(t)
			c := open(t, pluginConfig(t, fmt.Sprintf("exec 3>%s; sleep 600 & sleep 600", path)), "east")
			ctx, cancel := tt.end(t)
			defer cancel()
			_, err := c.Identity(ctx)
			if object.ClassOf(err) != tt.class || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v", err)
			}
			<-gone
		})
	}
}

// A plugin that leaves something running, as a browser, does not hold us, and
// what that prints does not reach our streams.
func TestPluginThatLeavesAChild(t *testing.T) {
	stop := filepath.Join(t.TempDir(), "stop")
	if err := syscall.Mkfifo(stop, 0o600); err != nil {
		t.Fatal(err)
	}
	script := fmt.Sprintf("[ /dev/fd/2 -ef /dev/null ] || exit 9; cat %s & printf '%s'", stop, credentials("from-the-plugin"))
	if _, err := open(t, pluginConfig(t, script), "east").Identity(deadline(t)); err != nil {
		t.Error(err)
	}
	if f, err := os.OpenFile(stop, os.O_WRONLY, 0); err == nil {
		f.Close() // and the child ends
	}
}

func TestPluginThatFails(t *testing.T) {
	const hidden = "canary-text"
	for script, want := range map[string]string{
		"echo canary-text >&2; exit 3":     `login plugin "sh" failed: exit status 3`,
		"kill -9 $$":                       `login plugin "sh" failed: signal: killed`,
		"echo canary-text":                 `login plugin "sh" printed no valid ExecCredential`,
		"printf '" + credentials("") + "'": `login plugin "sh" printed no valid ExecCredential`,
		"yes canary-text":                  `login plugin "sh" printed more than 1 MiB`,
	} {
		_, err := open(t, pluginConfig(t, script), "east").Identity(deadline(t))
		if object.ClassOf(err) != object.Unauthorized || !strings.HasSuffix(err.Error(), want) || strings.Contains(err.Error(), hidden) {
			t.Errorf("%s: %v", script, err)
		}
	}
}

// A token that the API server refuses is asked for anew with the next request.
func TestRefusedLogin(t *testing.T) {
	once := filepath.Join(t.TempDir(), "once")
	c := open(t, pluginConfig(t, fmt.Sprintf("if mkdir %s 2>/dev/null; then printf '%s'; else printf '%s'; fi",
		once, credentials("old"), credentials("from-the-plugin"))), "east")
	if err := c.getJSON(deadline(t), "/version", &struct{}{}); object.ClassOf(err) != object.Unauthorized {
		t.Errorf("with an old token: %v", err)
	}
	if err := c.getJSON(deadline(t), "/version", &struct{}{}); err != nil {
		t.Errorf("with a new token: %v", err)
	}
}

func TestLoginLimit(t *testing.T) {
	for name, tt := range map[string]struct{ timeout, left, want time.Duration }{
		"a plan's two minutes":    {time.Minute, 2 * time.Minute, time.Minute},
		"an apply's ten":          {time.Minute, 10 * time.Minute, time.Minute},
		"a caller in a hurry":     {time.Minute, 20 * time.Second, 10 * time.Second},
		"a deadline that is over": {time.Minute, -time.Second, -500 * time.Millisecond},
	} {
		if got := login.Limit(tt.timeout, tt.left); got != tt.want {
			t.Errorf("%s: %v, want %v", name, got, tt.want)
		}
	}
}
