package cluster

import (
	_ "embed"
	"strings"
)

// The stages for nodes and pods are KWOK's own "fast" ones with three changes: one selector more (notIstiod), the
// kubelet's port (kubeletPort), and its version, from which istiod concludes what a node can do.
// https://github.com/kubernetes-sigs/kwok/tree/v0.8.0/kustomize/stage
//
//go:embed stages.yaml
var kwokStages string

// notIstiod keeps KWOK from calling a pod ready that the lab runs itself.
const notIstiod = `
    - key: '.metadata.labels.app'
      operator: 'NotIn'
      values: ['istiod']`

// stages is KWOK's configuration for a cluster.
func stages(s Spec) string {
	without := ""
	if s.Istiods {
		without = notIstiod
	}
	return strings.ReplaceAll(kwokStages, "    # and not istiod", strings.TrimPrefix(without, "\n"))
}
