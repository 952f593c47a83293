package charts

import (
	"io/fs"
	"slices"

	"istio.io/istio/manifests"
	"sigs.k8s.io/yaml"

	"github.com/setup-mesh/setup-mesh/pkg/jsonschema"
)

// chartDefaults is what the chart of istiod has for what a spec leaves out. It takes
// the settings of values.pilot at the top.
// https://github.com/istio/istio/blob/1.31.0/manifests/charts/istio-control/istio-discovery/values.yaml
const chartDefaults = "charts/istio-control/istio-discovery/values.yaml"

// defaults notes in the schema of a spec what a setting is that is left out.
func defaults(spec *jsonschema.Schema) error {
	spec.Properties.Get("profile").Default = "default"
	spec.Properties.Get("hub").Default = Hub
	spec.Properties.Get("tag").Default = Release
	data, err := fs.ReadFile(manifests.BuiltinOrDir(""), chartDefaults)
	if err != nil {
		return err
	}
	var file struct {
		Values map[string]any `json:"_internal_defaults_do_not_set"`
	}
	if err := yaml.Unmarshal(data, &file); err != nil {
		return err
	}
	values := spec.Properties.Get("values").Properties
	for _, key := range []string{"global", "sidecarInjectorWebhook", "telemetry"} {
		below, _ := file.Values[key].(map[string]any)
		noteDefaults(values.Get(key), below)
	}
	noteDefaults(values.Get("pilot"), file.Values)
	return nil
}

// noteDefaults writes the plain values of a chart into a schema. Images are left out:
// the spec's hub and tag replace those of the chart.
func noteDefaults(s *jsonschema.Schema, values map[string]any) {
	for key, v := range values {
		below := s.Properties.Get(key)
		if below == nil || slices.Contains([]string{"hub", "tag"}, key) {
			continue
		}
		switch v := v.(type) {
		case map[string]any:
			noteDefaults(below, v)
		case []any, nil:
		case string:
			if v != "" {
				below.Default = v
			}
		default:
			below.Default = v
		}
	}
}
