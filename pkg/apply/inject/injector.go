package inject

import (
	"fmt"
	"net/http"

	"istio.io/istio/pilot/pkg/model"
	"istio.io/istio/pkg/config/mesh"
	"istio.io/istio/pkg/config/mesh/meshwatcher"
	"istio.io/istio/pkg/kube/inject"
	"istio.io/istio/pkg/kube/krt"
	"istio.io/istio/pkg/kube/multicluster"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/setup-mesh/setup-mesh/pkg/apply/charts"
)

// A Live is what decides about the sidecars of one cluster, as it was read.
type Live struct {
	Config       string // templates: key config of ConfigMap istio-sidecar-injector
	Values       string // for the templates: key values of the same
	Mesh         string // key mesh of ConfigMap istio
	Path         string // at which the cluster's webhook calls istiod
	Revision     string // of the control plane
	Native       bool   // sidecars are init containers
	ProxyConfigs []*unstructured.Unstructured
}

// An Injector injects the pods of one cluster.
type Injector struct {
	istiod *http.ServeMux
	path   string
	native bool
}

// New makes the injector that an istiod would be which was given l. That by its
// policy pods are not injected unless they ask for it does not count here: the user
// asks.
func New(l *Live) (*Injector, error) {
	charts.Quiet()
	config, err := inject.UnmarshalConfig([]byte(l.Config))
	if err != nil {
		return nil, fmt.Errorf("read config of ConfigMap %s: %w", injectorConfig, err)
	}
	config.Policy = inject.InjectionPolicyEnabled
	meshConfig, err := mesh.ApplyMeshConfigDefaults(l.Mesh)
	if err != nil {
		return nil, fmt.Errorf("read mesh of ConfigMap %s: %w", meshConfigMap, err)
	}
	proxies, err := proxyConfigs(l.ProxyConfigs)
	if err != nil {
		return nil, err
	}
	env, push := model.NewEnvironment(), model.NewPushContext()
	env.Watcher = meshwatcher.ConfigAdapter(krt.NewStatic(&meshwatcher.MeshConfigResource{MeshConfig: meshConfig}, true))
	push.ProxyConfigs = model.GetProxyConfigs(proxies, meshConfig)
	env.SetPushContext(push)
	i := &Injector{istiod: http.NewServeMux(), path: l.Path, native: l.Native}
	_, err = inject.NewWebhook(inject.WebhookParameters{
		Watcher: fixed{&config, l.Values}, Env: env, Mux: i.istiod, Revision: l.Revision,
		MultiCluster: &multicluster.Controller{}, // of no cluster: whether sidecars are native is known
	})
	if err != nil {
		return nil, fmt.Errorf("read values of ConfigMap %s: %w", injectorConfig, err)
	}
	return i, nil
}

// fixed is the content of a ConfigMap as a watcher of it that sees no change.
type fixed struct {
	config *inject.Config
	values string
}

func (f fixed) Get() (*inject.Config, string, error)        { return f.config, f.values, nil }
func (fixed) SetHandler(func(*inject.Config, string) error) {}
func (fixed) Run(<-chan struct{})                           {}
