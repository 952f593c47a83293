package legacy

const (
	mixerGone   = "Mixer is gone: proxies report by themselves (Telemetry API), and AuthorizationPolicy decides"
	ownCluster  = "a cluster without a control plane of its own has primaries in topology.yaml"
	partOfPilot = "it is part of istiod: components.pilot"
	addOns      = "install add-ons on their own; samples/addons of Istio has them"
	dnsCapture  = "proxies answer DNS: meshConfig.defaultConfig.proxyMetadata.ISTIO_META_DNS_CAPTURE; sharedServices in topology.yaml shares names"
	certManager = "install cert-manager on its own"
)

// blockRules are the feature blocks of Istio 1.4, which stood beside today's keys.
// https://archive.istio.io/v1.4/docs/reference/config/istio.operator.v1alpha12.pb/
var blockRules = []rule{
	{"defaultNamespace", moved, "namespace", nil},
	{"defaultNamespacePrefix", refused, "set the namespace of each context in topology.yaml", nil},
	{"trafficManagement.enabled", always, ownCluster, values("true")},
	{"trafficManagement.components.namespace", moved, "namespace", nil},
	{"trafficManagement.components.pilot.enabled", always, ownCluster, values("true")},
	{"trafficManagement.components.pilot.namespace", moved, "namespace", nil},
	{"trafficManagement.components.pilot.k8s", moved, "components.pilot.k8s", nil},
	{"trafficManagement.components.proxy", addon, "set values.global.proxy", nil},
	{"policy.enabled", gone, mixerGone, values("true", "false")},
	{"policy.components.namespace", gone, "", nil},
	{"policy.components.*", addon, mixerGone, nil},
	{"telemetry.enabled", gone, mixerGone, values("true", "false")},
	{"telemetry.components.namespace", gone, "", nil},
	{"telemetry.components.*.enabled", gone, mixerGone, values("true", "false")},
	{"telemetry.components.*", addon, mixerGone, nil},
	{"security.enabled", gone, alwaysCA, values("true")},
	{"security.components.namespace", moved, "namespace", nil},
	{"security.components.citadel.enabled", gone, alwaysCA, values("true")},
	{"security.components.citadel", addon, partOfPilot, nil},
	{"security.components.nodeAgent.enabled", gone, "", values("true", "false")},
	{"security.components.nodeAgent", addon, "its work is done in the proxy: values.global.proxy", nil},
	{"security.components.certManager", addon, certManager, nil},
	{"configManagement.enabled", gone, partOfPilot, values("true", "false")},
	{"configManagement.components.namespace", moved, "namespace", nil},
	{"configManagement.components.galley.enabled", gone, partOfPilot, values("true", "false")},
	{"configManagement.components.galley", addon, partOfPilot, nil},
	{"autoInjection.enabled", gone, noInjection, values("true")},
	{"autoInjection.components.namespace", moved, "namespace", nil},
	{"autoInjection.components.*.enabled", gone, noInjection, values("true")},
	{"autoInjection.components.*", addon, partOfPilot, nil},
	{"gateways.components.namespace", moved, "namespace", nil},
	{"cni.enabled", moved, "components.cni.enabled", nil},
	{"cni.components.namespace", moved, "components.cni.namespace", nil},
	{"cni.components.cni.enabled", moved, "components.cni.enabled", nil},
	{"cni.components.cni.namespace", moved, "components.cni.namespace", nil},
	{"cni.components.cni.k8s", moved, "components.cni.k8s", nil},
	{"coreDNS.components.namespace", gone, "", nil},
	{"coreDNS.components.*", addon, dnsCapture, nil},
	{"coreDNS.enabled", gone, dnsCapture, values("false")},
	{"thirdParty", addon, addOns, nil},
	{"tolerations", refused, "write components.pilot.k8s.tolerations, and the same for each gateway", nil},
	{"addonComponents.pilot.enabled", gone, "", values("true")},
	{"addonComponents.*", addon, addOns, nil},
	{"base", addon, "write components.base", nil},
}

const (
	noInjection = "istiod always injects the pods of namespaces that are labelled for it: label none"
	alwaysCA    = "istiod is the CA of its cluster, and every proxy needs one"
)

// componentRules are components that later Istios had, or that people write.
var componentRules = []rule{
	{"components.policy", addon, mixerGone, nil},
	{"components.telemetry", addon, mixerGone, nil},
	{"components.citadel.enabled", gone, "", values("true", "false")},
	{"components.citadel", addon, partOfPilot, nil},
	{"components.galley.enabled", gone, "", values("true", "false")},
	{"components.galley", addon, partOfPilot, nil},
	{"components.nodeAgent.enabled", gone, "", values("true", "false")},
	{"components.nodeAgent", addon, "its work is done in the proxy: values.global.proxy", nil},
	{"components.certManager", addon, certManager, nil},
	{"components.sidecarInjector.enabled", gone, noInjection, values("true")},
	{"components.sidecarInjector", addon, partOfPilot, nil},
	{"components.coreDNS", addon, dnsCapture, nil},
	{"components.proxy", addon, "set values.global.proxy", nil},
	{"components.namespace", moved, "namespace", nil},
	{"components.addonComponents.*", addon, addOns, nil},
	{"components.addonComponents", addon, addOns, nil},
}
