package manifest

// An Owned is a setting of base.yaml that the topology decides, whatever base.yaml
// and overlays say.
type Owned struct {
	Path string // below the spec; one item of a list as LIST[name=NAME]
	By   string // the key of topology.yaml that decides it, "" where setup-mesh itself does
	Why  string // what it is set to, and when
	Some bool   // it is decided in some clusters only; in others it is base.yaml's
}

// Ownership lists what [New] decides, in the order of today's keys.
func Ownership() []Owned {
	const (
		namespace = "contexts.NAME.namespace"
		primaries = "contexts.NAME.primaries"
		network   = "contexts.NAME.network"
		trust     = "trust_domain"
	)
	return []Owned{
		{Path: "namespace", By: namespace, Why: "Istio's namespace in the cluster"},
		{Path: "meshConfig.trustDomain", By: trust, Why: "the trust domain of all workload identities"},
		{Path: "meshConfig.defaultConfig.proxyMetadata.PROXY_CONFIG_XDS_AGENT", Why: `always "true": the mesh's root can be changed later without an outage`},
		{Path: "meshConfig.defaultConfig.proxyMetadata.ISTIO_META_NETWORK", By: network, Why: "which network, cluster, mesh and trust domain proxies are in; the same in the environments of gateways"},
		{Path: "meshConfig.defaultConfig.proxyMetadata.ISTIO_META_CLUSTER_ID", By: "contexts.NAME.name", Why: "the cluster's name in the mesh"},
		{Path: "meshConfig.defaultConfig.proxyMetadata.ISTIO_META_MESH_ID", By: "mesh_id", Why: "the mesh's name"},
		{Path: "meshConfig.defaultConfig.proxyMetadata.TRUST_DOMAIN", By: trust, Why: "the trust domain of all workload identities"},
		{Path: "components.base.enabled", By: primaries, Why: "false in remote clusters, which take no other setting of it"},
		{Path: "components.istiodRemote.enabled", By: primaries, Why: "true in remote clusters, and only there"},
		{Path: "components.pilot.namespace", By: namespace, Why: "Istio's namespace in the cluster"},
		{Path: "components.pilot.enabled", By: primaries, Why: "false in remote clusters, and only there"},
		{Path: "components.ingressGateways[name=istio-eastwestgateway]", By: "contexts.NAME.gateway", Why: "names, labels, ports and network of the gateway between networks, which is there where it is needed"},
		{Path: "values.defaultRevision", Why: "always default: there is one control plane in a cluster"},
		{Path: "values.gateways.istio-ingressgateway.env.ISTIO_META_NETWORK", By: network, Why: "the network that the cluster's pods are on"},
		{Path: "values.gateways.istio-egressgateway.env.ISTIO_META_NETWORK", By: network, Why: "the network that the cluster's pods are on"},
		{Path: "values.global.configCluster", By: primaries, Why: "for remote clusters only"},
		{Path: "values.global.externalIstiod", By: primaries, Why: "true in clusters that serve remote ones", Some: true},
		{Path: "values.global.istioNamespace", By: namespace, Why: "Istio's namespace in the cluster"},
		{Path: "values.global.meshID", By: "mesh_id", Why: "the mesh's name"},
		{Path: "values.global.meshNetworks", By: "contexts.NAME.gateway.addresses", Why: "the gateways that topology.yaml gives addresses for; the others are found by label"},
		{Path: "values.global.multiCluster.clusterName", By: "contexts.NAME.name", Why: "the cluster's name in the mesh"},
		{Path: "values.global.network", By: network, Why: "the network that the cluster's pods are on"},
		{Path: "values.global.readerServiceAccount", By: "contexts.NAME.serviceAccountReader", Why: "the account as which the other clusters read this one"},
		{Path: "values.global.remotePilotAddress", By: primaries, Why: "for remote clusters only"},
		{Path: "values.istiodRemote", By: primaries, Why: "how a remote cluster finds its control plane"},
		{Path: "values.meshConfig.trustDomain", By: trust, Why: "the trust domain of all workload identities"},
		{Path: "values.meshConfig.defaultConfig.proxyMetadata.PROXY_CONFIG_XDS_AGENT", Why: `always "true": the mesh's root can be changed later without an outage`},
		{Path: "values.pilot.env.AMBIENT_ENABLE_MULTI_NETWORK", Why: `"true" with an ambient profile, and only there: istiod tells of the pods of other clusters`},
		{Path: "values.pilot.env.CLUSTER_ID", By: "contexts.NAME.name", Why: "the cluster's name in the mesh"},
		{Path: "values.pilot.env.ISTIO_MULTIROOT_MESH", Why: `always "true": the mesh's root can be changed later without an outage`},
	}
}
