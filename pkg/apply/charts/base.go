package charts

import (
	"encoding/json"
	"fmt"
	"sync"
)

// baseValues are the values that the templates of the embedded base chart
// read; a test compares them with the chart. The rest of a spec cannot change
// its objects.
var baseValues = [][]string{
	{"base"},
	{"compatibilityVersion"},
	{"defaultRevision"},
	{"experimental"},
	{"global", "enableReaderRBAC"},
	{"global", "imagePullSecrets"},
	{"global", "istioNamespace"},
	{"global", "platform"},
	{"global", "profile"},
	{"global", "readerServiceAccount"},
	{"global", "resourceScope"},
	{"platform"},
	{"profile"},
}

// takeBase moves the base chart out of in: what it returns renders the base
// chart only and holds only what that chart reads, so that clusters with equal
// results can share one rendering. It returns false, and leaves in alone, when
// there is no base chart or its objects are patched.
func (in *input) takeBase() (*input, bool) {
	if lookup(in.spec, "components", "base", "k8s") != nil {
		return nil, false
	}
	if enabled := lookup(in.spec, "components", "base", "enabled"); enabled != nil && enabled != true {
		return nil, false
	}
	base := &input{namespace: in.namespace, spec: map[string]any{
		"hub": in.spec["hub"],
		"tag": in.spec["tag"],
		"components": map[string]any{
			"pilot":           disabled(),
			"cni":             disabled(),
			"ztunnel":         disabled(),
			"ingressGateways": []any{},
			"egressGateways":  []any{},
		},
	}}
	for _, key := range []string{"profile", "compatibilityVersion"} {
		if v := in.spec[key]; v != nil {
			base.spec[key] = v
		}
	}
	for _, tree := range []string{"values", "unvalidatedValues"} {
		for _, path := range baseValues {
			path = append([]string{tree}, path...)
			if v := lookup(in.spec, path...); v != nil {
				set(base.spec, v, path...)
			}
		}
	}
	set(in.spec, disabled(), "components", "base")
	return base, true
}

// plainCRDs makes a base chart's input render five times faster: the chart parses
// and prints every CRD several times, only to give it the labels of the release.
// With that off, [label] does the same. It returns false where the user has said
// how the CRDs are to be rendered.
func (in *input) plainCRDs() bool {
	for _, tree := range []string{"values", "unvalidatedValues"} {
		if lookup(in.spec, tree, "base", "enableCRDTemplates") != nil || lookup(in.spec, tree, "base", "excludedCRDs") != nil {
			return false
		}
	}
	set(in.spec, false, "values", "base", "enableCRDTemplates")
	return true
}

// label gives CRDs the labels that the base chart gives everything it templates
// (define "istio.labels" in its zzz_profile.yaml).
func label(objects []Object) {
	for _, o := range objects {
		if o.GetKind() == "CustomResourceDefinition" {
			o.SetLabels(map[string]string{
				"app.kubernetes.io/managed-by": "Helm",
				"app.kubernetes.io/instance":   "istio",
				"app.kubernetes.io/part-of":    "istio",
				"app.kubernetes.io/version":    Release,
				"helm.sh/chart":                "base-" + Release,
			})
		}
	}
}

// renderBase renders the base chart alone.
func renderBase(in *input) ([]Object, error) {
	plain := in.plainCRDs()
	objects, err := in.render()
	if err != nil {
		return nil, fmt.Errorf("render the base chart: %w", err)
	}
	if plain {
		label(objects)
	}
	return objects, nil
}

// A baseCache holds what the base chart yields, by its input. An input that
// failed is kept too: it would fail again.
type baseCache struct {
	mu      sync.Mutex
	entries map[string]func() ([]Object, error)
}

// start begins to render in unless that was begun before. The function it
// returns waits for the objects, which all its callers share.
func (c *baseCache) start(in *input) (wait func() ([]Object, error), err error) {
	key, err := json.Marshal([]any{in.namespace, in.spec})
	if err != nil {
		return nil, fmt.Errorf("encode the base chart's values: %w", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if wait, ok := c.entries[string(key)]; ok {
		return wait, nil
	}
	wait = sync.OnceValues(func() ([]Object, error) { return renderBase(in) })
	c.entries[string(key)] = wait
	go func() {
		_, _ = wait() // whoever waits next gets the same error
	}()
	return wait, nil
}
