package topology

import "strings"

// What Istio 1.4 had and today's Istio has not, with what took its place.
// https://archive.istio.io/v1.4/docs/reference/config/istio.operator.v1alpha12.pb/
// https://archive.istio.io/v1.4/docs/reference/config/installation-options/

var legacySpec = map[string]string{
	"defaultNamespace":       "set the namespace of each context in topology.yaml",
	"defaultNamespacePrefix": "set the namespace of each context in topology.yaml",
	"trafficManagement":      "Pilot is part of istiod: components.pilot",
	"policy":                 "Mixer is gone: AuthorizationPolicy, EnvoyFilter rate limits",
	"telemetry":              "Mixer is gone: the proxies report themselves, see the Telemetry API",
	"security":               "Citadel is part of istiod, and setup-mesh plugs in its CA",
	"configManagement":       "Galley is part of istiod",
	"autoInjection":          "the injector is part of istiod: values.sidecarInjectorWebhook",
	"gateways":               "components.ingressGateways and components.egressGateways",
	"cni":                    "components.cni",
	"coreDNS":                "the proxies answer DNS: meshConfig.defaultConfig.proxyMetadata.ISTIO_META_DNS_CAPTURE",
	"thirdParty":             "install add-ons on their own",
	"tolerations":            "components.<name>.k8s.tolerations",
}

var legacyComponents = map[string]string{
	"policy":          "Mixer is gone: AuthorizationPolicy, EnvoyFilter rate limits",
	"telemetry":       "Mixer is gone: the proxies report themselves, see the Telemetry API",
	"citadel":         "Citadel is part of istiod",
	"galley":          "Galley is part of istiod",
	"nodeAgent":       "the node agent is part of the proxy",
	"certManager":     "install cert-manager on its own",
	"sidecarInjector": "the injector is part of istiod: values.sidecarInjectorWebhook",
	"coreDNS":         "the proxies answer DNS: meshConfig.defaultConfig.proxyMetadata.ISTIO_META_DNS_CAPTURE",
	"ingressGateway":  "components.ingressGateways, a list",
	"egressGateway":   "components.egressGateways, a list",
	"namespace":       "set the namespace of each context in topology.yaml",
	"addonComponents": "install add-ons on their own",
}

type legacyValue struct {
	path string // below the spec
	hint string
}

func (l legacyValue) keys() []string { return strings.Split(l.path, ".") }

