package bundle

import (
	"gopkg.in/yaml.v3"
	kyaml "sigs.k8s.io/yaml"
)

// What is taken of topology.yaml: see docs/topology.md. What users put there as they
// like is in overlay and in annotations, of which values go.
var (
	topologyKeys = []string{"mesh_id", "trust_domain", "sharedServices", "injection.namespaces"}
	contextKeys  = []string{
		"{network,name,namespace,serviceAccountReader,disableRegistryJoin,primaries,overlay}",
		"gateway.{addresses,port,annotations}", "apiServer.{server,tlsServerName,caFile}",
	}
	baseKeys = []string{"apiVersion", "kind", "metadata.{name,namespace}", "spec"}
)

// userFiles adds topology.yaml and base.yaml: without comments, and without what is not
// listed above.
func (b *Bundle) userFiles(c Contents) {
	b.userFile("topology.yaml", c.Topology, takeTopology)
	b.userFile("base.yaml", c.Base, func(m map[string]any) any { return redactValue(pick(m, baseKeys)) })
}

func (b *Bundle) userFile(name string, file []byte, take func(map[string]any) any) {
	if file == nil {
		b.miss("%s: could not be read", name)
		return
	}
	var m map[string]any
	// As package topology reads it, to which n is a name. The error would quote the file.
	if yaml.Unmarshal(file, &m) != nil {
		b.miss("%s: is not valid YAML", name)
		return
	}
	out, err := kyaml.Marshal(take(m))
	if err != nil {
		b.miss("%s: %v", name, err)
		return
	}
	b.add(name, out)
}

// takeTopology takes names of contexts for what they are, whatever they sound like.
func takeTopology(m map[string]any) any {
	out := pick(m, topologyKeys)
	contexts := map[string]any{}
	from, _ := m["contexts"].(map[string]any)
	for name, v := range from {
		c, _ := v.(map[string]any)
		contexts[redactText(name)] = redactValue(pick(c, contextKeys))
	}
	out, _ = redactValue(out).(map[string]any)
	out["contexts"] = contexts
	return out
}
