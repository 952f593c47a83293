package supervisor

import (
	"path/filepath"

	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"

	"github.com/setup-mesh/setup-mesh/lab/internal/cluster"
)

// writeKubeconfigs writes one file for administrators and one for viewers, with a context for every cluster.
func (s *supervisor) writeKubeconfigs() error {
	for _, k := range []struct {
		file, suffix string
		token        func(*cluster.Cluster) string
	}{
		{"kubeconfig", "", (*cluster.Cluster).AdminToken},
		{"kubeconfig-viewer", "-viewer", (*cluster.Cluster).ViewerToken},
	} {
		b, err := clientcmd.Write(*kubeconfig(s.all(), k.suffix, k.token))
		if err != nil {
			return err
		}
		if err := writeWhole(filepath.Join(s.options.Dir, k.file), b); err != nil {
			return err
		}
	}
	return nil
}

func kubeconfig(members []*member, suffix string, token func(*cluster.Cluster) string) *api.Config {
	config := api.NewConfig()
	for _, m := range members {
		name := m.Spec().Context + suffix
		config.Clusters[name] = &api.Cluster{Server: m.Server(), CertificateAuthorityData: m.CA()}
		config.AuthInfos[name] = &api.AuthInfo{Token: token(m.Cluster)}
		config.Contexts[name] = &api.Context{Cluster: name, AuthInfo: name}
		if config.CurrentContext == "" {
			config.CurrentContext = name
		}
	}
	return config
}
