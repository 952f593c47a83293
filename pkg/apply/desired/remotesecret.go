package desired

import (
	"encoding/base64"
	"fmt"

	"sigs.k8s.io/yaml"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/certs"
)

// A remoteKubeconfig is what we put into a remote secret, and compare of it.
type remoteKubeconfig struct {
	server, serverName string
	ca                 []byte
}

// kubeconfigFile is the part of a kubeconfig that a remote secret uses; istiod
// takes a token and refuses plugins and files:
// https://istio.io/latest/docs/reference/commands/pilot-discovery/ (PILOT_INSECURE_MULTICLUSTER_KUBECONFIG_OPTIONS)
type kubeconfigFile struct {
	APIVersion     string         `json:"apiVersion"`
	Kind           string         `json:"kind"`
	CurrentContext string         `json:"current-context"`
	Clusters       []namedCluster `json:"clusters"`
	Contexts       []namedContext `json:"contexts"`
	Users          []namedUser    `json:"users"`
}

type namedCluster struct {
	Name    string `json:"name"`
	Cluster struct {
		Server        string `json:"server"`
		TLSServerName string `json:"tls-server-name,omitempty"`
		CA            string `json:"certificate-authority-data,omitempty"`
	} `json:"cluster"`
}

type namedContext struct {
	Name    string `json:"name"`
	Context struct {
		Cluster string `json:"cluster"`
		User    string `json:"user"`
	} `json:"context"`
}

type namedUser struct {
	Name string `json:"name"`
	User struct {
		Token string `json:"token"`
	} `json:"user"`
}

// EncodeRemoteKubeconfig makes the value of a remote secret. It holds a token:
// the result is a secret.
func EncodeRemoteKubeconfig(cluster string, e object.Endpoint, token certs.Secret) ([]byte, error) {
	var c namedCluster
	c.Name = cluster
	c.Cluster.Server = e.Server
	c.Cluster.TLSServerName = e.TLSServerName
	c.Cluster.CA = base64.StdEncoding.EncodeToString(e.CA)
	var x namedContext
	x.Name, x.Context.Cluster, x.Context.User = cluster, cluster, cluster
	var u namedUser
	u.Name, u.User.Token = cluster, string(token.Bytes())
	b, err := yaml.Marshal(kubeconfigFile{
		APIVersion: "v1", Kind: "Config", CurrentContext: cluster,
		Clusters: []namedCluster{c}, Contexts: []namedContext{x}, Users: []namedUser{u},
	})
	if err != nil {
		return nil, fmt.Errorf("encode the kubeconfig of %s", cluster)
	}
	return b, nil
}

// parseRemoteKubeconfig reads what is public in the value of a remote secret.
// Its errors never repeat the value.
func parseRemoteKubeconfig(b []byte) (remoteKubeconfig, error) {
	var f kubeconfigFile
	if err := yaml.Unmarshal(b, &f); err != nil || len(f.Clusters) != 1 || len(f.Users) != 1 {
		return remoteKubeconfig{}, fmt.Errorf("it does not hold a kubeconfig with one cluster and one user")
	}
	if f.Users[0].User.Token == "" {
		return remoteKubeconfig{}, fmt.Errorf("its kubeconfig has no token")
	}
	c := f.Clusters[0].Cluster
	ca, err := base64.StdEncoding.DecodeString(c.CA)
	if err != nil {
		return remoteKubeconfig{}, fmt.Errorf("the CA in its kubeconfig is not base64")
	}
	return remoteKubeconfig{server: c.Server, serverName: c.TLSServerName, ca: ca}, nil
}
