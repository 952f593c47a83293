// Package docs holds what is documented about the user's two files, for setup-mesh
// explain: the JSON Schemas that editors read.
package docs

import _ "embed"

//go:embed topology.schema.json
var topologySchema []byte

//go:embed base.schema.json
var baseSchema []byte

// TopologySchema is the JSON Schema of topology.yaml. The caller must not change it.
func TopologySchema() []byte { return topologySchema }

// BaseSchema is the JSON Schema of base.yaml. The caller must not change it.
func BaseSchema() []byte { return baseSchema }
