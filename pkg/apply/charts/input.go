package charts

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"istio.io/istio/operator/pkg/manifest"
	"istio.io/istio/operator/pkg/render"
)

// An input is an IstioOperator spec on its way into the upstream renderer. It
// owns its maps.
type input struct {
	namespace string
	spec      map[string]any
}

// newInput copies spec and fills in what must not come from the charts.
func newInput(namespace string, spec map[string]any) (*input, error) {
	own, err := clone(spec)
	if err != nil {
		return nil, fmt.Errorf("read the spec: %w", err)
	}
	dropEmpty(own)
	in := &input{namespace: namespace, spec: own}
	// The embedded charts default to images of a development build.
	setDefault(own, Hub, "hub")
	setDefault(own, Release, "tag")
	// The renderer takes the namespace from here, and metadata.namespace from
	// it; the profile says istio-system.
	switch have := lookup(own, "values", "global", "istioNamespace"); have {
	case nil, "":
		set(own, namespace, "values", "global", "istioNamespace")
	case namespace:
	default:
		return nil, fmt.Errorf("spec.values.global.istioNamespace is %v, but the control plane is in %q", have, namespace)
	}
	return in, nil
}

// manifests runs the upstream renderer, which reads files and nothing else.
// The file holds a spec, no secret; it is readable by its owner only and gone
// on return.
func (in *input) manifests() (_ []manifest.ManifestSet, err error) {
	content, err := json.Marshal(map[string]any{
		"apiVersion": "install.istio.io/v1alpha1",
		"kind":       "IstioOperator",
		"metadata":   map[string]any{"namespace": in.namespace},
		"spec":       in.spec,
	})
	if err != nil {
		return nil, fmt.Errorf("encode the spec: %w", err)
	}
	dir, err := os.MkdirTemp("", "setup-mesh-render-")
	if err != nil {
		return nil, fmt.Errorf("make a directory for the spec: %w", err)
	}
	defer func() {
		if e := os.RemoveAll(dir); err == nil && e != nil {
			err = fmt.Errorf("remove the spec's file: %w", e)
		}
	}()
	file := filepath.Join(dir, "istiooperator.yaml")
	if err := os.WriteFile(file, content, 0o600); err != nil {
		return nil, fmt.Errorf("write the spec to a file: %w", err)
	}
	sets, _, err := render.GenerateManifest([]string{file}, nil, false, nil, nil)
	if err != nil {
		return nil, refused(fmt.Errorf("render the charts: %w", err))
	}
	return sets, nil
}

// render returns the objects, without the fields we must not declare.
func (in *input) render() ([]Object, error) {
	sets, err := in.manifests()
	if err != nil {
		return nil, err
	}
	objects := classify(sets)
	release(objects)
	undeclare(objects)
	return objects, nil
}