var legacyValues = []legacyValue{
	{"values.mixer", "Mixer is gone: the Telemetry API, AuthorizationPolicy"},
	{"values.galley", "Galley is part of istiod"},
	{"values.citadel", "Citadel is part of istiod"},
	{"values.nodeagent", "the node agent is part of the proxy"},
	{"values.istiocoredns", "the proxies answer DNS: meshConfig.defaultConfig.proxyMetadata.ISTIO_META_DNS_CAPTURE"},
	{"values.certmanager", "install cert-manager on its own"},
	{"values.prometheus", "install Prometheus on its own"},
	{"values.prometheusOperator", "install Prometheus on its own"},
	{"values.grafana", "install Grafana on its own"},
	{"values.kiali", "install Kiali on its own"},
	{"values.tracing", "install a tracing backend on its own, and name it in meshConfig.extensionProviders"},
	{"values.servicegraph", "install Kiali on its own"},
	{"values.clusterResources", "leave it out"},
	{"values.gateways.istio-ilbgateway", "components.ingressGateways, with an annotation for an internal load balancer"},
	{"values.global.controlPlaneSecurityEnabled", "leave it out: istiod is reached over TLS always"},
	{"values.global.disablePolicyChecks", "leave it out: Mixer is gone"},
	{"values.global.policyCheckFailOpen", "leave it out: Mixer is gone"},
	{"values.global.enableTracing", "meshConfig.enableTracing"},
	{"values.global.enableHelmTest", "leave it out"},
	{"values.global.useMCP", "leave it out: Galley is part of istiod"},
	{"values.global.k8sIngress", "meshConfig.ingressControllerMode"},
	{"values.global.k8sIngressSelector", "meshConfig.ingressSelector"},
	{"values.global.monitoringPort", "leave it out"},
	{"values.global.oneNamespace", "meshConfig.discoverySelectors"},
	{"values.global.outboundTrafficPolicy", "meshConfig.outboundTrafficPolicy"},
	{"values.global.localityLbSetting", "meshConfig.localityLbSetting"},
	{"values.global.defaultConfigVisibilitySettings", "meshConfig.defaultServiceExportTo"},
	{"values.global.trustDomain", "trust_domain in topology.yaml"},
	{"values.global.trustDomainAliases", "meshConfig.trustDomainAliases"},
	{"values.global.crds", "leave it out: the definitions are always installed"},
	{"values.global.createRemoteSvcEndpoints", "leave it out"},
	{"values.global.remotePilotCreateSvcEndpoint", "leave it out"},
	{"values.global.remotePolicyAddress", "leave it out: Mixer is gone"},
	{"values.global.remoteTelemetryAddress", "leave it out: Mixer is gone"},
	{"values.global.remoteZipkinAddress", "meshConfig.extensionProviders"},
	{"values.global.proxy.accessLogFile", "meshConfig.accessLogFile"},
	{"values.global.proxy.accessLogFormat", "meshConfig.accessLogFormat"},
	{"values.global.proxy.accessLogEncoding", "meshConfig.accessLogEncoding"},
	{"values.global.proxy.concurrency", "meshConfig.defaultConfig.concurrency"},
	{"values.global.proxy.dnsRefreshRate", "meshConfig.dnsRefreshRate"},
	{"values.global.proxy.protocolDetectionTimeout", "meshConfig.protocolDetectionTimeout"},
	{"values.global.proxy.envoyStatsd", "meshConfig.defaultConfig.statsdUdpAddress"},
	{"values.global.proxy.envoyMetricsService", "meshConfig.defaultConfig.envoyMetricsService"},
	{"values.global.proxy.envoyAccessLogService", "meshConfig.extensionProviders"},
	{"values.pilot.sidecar", "leave it out: istiod needs no proxy"},
	{"values.pilot.policy", "leave it out: Mixer is gone"},
	{"values.pilot.useMCP", "leave it out: Galley is part of istiod"},
	{"values.sidecarInjectorWebhook.enabled", "leave it out: the injector is part of istiod"},
}

// legacyTranslatedSiblings are the neighbours of the two values that are
// understood.
var legacyTranslatedSiblings = map[string]string{
	"auto":               "meshConfig.enableAutoMtls",
	"enabled":            "leave it out: Citadel is part of istiod",
	"workloadCertTtl":    "values.pilot.env.DEFAULT_WORKLOAD_CERT_TTL",
	"maxWorkloadCertTtl": "values.pilot.env.MAX_WORKLOAD_CERT_TTL",
	"trustDomain":        "trust_domain in topology.yaml",
	"citadelHealthCheck": "leave it out: Citadel is part of istiod",
	"dnsCerts":           "meshConfig.certificates is gone too: use cert-manager",
}

// A setting is one that is refused. unless lists the values that ask for nothing
// special.
type setting struct {
	path   string
	unless []string
	hint   string
}

const oneRevision = "one control plane, the default revision, is installed: take it out"

// unsupported are settings of today's Istio that setup-mesh cannot honour yet.
var unsupported = []setting{
	{"installPackagePath", nil, "the charts of the release that is built in are installed: take it out"},
	{"revision", []string{"", "default"}, oneRevision},
	{"values.revision", []string{"", "default"}, oneRevision},
	{"values.global.revision", []string{"", "default"}, oneRevision},
	{"components.ztunnel.enabled", []string{"false"}, "ambient is not covered: take it out"},
}

const remoteOnlyHint = "take it out, and name the primaries of each remote cluster in topology.yaml"

// remoteOnly are settings that make a cluster a remote one.
var remoteOnly = []setting{
	{"components.base.enabled", []string{"true"}, remoteOnlyHint},
	{"components.pilot.enabled", []string{"true"}, remoteOnlyHint},
	{"components.istiodRemote.enabled", []string{"false"}, remoteOnlyHint},
	{"values.istiodRemote", nil, remoteOnlyHint},
	{"values.global.configCluster", []string{"false"}, remoteOnlyHint},
	{"values.global.remotePilotAddress", []string{""}, remoteOnlyHint},
}
