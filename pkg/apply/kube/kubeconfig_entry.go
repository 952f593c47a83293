package kube

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/setup-mesh/setup-mesh/pkg/apply/kube/internal/plain"
)

// explainEntries says in our own words why client-go does not accept a context:
// its errors quote URLs with passwords, and the paths of files. It reads the
// files that the entries name.
func explainEntries(kc *clientcmdapi.Context, cluster *clientcmdapi.Cluster, user *clientcmdapi.AuthInfo) string {
	var out []string
	if m := clusterMistakes(cluster); len(m) > 0 {
		out = append(out, fmt.Sprintf("cluster %q: %s", plain.Clean(kc.Cluster), strings.Join(m, "; ")))
	}
	if m := userMistakes(user); len(m) > 0 {
		out = append(out, fmt.Sprintf("user %q: %s", plain.Clean(kc.AuthInfo), strings.Join(m, "; ")))
	}
	if len(out) == 0 {
		return fmt.Sprintf("cluster %q or user %q is not valid", plain.Clean(kc.Cluster), plain.Clean(kc.AuthInfo))
	}
	return strings.Join(out, "; ")
}

// A mistake is a sentence that is true if the mistake was made.
type mistake struct {
	made bool
	text string
}

func made(list ...mistake) []string {
	var out []string
	for _, m := range list {
		if m.made {
			out = append(out, m.text)
		}
	}
	return out
}

func clusterMistakes(c *clientcmdapi.Cluster) []string {
	proxy, err := url.Parse(c.ProxyURL)
	ca, unreadable := content("certificate-authority", c.CertificateAuthority, c.CertificateAuthorityData)
	return append(made(
		mistake{serverURL(c.Server) == nil, "server is not a valid URL"},
		mistake{c.ProxyURL != "" && (err != nil || !slices.Contains([]string{"http", "https", "socks5"}, proxy.Scheme)),
			"proxy-url is not a valid URL with the scheme http, https or socks5"},
		mistake{c.CertificateAuthority != "" && len(c.CertificateAuthorityData) > 0, "certificate-authority and certificate-authority-data are both set"},
		mistake{c.InsecureSkipTLSVerify && (c.CertificateAuthority != "" || len(c.CertificateAuthorityData) > 0),
			"insecure-skip-tls-verify and a certificate authority are both set"},
		mistake{len(ca) > 0 && !x509.NewCertPool().AppendCertsFromPEM(ca), "the certificate authority is not a certificate in PEM"},
	), unreadable...)
}

func userMistakes(u *clientcmdapi.AuthInfo) []string {
	cert, out := content("client-certificate", u.ClientCertificate, u.ClientCertificateData)
	key, unreadable := content("client-key", u.ClientKey, u.ClientKeyData)
	out = append(out, unreadable...)
	_, unreadable = content("tokenFile", u.TokenFile, nil)
	out = append(out, unreadable...)
	_, err := tls.X509KeyPair(cert, key)
	out = append(out, made(
		mistake{u.ClientCertificate != "" && len(u.ClientCertificateData) > 0, "client-certificate and client-certificate-data are both set"},
		mistake{u.ClientKey != "" && len(u.ClientKeyData) > 0, "client-key and client-key-data are both set"},
		mistake{(len(cert) > 0) != (len(key) > 0) && len(out) == 0, "a client certificate needs a key, and a key a certificate"},
		mistake{len(cert) > 0 && len(key) > 0 && err != nil, "client certificate and key are not a valid pair in PEM"},
		mistake{u.Token != "" && (u.Username != "" || u.Password != ""), "a token and a password are both set"},
		mistake{u.Impersonate == "" && (u.ImpersonateUID != "" || len(u.ImpersonateGroups) > 0 || len(u.ImpersonateUserExtra) > 0),
			"as-uid, as-groups and as-user-extra need as"},
		mistake{u.AuthProvider != nil && u.Exec == nil, "auth-provider is not supported, or its settings are incomplete"},
		mistake{u.AuthProvider != nil && u.Exec != nil, "auth-provider and exec are both set"},
	)...)
	if u.Exec != nil {
		out = append(out, execMistakes(u.Exec)...)
	}
	return out
}

func execMistakes(e *clientcmdapi.ExecConfig) []string {
	return made(
		mistake{e.Command == "", "exec.command is missing"},
		mistake{!slices.Contains(execVersions, e.APIVersion), "exec.apiVersion is not one of " + strings.Join(execVersions, ", ")},
		mistake{slices.ContainsFunc(e.Env, func(v clientcmdapi.ExecEnvVar) bool { return v.Name == "" }), "a variable in exec.env has no name"},
		mistake{!slices.Contains([]clientcmdapi.ExecInteractiveMode{
			clientcmdapi.NeverExecInteractiveMode, clientcmdapi.IfAvailableExecInteractiveMode, clientcmdapi.AlwaysExecInteractiveMode,
		}, e.InteractiveMode), "exec.interactiveMode is not one of Never, IfAvailable, Always"},
	)
}

// execVersions are the protocols between client-go and exec plugins:
// https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins
var execVersions = []string{"client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1"}

// content is what a field or the file that it names holds, or why not.
func content(field, path string, data []byte) ([]byte, []string) {
	if path == "" || len(data) > 0 {
		return data, nil
	}
	data, err := os.ReadFile(path)
	switch {
	case err != nil:
		return nil, []string{fmt.Sprintf("the %s file: %s", field, plain.Reason(err))}
	case len(data) == 0:
		return nil, []string{fmt.Sprintf("the %s file is empty", field)}
	}
	return data, nil
}

// serverURL is the address of an API server as client-go reads it, nil if it
// is not one.
func serverURL(server string) *url.URL {
	u, _, err := rest.DefaultServerURL(server, "", schema.GroupVersion{}, true)
	if err != nil {
		return nil
	}
	return u
}
