package kube

import (
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/certs"
)

// What a cluster stores must not make us run programs, read files, or send a
// token over an unverified connection.
func TestCheckKubeconfigRefuses(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("a request was sent: %s", r.URL)
	}))
	defer server.Close()
	const (
		good  = `server: SERVER`
		token = `token: eyJsecret-canary`
	)
	tests := map[string]struct{ cluster, user, want string }{
		"a program":              {good, `exec: {apiVersion: client.authentication.k8s.io/v1, command: touch, args: [/pwned], interactiveMode: Never}`, "it wants to run a program"},
		"a token file":           {good, token + `, tokenFile: /etc/passwd`, "it refers to a file or an auth provider"},
		"a client certificate":   {good, token + `, client-certificate: /etc/passwd, client-key: /etc/passwd`, "it refers to a file or an auth provider"},
		"an auth provider":       {good, `auth-provider: {name: oidc}`, "it refers to a file or an auth provider"},
		"a certificate file":     {good + `, certificate-authority: /etc/passwd`, token, "it refers to a file"},
		"no verification":        {good + `, insecure-skip-tls-verify: true`, token, "it skips the verification of the server's certificate"},
		"no encryption":          {`server: "http://127.0.0.1:1"`, token, "its server is not an https URL"},
		"a password in the URL":  {`server: "https://user:pw@east.example"`, token, "its server holds a user name or a password"},
		"a password":             {good, `username: a, password: b`, "it holds no token"},
		"no server":              {`tls-server-name: a`, token, "its server is not an https URL"},
		"certificates that lack": {good + `, certificate-authority-data: "AA=="`, token, "its cluster is not valid: the certificate authority is not a certificate in PEM"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			kubeconfig := "{apiVersion: v1, kind: Config, current-context: a, contexts: [{name: a, context: {cluster: a, user: a}}], " +
				"clusters: [{name: a, cluster: {" + strings.Replace(tt.cluster, "SERVER", server.URL, 1) + "}}], users: [{name: a, user: {" + tt.user + "}}]}"
			_, err := CheckKubeconfig(t.Context(), []byte(kubeconfig))
			if object.ClassOf(err) != object.BadKubeconfig || err.Error() != "check the stored kubeconfig: "+tt.want {
				t.Errorf("got %v", err)
			}
		})
	}
	for _, garbage := range []string{"", "eyJsecret-canary", "token: [eyJsecret-canary", "current-context: a"} {
		if _, err := CheckKubeconfig(t.Context(), []byte(garbage)); object.ClassOf(err) != object.BadKubeconfig || strings.Contains(err.Error(), "canary") {
			t.Errorf("%q: %v", garbage, err)
		}
	}
}

// A token must not follow a redirect.
func TestCheckKubeconfigFollowsNothing(t *testing.T) {
	elsewhere := httptest.NewTLSServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("redirected with %v", r.Header)
	}))
	defer elsewhere.Close()
	server := httptest.NewTLSServer(http.RedirectHandler(elsewhere.URL, http.StatusFound))
	defer server.Close()
	c := object.Endpoint{Server: server.URL, CA: pemOf(server)}
	_, err := CheckKubeconfig(t.Context(), stored(t, c, certs.NewSecret([]byte("eyJx"))))
	if object.ClassOf(err) != object.ServerFault {
		t.Errorf("got %v", err)
	}
}

func pemOf(s *httptest.Server) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
}

func TestCheckKubeconfigUnreachable(t *testing.T) {
	server := httptest.NewTLSServer(http.NotFoundHandler())
	c := object.Endpoint{Server: server.URL, CA: pemOf(server)}
	kubeconfig := stored(t, c, certs.NewSecret([]byte("eyJx")))
	if _, err := CheckKubeconfig(t.Context(), stored(t, object.Endpoint{Server: server.URL}, certs.NewSecret([]byte("eyJx")))); object.ClassOf(err) != object.Untrusted {
		t.Errorf("without its authority: %v", err)
	}
	server.Close()
	if _, err := CheckKubeconfig(t.Context(), kubeconfig); object.ClassOf(err) != object.Unreachable {
		t.Errorf("stopped: %v", err)
	}
}
