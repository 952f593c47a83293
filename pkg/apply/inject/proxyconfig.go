package inject

import (
	"encoding/json"
	"fmt"

	"istio.io/api/networking/v1beta1"
	"istio.io/istio/pilot/pkg/model"
	"istio.io/istio/pkg/config"
	"istio.io/istio/pkg/config/schema/gvk"
	"istio.io/istio/pkg/util/protomarshal"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// A store holds the ProxyConfigs of a control plane. It has nothing else, and is asked
// for nothing else.
type store struct {
	model.ConfigStore
	proxyConfigs []config.Config
}

// List implements the only method of [model.ConfigStore] that is called.
func (s *store) List(config.GroupVersionKind, string) []config.Config { return s.proxyConfigs }

func proxyConfigs(objects []*unstructured.Unstructured) (*store, error) {
	s := &store{}
	for _, o := range objects {
		b, err := json.Marshal(o.Object["spec"])
		if err != nil {
			return nil, err
		}
		spec := &v1beta1.ProxyConfig{}
		if err := protomarshal.UnmarshalAllowUnknown(b, spec); err != nil {
			return nil, fmt.Errorf("read ProxyConfig %s/%s: %w", o.GetNamespace(), o.GetName(), err)
		}
		s.proxyConfigs = append(s.proxyConfigs, config.Config{Spec: spec, Meta: config.Meta{
			GroupVersionKind: gvk.ProxyConfig, Namespace: o.GetNamespace(), Name: o.GetName(), CreationTimestamp: o.GetCreationTimestamp().Time,
		}})
	}
	return s, nil
}
