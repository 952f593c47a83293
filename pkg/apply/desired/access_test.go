package desired

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/certs"
)

func TestRemoteKubeconfig(t *testing.T) {
	e := object.Endpoint{Server: "https://east.example.com:6443/k8s", TLSServerName: "kubernetes", CA: []byte("-----BEGIN CERTIFICATE-----"), Insecure: true, ProxyURL: "http://user:canary@proxy"}
	b, err := EncodeRemoteKubeconfig("east", e, certs.NewSecret([]byte("token-of-west")))
	if err != nil {
		t.Fatal(err)
	}
	want := `apiVersion: v1
clusters:
- cluster:
    certificate-authority-data: LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0t
    server: https://east.example.com:6443/k8s
    tls-server-name: kubernetes
  name: east
contexts:
- context:
    cluster: east
    user: east
  name: east
current-context: east
kind: Config
users:
- name: east
  user:
    token: token-of-west
`
	if diff := cmp.Diff(want, string(b)); diff != "" {
		t.Errorf("kubeconfig (-want +got):\n%s", diff)
	}
	k, err := parseRemoteKubeconfig(b)
	if err != nil || k.server != e.Server || k.serverName != e.TLSServerName || string(k.ca) != string(e.CA) {
		t.Errorf("read back: %+v, %v", k, err)
	}
}

func TestParseRemoteKubeconfigErrors(t *testing.T) {
	tests := map[string]struct{ in, wantErr string }{
		"nothing":        {"", "it does not hold a kubeconfig with one cluster and one user"},
		"no YAML":        {"canary: [", "it does not hold a kubeconfig with one cluster and one user"},
		"two clusters":   {"clusters: [{}, {}]\nusers: [{user: {token: canary}}]", "it does not hold a kubeconfig with one cluster and one user"},
		"no token":       {"clusters: [{}]\nusers: [{user: {exec: canary}}]", "its kubeconfig has no token"},
		"a CA of no use": {"clusters: [{cluster: {certificate-authority-data: canary!}}]\nusers: [{user: {token: canary}}]", "the CA in its kubeconfig is not base64"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if _, err := parseRemoteKubeconfig([]byte(tt.in)); err == nil || err.Error() != tt.wantErr {
				t.Errorf("got %v, want %s", err, tt.wantErr)
			}
		})
	}
}
