package apply

import (
	"strings"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
)

// A stage is when an object of a joining cluster has its turn. The order is
// that of Istio's own test framework:
// https://github.com/istio/istio/blob/master/pkg/test/framework/components/istio/kube.go
type stage int

const (
	stageNamespace stage = iota
	stageTrust           // cacerts: an istiod that starts without it makes a root of its own
	stageCRDs
	stageConfig    // what workloads refer to: RBAC, ConfigMaps, Services, grants
	stageSpaces    // namespaces for copies of other clusters' Services
	stageShared    // those copies: nothing of Istio waits for them
	stageEndpoints // of the primaries, in a remote cluster: before a webhook calls them
	stageControl   // istiod and its webhooks
	stageGateways  // injected by istiod, so after its webhook answers
	stageMesh      // Istio's resources, which istiod validates
	stageRemote    // remote secrets
)

// workloads are the kinds that make pods, or go with those that do.
var workloads = map[string]bool{
	"Deployment": true, "DaemonSet": true, "StatefulSet": true,
	"HorizontalPodAutoscaler": true, "PodDisruptionBudget": true,
}

func stageOf(ref object.Ref, gateway bool) stage {
	switch {
	case ref.Kind == "Namespace":
		return stageNamespace
	case ref.Kind == "Secret" && ref.Name == object.Cacerts:
		return stageTrust
	case object.IsCRD(ref):
		return stageCRDs
	case ref.Kind == "EndpointSlice":
		return stageEndpoints
	case ref.Kind == "Secret" && strings.HasPrefix(ref.Name, object.RemoteSecretPrefix):
		return stageRemote
	case object.IsIstioResource(ref):
		return stageMesh
	case workloads[ref.Kind] && gateway:
		return stageGateways
	case workloads[ref.Kind], object.IsWebhook(ref):
		return stageControl
	}
	return stageConfig
}

// The stages of leaving, each after the one before: nothing calls a webhook
// that is gone, and nothing runs without what it refers to.
const (
	leaveWebhooks stage = iota
	leaveMesh
	leaveWorkloads
	leaveConfig
	leaveByProducts
	leaveShared // namespaces, once the copies in them are gone; the record still knows them
	leaveCRDs
	leaveNamespace
)

func leaveStageOf(ch Change) stage {
	switch ref := ch.Object; {
	case ch.Component == order.SharedServices && ref.Kind == "Namespace":
		return leaveShared
	case ch.Component == order.SharedServices:
		return leaveConfig
	case object.IsWebhook(ref), strings.HasPrefix(ref.Kind, "ValidatingAdmissionPolicy"):
		return leaveWebhooks
	case object.IsIstioResource(ref):
		return leaveMesh
	case workloads[ref.Kind]:
		return leaveWorkloads
	case object.IsCRD(ref):
		return leaveCRDs
	case ref.Kind == "Namespace", ch.Component == order.Bookkeeping:
		return leaveNamespace
	case ch.Reason != "":
		return leaveByProducts
	}
	return leaveConfig
}
