package kube

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/setup-mesh/setup-mesh/pkg/apply/kube/internal/plain"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

// checkTimeout bounds a check; there may be one for every pair of clusters.
const checkTimeout = 10 * time.Second

// CheckKubeconfig says whether the API server that a remote secret's
// kubeconfig names accepts its token for what istiod does first, which is to
// list services. A nil error is yes; else the class of the [*object.Error] tells
// why not. The string is the UID of the namespace kube-system of the cluster that
// answered, "" where the token's account may not read it.
//
// The kubeconfig comes out of a cluster and is not trusted: programs, files
// and anything but a token over verified TLS are refused ([object.BadKubeconfig])
// before a request is sent.
func CheckKubeconfig(ctx context.Context, kubeconfig []byte) (string, error) {
	silence()
	config, err := remoteConfig(kubeconfig)
	if err != nil {
		return "", &object.Error{Class: object.BadKubeconfig, Op: "check the stored kubeconfig", Message: plain.Clean(err.Error())}
	}
	return check(ctx, config)
}

// CheckToken is [CheckKubeconfig] for a kubeconfig whose address is not for
// this machine: the token in it is tried where c reaches its API server.
func (c *Cluster) CheckToken(ctx context.Context, kubeconfig []byte) (string, error) {
	stored, err := remoteConfig(kubeconfig)
	if err != nil {
		return "", &object.Error{Class: object.BadKubeconfig, Op: "check the stored kubeconfig", Message: plain.Clean(err.Error())}
	}
	config := rest.AnonymousClientConfig(c.config)
	config.BearerToken = stored.BearerToken
	return check(ctx, config)
}

// check lists a service as config says, and asks which cluster that is.
func check(ctx context.Context, config *rest.Config) (string, error) {
	c, err := newCluster("", config, Options{RequestTimeout: checkTimeout})
	if err != nil { // the cause may quote the server's address
		return "", &object.Error{Class: object.BadKubeconfig, Op: "check the stored kubeconfig", Message: "its cluster is not valid"}
	}
	defer utilnet.CloseIdleConnectionsFor(c.transport.Next)
	asking, stop := context.WithCancel(ctx)
	defer stop()
	uid := make(chan string, 1)
	go func() { uid <- c.uid(asking) }()
	_, err = send(ctx, c.rest.Get().AbsPath("api", "v1", "services").Param("limit", "1"))
	if err != nil {
		stop()
		<-uid // or its connection would outlive the client
		return "", c.failed(ctx, "check the stored kubeconfig for "+plain.Clean(c.endpoint.Server), object.Ref{}, err)
	}
	return <-uid, nil
}

// uid is that of the namespace kube-system, "" where it is not told.
func (c *Cluster) uid(ctx context.Context) string {
	var namespace struct {
		Metadata struct {
			UID string `json:"uid"`
		} `json:"metadata"`
	}
	if err := c.getJSON(ctx, "/api/v1/namespaces/kube-system", &namespace); err != nil {
		return ""
	}
	return plain.Clean(namespace.Metadata.UID)
}

// remoteConfig takes out of a stored kubeconfig what a remote secret may hold.
func remoteConfig(kubeconfig []byte) (*rest.Config, error) {
	kc, err := clientcmd.Load(kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("it is not a kubeconfig") // the cause may quote a token
	}
	kctx, ok := kc.Contexts[kc.CurrentContext]
	if !ok {
		return nil, fmt.Errorf("it has no current context")
	}
	cluster, user := kc.Clusters[kctx.Cluster], kc.AuthInfos[kctx.AuthInfo]
	if cluster == nil || user == nil {
		return nil, fmt.Errorf("its current context names a cluster or a user that is missing")
	}
	if err := acceptable(cluster, user); err != nil {
		return nil, err
	}
	if mistakes := clusterMistakes(cluster); len(mistakes) > 0 {
		return nil, fmt.Errorf("its cluster is not valid: %s", strings.Join(mistakes, "; "))
	}
	config := &rest.Config{
		Host:        cluster.Server,
		BearerToken: user.Token,
		TLSClientConfig: rest.TLSClientConfig{
			ServerName: cluster.TLSServerName,
			CAData:     cluster.CertificateAuthorityData,
		},
	}
	if cluster.ProxyURL != "" {
		proxy, err := url.Parse(cluster.ProxyURL)
		if err != nil {
			return nil, fmt.Errorf("its proxy-url is not a valid URL")
		}
		config.Proxy = http.ProxyURL(proxy)
	}
	return config, nil
}

func acceptable(cluster *clientcmdapi.Cluster, user *clientcmdapi.AuthInfo) error {
	server, err := url.Parse(cluster.Server)
	switch {
	case err != nil || server.Scheme != "https" || server.Host == "":
		return fmt.Errorf("its server is not an https URL")
	case server.User != nil:
		return fmt.Errorf("its server holds a user name or a password")
	case cluster.InsecureSkipTLSVerify:
		return fmt.Errorf("it skips the verification of the server's certificate")
	case cluster.CertificateAuthority != "" && len(cluster.CertificateAuthorityData) == 0:
		return fmt.Errorf("it refers to a file")
	case user.Exec != nil:
		return fmt.Errorf("it wants to run a program")
	case user.AuthProvider != nil, user.TokenFile != "", user.ClientCertificate != "", user.ClientKey != "":
		return fmt.Errorf("it refers to a file or an auth provider")
	case user.Token == "":
		return fmt.Errorf("it holds no token")
	}
	return nil
}
