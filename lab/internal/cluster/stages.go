package cluster

import (
	_ "embed"
	"fmt"
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

// addressStage gives Services of type LoadBalancer their address, as a cloud's controller would.
const addressStage = `---
apiVersion: kwok.x-k8s.io/v1alpha1
kind: Stage
metadata:
  name: service-address
spec:
  resourceRef: {apiGroup: v1, kind: Service}
  selector:
    matchExpressions:
    - {key: '.spec.type', operator: 'In', values: ['LoadBalancer']}
    - {key: '.status.loadBalancer.ingress.[]', operator: 'DoesNotExist'}
    - {key: '.metadata.deletionTimestamp', operator: 'DoesNotExist'}
  next:
    statusTemplate: |
      loadBalancer:
        ingress:
        - %s
`

// stages is KWOK's configuration for a cluster.
func stages(s Spec) string {
	without := ""
	if s.Istiods {
		without = notIstiod
	}
	text := strings.ReplaceAll(kwokStages, "    # and not istiod", strings.TrimPrefix(without, "\n"))
	switch s.Gateway {
	case GatewayHostname:
		text += fmt.Sprintf(addressStage, "hostname: "+s.GatewayHostname())
	case GatewayPending:
	default:
		text += fmt.Sprintf(addressStage, "ip: "+s.GatewayIP())
	}
	return text
}
