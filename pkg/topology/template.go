package topology

import (
	_ "embed"
	"strings"

	"gopkg.in/yaml.v3"
)

//go:embed template/topology.yaml
var meshTemplate string

// Template returns the topology.yaml that prep writes for a mesh: commented, with
// an example, and without clusters.
func Template(meshID string) []byte {
	id, err := yaml.Marshal(meshID)
	if err != nil { // a string always has a YAML form
		return nil
	}
	return []byte(strings.Replace(meshTemplate, "mesh_id: MESH_ID", "mesh_id: "+strings.TrimSuffix(string(id), "\n"), 1))
}
