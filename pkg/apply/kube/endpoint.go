package kube

import (
	"strings"

	"k8s.io/client-go/rest"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

// Endpoint returns how this cluster's API server is reached, certificate
// files resolved.
func (c *Cluster) Endpoint() object.Endpoint { return c.endpoint }

// endpointOf expects config's TLS files to be loaded.
func endpointOf(config *rest.Config) (object.Endpoint, error) {
	u, _, err := rest.DefaultServerUrlFor(config)
	if err != nil {
		return object.Endpoint{}, err
	}
	return object.Endpoint{
		Server:        strings.TrimSuffix(u.String(), "/"),
		TLSServerName: config.ServerName,
		CA:            config.CAData,
		Insecure:      config.Insecure,
	}, nil
}
