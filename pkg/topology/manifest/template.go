package manifest

import _ "embed"

//go:embed template/base.yaml
var baseTemplate string

// Template returns the base.yaml that prep writes: what Istio 1.4's did, with
// mutual TLS everywhere and a CA signed by the mesh's root.
func Template() []byte { return []byte(baseTemplate) }
