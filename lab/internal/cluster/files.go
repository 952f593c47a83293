package cluster

import (
	"crypto/rand"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/setup-mesh/setup-mesh/lab/internal/pki"
)

// tokens are the bearer tokens of a cluster's users.
type tokens struct{ admin, viewer, controllers, scheduler string }

// files are what the processes of a cluster read.
type files struct {
	ca            string // certificate
	caPEM         []byte
	server        pki.Pair // of the API server, the tunnel and the kubelet, in both roles
	saKey         string
	tokens        string
	egress        string
	stages        string
	adminConfig   string
	managerConfig string
	schedConfig   string
}

func (c *Cluster) writeFiles(now time.Time) error {
	s := c.spec
	if err := os.MkdirAll(s.Dir, 0o700); err != nil {
		return err
	}
	ca, err := pki.NewCA(s.Name+"-ca", now)
	if err != nil {
		return err
	}
	f := files{
		ca: s.dir("ca.crt"), caPEM: ca.PEM, saKey: s.dir("sa.key"), tokens: s.dir("tokens.csv"),
		egress: s.dir("egress.yaml"), stages: s.dir("stages.yaml"), adminConfig: s.dir("admin.kubeconfig"),
		managerConfig: s.dir("controllers.kubeconfig"), schedConfig: s.dir("scheduler.kubeconfig"),
	}
	dns := []string{"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local"}
	f.server, err = ca.Issue(s.Dir, "server", now, dns, []net.IP{net.IPv4(127, 0, 0, 1), s.serviceIP(), net.ParseIP(s.nodeIP())})
	if err != nil {
		return err
	}
	if err := pki.WriteKey(f.saKey); err != nil {
		return err
	}
	c.tokens = tokens{rand.Text(), rand.Text(), rand.Text(), rand.Text()}
	c.files = f
	return writeAll(map[string]string{
		f.ca:            string(ca.PEM),
		f.tokens:        c.tokens.csv(),
		f.egress:        fmt.Sprintf(egressConfig, c.ports.tunnel, f.ca, f.server.Cert, f.server.Key),
		f.stages:        stages(s),
		f.adminConfig:   c.kubeconfig(bearer(c.tokens.admin)),
		f.managerConfig: c.kubeconfig(bearer(c.tokens.controllers)),
		f.schedConfig:   c.kubeconfig(bearer(c.tokens.scheduler)),
	})
}

func writeAll(files map[string]string) error {
	for path, text := range files {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// csv is the API server's --token-auth-file.
// https://kubernetes.io/docs/reference/access-authn-authz/authentication/#static-token-file
func (t tokens) csv() string {
	return fmt.Sprintf(`%s,lab-admin,lab-admin,"system:masters"
%s,lab-viewer,lab-viewer,"lab-viewers"
%s,system:kube-controller-manager,controllers,
%s,system:kube-scheduler,scheduler,
`, t.admin, t.viewer, t.controllers, t.scheduler)
}

// egressConfig sends all that the API server would dial in the cluster through the tunnel.
// https://kubernetes.io/docs/reference/config-api/apiserver-config.v1beta1/
const egressConfig = `apiVersion: apiserver.k8s.io/v1beta1
kind: EgressSelectorConfiguration
egressSelections:
- name: cluster
  connection:
    proxyProtocol: HTTPConnect
    transport:
      tcp:
        url: https://127.0.0.1:%d
        tlsConfig: {caBundle: %q, clientCert: %q, clientKey: %q}
`

func bearer(token string) string { return fmt.Sprintf("token: %q", token) }

// kubeconfig is for one user, whose entry is given as the inside of a YAML flow mapping.
func (c *Cluster) kubeconfig(user string) string {
	return fmt.Sprintf(`apiVersion: v1
kind: Config
current-context: lab
clusters: [{name: lab, cluster: {server: %q, certificate-authority: %q}}]
users: [{name: lab, user: {%s}}]
contexts: [{name: lab, context: {cluster: lab, user: lab}}]
`, c.Server(), c.files.ca, user)
}
