package kube

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

// behind opens a cluster that is reached through a proxy only.
func behind(t *testing.T, server, proxy string, ca []byte) *Cluster {
	t.Helper()
	k, err := Load(write(t, fmt.Sprintf(`apiVersion: v1
kind: Config
clusters: [{name: east, cluster: {server: %q, proxy-url: %q, certificate-authority-data: %s}}]
contexts: [{name: east, context: {cluster: east, user: east}}]
users: [{name: east, user: {token: t}}]
`, server, proxy, base64.StdEncoding.EncodeToString(ca))))
	if err != nil {
		t.Fatal(err)
	}
	return open(t, k, "east")
}

// closed is an address at which nobody listens, and nobody else can while the test
// runs: the port is taken.
func closed(t *testing.T) string {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Close(fd) })
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	at, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("127.0.0.1:%d", at.(*syscall.SockaddrInet4).Port)
}

func TestProxyThatFails(t *testing.T) {
	const server = "https://api.east.example:6443"
	api := httptest.NewTLSServer(http.NotFoundHandler())
	defer api.Close()
	refuse := func(code int) string {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }))
		t.Cleanup(s.Close)
		return s.Listener.Addr().String()
	}
	down, forbids, asks := closed(t), refuse(http.StatusForbidden), refuse(http.StatusProxyAuthRequired)
	hangsUp := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		conn, rw, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		fmt.Fprint(rw, "HTTP/1.1 200 OK\r\n\r\n")
		rw.Flush()
		conn.Close()
	}))
	defer hangsUp.Close()
	up := "is the proxy http://%s up, and does it let you reach " + server + "? It is set by proxy-url in the kubeconfig"
	tests := map[string]struct{ proxy, message, hint string }{
		"it is down":               {"http://user:canary@" + down + "/canary", "the proxy http://" + down + " refuses connections (3 attempts)", fmt.Sprintf(up, down)},
		"socks is down":            {"socks5://user:canary@" + down, "the proxy socks5://" + down + " refuses connections (3 attempts)", strings.Replace(fmt.Sprintf(up, down), "http", "socks5", 1)},
		"it forbids":               {"http://user:canary@" + forbids, "the proxy http://" + forbids + " answered 403 Forbidden", fmt.Sprintf(up, forbids)},
		"it wants a password":      {"http://" + asks, "the proxy http://" + asks + " answered 407 Proxy Authentication Required", fmt.Sprintf(up, asks)},
		"the API server behind it": {"http://u:canary@" + hangsUp.Listener.Addr().String(), "the connection was closed before an answer came (3 attempts)", "is the API server " + server + " up, and reachable from the proxy " + hangsUp.URL + "?"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c := behind(t, server, tt.proxy, pemOf(api))
			_, byPod := c.PodGet(deadline(t), "n", "p", 80, "/")
			_, byRead := c.Get(deadline(t), object.Ref{Kind: "Pod", Namespace: "n", Name: "p"})
			e, ok := errors.AsType[*object.Error](byRead)
			if !ok || quotes(byRead) || quotes(byPod) {
				t.Fatalf("got %v and %v", byRead, byPod)
			}
			if diff := cmp.Diff([]string{string(object.Unreachable), tt.message, tt.hint}, []string{string(e.Class), e.Message, e.Hint}); diff != "" {
				t.Error("(-want +got)\n" + diff)
			}
			if e, ok := errors.AsType[*object.Error](byPod); !ok || !strings.Contains(e.Message+e.Hint, "the proxy ") {
				t.Errorf("port-forward: %v", byPod)
			}
		})
	}
}

// net/http reads the environment once, so that another process has to look.
func TestProxyOfTheEnvironment(t *testing.T) {
	const variable = "SETUP_MESH_TEST_PROXY"
	server := httptest.NewTLSServer(http.NotFoundHandler())
	defer server.Close()
	if os.Getenv(variable) != "" {
		_, err := behind(t, "https://api.east.example:6443", "", pemOf(server)).Get(deadline(t), object.Ref{Kind: "Pod", Namespace: "n", Name: "p"})
		e, _ := errors.AsType[*object.Error](err)
		if e.Message+"; "+e.Hint != os.Getenv(variable) || quotes(err) {
			t.Errorf("got %s; %s", e.Message, e.Hint)
		}
		return
	}
	down := closed(t)
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestProxyOfTheEnvironment$")
	cmd.Env = append(os.Environ(), "HTTPS_PROXY=http://user:canary@"+down, variable+"=the proxy http://"+down+" refuses connections (3 attempts); is the proxy http://"+down+
		" up, and does it let you reach https://api.east.example:6443? It is set by HTTPS_PROXY in the environment")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
