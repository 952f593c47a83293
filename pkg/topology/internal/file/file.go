// Package file holds topology.yaml as the user writes it. The JSON Schema and the
// reference page are generated from these types and their comments, and
// package topology decodes the file by their tags; what the values mean is judged
// there.
package file

// Topology is the whole of topology.yaml: the clusters of one mesh and the
// networks they are on.
type Topology struct {
	// The mesh's name. All clusters of the mesh carry it as their mesh ID.
	MeshID string `json:"mesh_id" jsonschema:"required,pattern=^[A-Za-z0-9]([-._A-Za-z0-9]*[A-Za-z0-9])?$,maxLength=63" example:"mymeshname"`
	// The trust domain of all workload identities (spiffe://TRUST_DOMAIN/...).
	TrustDomain string `json:"trust_domain,omitempty" jsonschema:"default=cluster.local,pattern=^[a-z0-9]([-._a-z0-9]*[a-z0-9])?$,maxLength=255" example:"mesh.example.com"`
	// Namespaces whose Services are kept present in every cluster of the mesh, so that clients find them wherever they run: the namespace and the Service's name and ports, without endpoints of their own. A Service that somebody else manages is left alone.
	SharedServices []string `json:"sharedServices,omitempty" jsonschema:"uniqueItems=true,pattern=^[a-z0-9]([-a-z0-9]*[a-z0-9])?$,maxLength=63" example:"[shop, payments]"`
	// Which pods get a sidecar proxy without a label of their own.
	Injection *Injection `json:"injection,omitempty" example:"{namespaces: [sample]}"`
	// Which pods are in the mesh through the proxies of their nodes, where base.yaml has profile ambient.
	Ambient *Ambient `json:"ambient,omitempty" example:"{namespaces: [sample]}"`
	// The clusters, by the names of their kubeconfig contexts. Their order is kept in all output.
	Contexts map[string]*Context `json:"contexts,omitempty" jsonschema:"nullable" example:"{context-east-1: {network: network-east}}"`
}

// Injection is which pods are injected.
type Injection struct {
	// Namespaces whose pods are injected, in every cluster of the mesh: each is labelled istio-injection=enabled, once new pods there can be injected, and is created where it does not exist. Of a namespace that is somebody else's, setup-mesh owns its labels and nothing else, and takes them off when the namespace is no longer listed.
	Namespaces []string `json:"namespaces" jsonschema:"required,minItems=1,uniqueItems=true,pattern=^[a-z0-9]([-a-z0-9]*[a-z0-9])?$,maxLength=63" example:"[sample]"`
}

// Ambient is which pods are in the mesh through the proxies of their nodes.
type Ambient struct {
	// Namespaces whose pods are enrolled, in every cluster of the mesh: each is labelled istio.io/dataplane-mode=ambient, once the proxies of the nodes run, and is created where it does not exist. Of a namespace that is somebody else's, setup-mesh owns its labels and nothing else, and takes them off when the namespace is no longer listed.
	Namespaces []string `json:"namespaces,omitempty" jsonschema:"uniqueItems=true,pattern=^[a-z0-9]([-a-z0-9]*[a-z0-9])?$,maxLength=63" example:"[sample]"`
	// What setup-mesh refuses unless it is asked for here, because Istio does not support it or has open faults in it: shared-networks (several clusters on one network), sidecars (sidecar proxies beside ambient), root-rotation (certs rotate-root under ztunnels, which have to be restarted in it).
	Experimental []string `json:"experimental,omitempty" jsonschema:"uniqueItems=true,enum=shared-networks,enum=sidecars,enum=root-rotation" example:"[sidecars]"`
}

// Context is one cluster of the mesh, named by its kubeconfig context.
type Context struct {
	// The network that the cluster's pods are on. Pods of clusters on one network reach each other directly; between networks traffic passes the east-west gateways.
	Network string `json:"network" jsonschema:"required,pattern=^[A-Za-z0-9]([-._A-Za-z0-9]*[A-Za-z0-9])?$,maxLength=63" example:"network-east"`
	// The cluster's name in the mesh. It must be unique. Default: derived from the context's name.
	Name string `json:"name,omitempty" jsonschema:"pattern=^[a-z0-9]([-a-z0-9]*[a-z0-9])?$,maxLength=63" example:"east-1"`
	// The namespace that Istio is installed into; the same for every cluster of the mesh.
	Namespace string `json:"namespace,omitempty" jsonschema:"default=istio-system,pattern=^[a-z0-9]([-a-z0-9]*[a-z0-9])?$,maxLength=63" example:"istio-system"`
	// The service account, in the Istio namespace, as which the other clusters read this one.
	ServiceAccountReader string `json:"serviceAccountReader,omitempty" jsonschema:"default=istio-reader-service-account,pattern=^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$,maxLength=253" example:"mesh-reader"`
	// Gives the cluster trust and a control plane, but no remote secrets: it reads no other cluster, and none reads it.
	DisableRegistryJoin bool `json:"disableRegistryJoin,omitempty" jsonschema:"default=false" example:"true"`
	// Contexts of this file whose control planes serve this cluster, which then is a remote cluster: it has none of its own. A primary cannot be a remote cluster itself. Without primaries, the cluster has a control plane of its own.
	Primaries []string `json:"primaries,omitempty" jsonschema:"uniqueItems=true" example:"[context-east-1]"`
	// The cluster's east-west gateway, through which other networks reach it, and its remote clusters the control plane. Where the cluster needs no gateway, this has no effect.
	Gateway *Gateway `json:"gateway,omitempty" example:"{addresses: [198.51.100.7]}"`
	// How the other clusters reach this cluster's API server, where kubeconfig does not say it. setup-mesh itself connects as kubeconfig says.
	APIServer *APIServer `json:"apiServer,omitempty" example:"{server: 'https://10.0.0.5:6443'}"`
	// Fields of an IstioControlPlane spec, merged over base.yaml's for this cluster. Gateways, environment variables and ports are merged by their names.
	Overlay map[string]any `json:"overlay,omitempty" example:"{values: {pilot: {traceSampling: 10}}}"`
}

// Gateway is a cluster's east-west gateway.
type Gateway struct {
	// IP addresses and host names that replace those of the gateway's Service (NAT, node ports).
	Addresses []string `json:"addresses,omitempty" jsonschema:"uniqueItems=true" example:"[198.51.100.7]"`
	// The port of the addresses for traffic between networks. Only together with addresses.
	Port int `json:"port,omitempty" jsonschema:"default=15443,minimum=1,maximum=65535" example:"15443"`
	// Annotations of the gateway's Service, which cloud load balancers read.
	Annotations map[string]string `json:"annotations,omitempty" example:"{networking.gke.io/load-balancer-type: Internal}"`
}

// APIServer is a cluster's API server as the other clusters reach it.
type APIServer struct {
	// Its URL: https, without user, query and fragment.
	Server string `json:"server,omitempty" jsonschema:"pattern=^https://[^?#]+$" example:"https://10.0.0.5:6443"`
	// The name in its certificate, where that is not the URL's host.
	TLSServerName string `json:"tlsServerName,omitempty" example:"kubernetes.default.svc"`
	// A file with the CA certificates that it is verified by, relative to topology.yaml.
	CAFile string `json:"caFile,omitempty" example:"certs/api-ca.pem"`
}
