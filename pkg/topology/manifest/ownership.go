package manifest

// An Owned is a setting of base.yaml that the topology decides, whatever base.yaml
// and overlays say.
type Owned struct {
	Path string // below the spec; one item of a list as LIST[name=NAME]
	By   string // the key of topology.yaml that decides it, "" where setup-mesh itself does
	Why  string // what it is set to, and when
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
		{"namespace", namespace, "Istio's namespace in the cluster"},
		{"meshConfig.trustDomain", trust, "the trust domain of all workload identities"},
		{"meshConfig.defaultConfig.proxyMetadata.PROXY_CONFIG_XDS_AGENT", "", `always "true": the mesh's root can be changed later without an outage`},
		{"components.base.enabled", primaries, "false in remote clusters, which take no other setting of it"},
		{"components.istiodRemote.enabled", primaries, "true in remote clusters, and only there"},
		{"components.pilot.namespace", namespace, "Istio's namespace in the cluster"},
		{"components.pilot.enabled", primaries, "false in remote clusters, and only there"},
		{"components.ingressGateways[name=istio-eastwestgateway]", "contexts.NAME.gateway", "names, labels, ports and network of the gateway between networks, which is there where it is needed"},
		{"values.defaultRevision", "", "always default: there is one control plane in a cluster"},
		{"values.global.configCluster", primaries, "for remote clusters only"},
		{"values.global.externalIstiod", primaries, "true in clusters that serve remote ones"},
		{"values.global.istioNamespace", namespace, "Istio's namespace in the cluster"},
		{"values.global.meshID", "mesh_id", "the mesh's name"},
		{"values.global.meshNetworks", "contexts.NAME.gateway.addresses", "the gateways that topology.yaml gives addresses for; the others are found by label"},
		{"values.global.multiCluster.clusterName", "contexts.NAME.name", "the cluster's name in the mesh"},
		{"values.global.network", network, "the network that the cluster's pods are on"},
		{"values.global.readerServiceAccount", "contexts.NAME.serviceAccountReader", "the account as which the other clusters read this one"},
		{"values.global.remotePilotAddress", primaries, "for remote clusters only"},
		{"values.istiodRemote", primaries, "how a remote cluster finds its control plane"},
		{"values.meshConfig.trustDomain", trust, "the trust domain of all workload identities"},
		{"values.meshConfig.defaultConfig.proxyMetadata.PROXY_CONFIG_XDS_AGENT", "", `always "true": the mesh's root can be changed later without an outage`},
		{"values.pilot.env.ISTIO_MULTIROOT_MESH", "", `always "true": the mesh's root can be changed later without an outage`},
	}
}
