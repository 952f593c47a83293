package charts

import (
	"encoding/json"
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
// there is no base chart, when its objects are patched, or when the charts are
// not the embedded ones.
func (in *input) takeBase() (*input, bool) {
	if lookup(in.spec, "installPackagePath") != nil || lookup(in.spec, "components", "base", "k8s") != nil {
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

// A baseCache holds what the base chart yields, by its input. An input that
// failed is kept too: it would fail again.
type baseCache struct {
	mu      sync.Mutex
	entries map[string]*baseEntry
}

type baseEntry struct {
	once    sync.Once
	objects []Object
	err     error
}

func (c *baseCache) render(in *input) ([]Object, error) {
	key, err := json.Marshal([]any{in.namespace, in.spec})
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	e := c.entries[string(key)]
	if e == nil {
		e = &baseEntry{}
		c.entries[string(key)] = e
	}
	c.mu.Unlock()
	e.once.Do(func() { e.objects, e.err = in.render() })
	return e.objects, e.err
}
