package charts

import (
	"encoding/json"
	"regexp"
	"strings"
	"sync"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Clusters differ mostly in two names, which charts carry along and never look at:
// their own and that of their network. Specs that are alike but for these are rendered
// once, with a mark in place of each name. Marks and names are plain words, which YAML
// and JSON write in the same way.
const (
	clusterMark = "setup-mesh-mark-of-the-cluster"
	networkMark = "setup-mesh-mark-of-the-network"
)

// plainName matches names in whose place a mark may stand. What YAML may take for
// something else than text is not among them, nor is what a chart might cut off.
var plainName = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)

func isPlainName(s string) bool {
	switch s {
	case "y", "n", "yes", "no", "on", "off", "true", "false", "null", "inf", "nan":
		return false
	}
	return len(s) <= len(clusterMark) && plainName.MatchString(s)
}

// mask puts marks in the place of the names in a copy of a spec, wherever they are
// because topology.yaml says so. It returns what puts the names back, and false where
// the spec cannot be rendered in this way.
func mask(spec map[string]any) (map[string]any, *strings.Replacer, bool) {
	cluster, _ := lookup(spec, "values", "global", "multiCluster", "clusterName").(string)
	network, _ := lookup(spec, "values", "global", "network").(string)
	if !isPlainName(cluster) || !isPlainName(network) {
		return nil, nil, false
	}
	out, err := clone(spec)
	if err != nil {
		return nil, nil, false
	}
	set(out, clusterMark, "values", "global", "multiCluster", "clusterName")
	set(out, networkMark, "values", "global", "network")
	if lookup(out, "values", "istiodRemote", "injectionPath") == "/inject/cluster/"+cluster+"/net/"+network {
		set(out, "/inject/cluster/"+clusterMark+"/net/"+networkMark, "values", "istiodRemote", "injectionPath")
	}
	gateways, _ := lookup(out, "components", "ingressGateways").([]any)
	for _, entry := range gateways {
		if entry, ok := entry.(map[string]any); ok && entry["name"] == EastWestGateway {
			maskGateway(entry, network)
		}
	}
	return out, strings.NewReplacer(clusterMark, cluster, networkMark, network), true
}

func maskGateway(entry map[string]any, network string) {
	if lookup(entry, "label", networkLabel) == network {
		set(entry, networkMark, "label", networkLabel)
	}
	env, _ := lookup(entry, "k8s", "env").([]any)
	for _, v := range env {
		if v, ok := v.(map[string]any); ok && v["name"] == "ISTIO_META_REQUESTED_NETWORK_VIEW" && v["value"] == network {
			v["value"] = networkMark
		}
	}
}

// A markedCache holds what masked specs yield. One that failed is kept too.
type markedCache struct {
	mu      sync.Mutex
	entries map[string]func() ([]markedObject, error)
}

// A markedObject is an object that may have marks in it.
type markedObject struct {
	Object
	marked bool
}

// render returns the objects of a masked spec, which all callers share.
func (c *markedCache) render(namespace string, masked map[string]any, with func(string, map[string]any) ([]Object, error)) ([]markedObject, error) {
	key, err := json.Marshal([]any{namespace, masked})
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	entry, ok := c.entries[string(key)]
	if !ok {
		entry = sync.OnceValues(func() ([]markedObject, error) {
			objects, err := with(namespace, masked)
			out := make([]markedObject, len(objects))
			for i, o := range objects {
				out[i] = markedObject{o, hasMark(o.Object)}
			}
			return out, err
		})
		c.entries[string(key)] = entry
	}
	c.mu.Unlock()
	return entry()
}

// withNames are the objects with the names in the place of the marks. Those without marks
// are shared.
func withNames(objects []markedObject, names *strings.Replacer) []Object {
	out := make([]Object, len(objects))
	for i, o := range objects {
		out[i] = o.Object
		if o.marked {
			content, _ := replaced(o.Object.Object, names).(map[string]any)
			out[i].Unstructured = &unstructured.Unstructured{Object: content}
		}
	}
	return out
}

func hasMark(v any) bool {
	switch v := v.(type) {
	case map[string]any:
		for k, child := range v {
			if hasMark(k) || hasMark(child) {
				return true
			}
		}
	case []any:
		for _, child := range v {
			if hasMark(child) {
				return true
			}
		}
	case string:
		return strings.Contains(v, clusterMark) || strings.Contains(v, networkMark)
	}
	return false
}

// replaced is v with names for marks. What has none is v's own.
func replaced(v any, names *strings.Replacer) any {
	if !hasMark(v) {
		return v
	}
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, child := range v {
			out[names.Replace(k)] = replaced(child, names)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, child := range v {
			out[i] = replaced(child, names)
		}
		return out
	case string:
		return names.Replace(v)
	}
	return v
}
