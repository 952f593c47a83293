package bundle

import (
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// A kind is what a bundle has of the objects of a kind. Nothing that is not listed here
// is in a bundle.
type kind struct {
	schema.GroupKind
	everywhere bool // not in Istio's namespace only
	// istio says which objects are looked at, nil for all.
	istio func(*unstructured.Unstructured) bool
	// fields are the paths that are taken; [] is each item of a list, {a,b} each of
	// these keys. A path that ends at a mapping takes all of it.
	fields []string
	// more adds what no field says as it is, such as the fingerprint of a certificate.
	more func(o *unstructured.Unstructured, into map[string]any)
}

// condition is a condition, without what a controller may have added to it.
const condition = "[].{type,status,reason,message,lastTransitionTime,observedGeneration}"

// metadata is taken of every object. Of annotations, only those are that
// [annotations] lists: kubectl keeps whole objects in one.
var metadata = []string{
	"apiVersion", "kind", "metadata.{name,namespace,labels,uid,generation,resourceVersion,creationTimestamp,deletionTimestamp,finalizers}",
	"metadata.ownerReferences[].{kind,name}", "metadata.managedFields[].{manager,operation,subresource,time}",
}

// annotations are the ones that are taken.
var annotations = []string{
	"topology.istio.io/controlPlaneClusters", "topology.istio.io/network", "istio.io/rev", "deployment.kubernetes.io/revision",
	"networking.istio.io/traffic-distribution", "traffic.istio.io/nodeSelector", "networking.istio.io/cluster",
}

// container is what is taken of a container besides its environment.
const container = "{name,image,imagePullPolicy,ports,resources,securityContext,volumeMounts}"

// kinds are all that is taken out of clusters.
func kinds() []kind {
	return []kind{
		{GroupKind: gk("", "Namespace"), everywhere: true, istio: injects, fields: []string{"status.phase"}},
		{GroupKind: gk("", "ServiceAccount")},
		{GroupKind: gk("", "Secret"), fields: []string{"type"}, more: describeSecret},
		{GroupKind: gk("", "ConfigMap"), more: describeConfigMap},
		{GroupKind: gk("", "Service"), fields: []string{
			"spec.{type,ports,selector,clusterIP,clusterIPs,externalIPs,externalName,externalTrafficPolicy,internalTrafficPolicy,ipFamilies,ipFamilyPolicy,loadBalancerClass,loadBalancerIP,allocateLoadBalancerNodePorts}",
			"status.loadBalancer", "status.conditions" + condition,
		}},
		{GroupKind: gk("discovery.k8s.io", "EndpointSlice"), fields: []string{"addressType", "ports", "endpoints[].{addresses,conditions,hostname,nodeName,zone}"}},
		{GroupKind: gk("apps", "Deployment"), more: describeEnv("spec", "template", "spec"), fields: []string{
			"spec.{replicas,paused,selector,strategy}", "spec.template.metadata.labels",
			"spec.template.spec.{serviceAccountName,hostNetwork,priorityClassName,tolerations,nodeSelector}", "spec.template.spec.containers[]." + container,
			"status.{replicas,updatedReplicas,readyReplicas,availableReplicas,unavailableReplicas,observedGeneration}", "status.conditions" + condition,
		}},
		{GroupKind: gk("apps", "DaemonSet"), more: describeEnv("spec", "template", "spec"), fields: []string{
			"spec.{selector,updateStrategy}", "spec.template.spec.{serviceAccountName,hostNetwork,priorityClassName,tolerations,nodeSelector}",
			"spec.template.spec.containers[]." + container,
			"status.{desiredNumberScheduled,currentNumberScheduled,updatedNumberScheduled,numberReady,numberAvailable,numberMisscheduled,observedGeneration}",
		}},
		{GroupKind: gk("", "Pod"), more: describeEnv("spec"), fields: []string{
			"spec.{nodeName,serviceAccountName,hostNetwork}", "spec.containers[]." + container,
			"status.{phase,reason,message,podIP,podIPs,hostIP,startTime,qosClass}", "status.conditions" + condition,
			"status.containerStatuses[].{name,ready,started,restartCount,image,imageID}", "status.containerStatuses[].state.{running,waiting,terminated}",
			"status.containerStatuses[].lastState.{running,waiting,terminated}", "status.initContainerStatuses[].{name,ready,restartCount,image,imageID,state}",
		}},
		{GroupKind: gk("autoscaling", "HorizontalPodAutoscaler"), fields: []string{"spec.{minReplicas,maxReplicas,scaleTargetRef}", "status.{currentReplicas,desiredReplicas}", "status.conditions" + condition}},
		{GroupKind: gk("policy", "PodDisruptionBudget"), fields: []string{"spec.{minAvailable,maxUnavailable,selector}", "status.{currentHealthy,desiredHealthy,disruptionsAllowed,expectedPods}"}},
		{GroupKind: gk("coordination.k8s.io", "Lease"), fields: []string{"spec.{holderIdentity,acquireTime,renewTime,leaseDurationSeconds,leaseTransitions}"}},
		{GroupKind: gk("", "Event"), fields: []string{
			"type", "reason", "message", "count", "firstTimestamp", "lastTimestamp", "eventTime", "involvedObject.{kind,name,namespace,fieldPath}", "source.component", "reportingComponent",
		}},
		webhooks("MutatingWebhookConfiguration"),
		webhooks("ValidatingWebhookConfiguration"),
		{GroupKind: gk("networking.istio.io", "Gateway"), fields: []string{"spec.selector", "spec.servers[].{port,hosts,name,bind}", "spec.servers[].tls.{mode,credentialName,minProtocolVersion}"}},
		{GroupKind: gk("networking.istio.io", "VirtualService"), fields: []string{"spec.{hosts,gateways,exportTo}", "spec.tls[].match[].{port,sniHosts,gateways}", "spec.tls[].route[].destination.{host,port}"}},
		{GroupKind: gk("security.istio.io", "PeerAuthentication"), fields: []string{"spec.{selector,mtls,portLevelMtls}"}},
		{GroupKind: gk("gateway.networking.k8s.io", "Gateway"), fields: []string{
			"spec.gatewayClassName", "spec.addresses", "spec.listeners[].{name,port,protocol,hostname}", "status.addresses", "status.conditions" + condition,
		}},
	}
}

func webhooks(name string) kind {
	return kind{GroupKind: gk("admissionregistration.k8s.io", name), everywhere: true, istio: ofIstio, more: describeWebhooks, fields: []string{
		"webhooks[].{name,failurePolicy,matchPolicy,namespaceSelector,objectSelector,reinvocationPolicy,rules,sideEffects,timeoutSeconds,admissionReviewVersions}",
		"webhooks[].clientConfig.service.{namespace,name,path,port}",
	}}
}

func gk(group, name string) schema.GroupKind { return schema.GroupKind{Group: group, Kind: name} }

// injects says whether a namespace is Istio's, or pods in it are injected.
func injects(o *unstructured.Unstructured) bool {
	for key := range o.GetLabels() {
		if strings.Contains(key, "istio") || strings.HasPrefix(key, "setup-mesh.io/") {
			return true
		}
	}
	return false
}

// ofIstio says whether a configuration of webhooks is Istio's, whoever installed it.
func ofIstio(o *unstructured.Unstructured) bool {
	return strings.Contains(o.GetName(), "istio") || injects(o)
}
