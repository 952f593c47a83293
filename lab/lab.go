// Package lab runs real Kubernetes control planes, and real istiods on them, as ordinary processes on loopback: no
// root, no containers, no packet that leaves the machine.
//
// [Up] starts a lab and returns when its clusters are ready; [Attach] finds one that runs. A lab belongs to a
// supervisor, a process of its own. Unless told otherwise, the supervisor ends with the program that called Up, in
// whatever way that ends, and nothing outlives the supervisor.
package lab

import (
	"github.com/setup-mesh/setup-mesh/lab/internal/cluster"
)

// Gateway says what address Services of type LoadBalancer get in a cluster. N is the cluster's number.
type Gateway = cluster.Gateway

// The kinds of gateway address. The zero value is [GatewayIP]. NAME.elb.example.com leads to the addresses of
// [GatewayIPs], whatever the kind, except for the last of the two that have it.
const (
	GatewayIP        = cluster.GatewayIP        // 203.0.113.N
	GatewayIP2       = cluster.GatewayIP2       // 203.0.113.(100+N)
	GatewayIPs       = cluster.GatewayIPs       // both
	GatewayHostname  = cluster.GatewayHostname  // NAME.elb.example.com
	GatewayHostname2 = cluster.GatewayHostname2 // the same name, which leads to 203.0.113.(100+N) alone
	GatewayPending   = cluster.GatewayPending   // none
)

// Gateways are all kinds.
func Gateways() []Gateway { return cluster.Gateways() }

// Options say what lab to start. The zero value is a lab of one cluster, in a temporary directory, with istiods, that
// ends with the calling program.
type Options struct {
	Clusters      int       // how many; 0 is the number of Contexts, or 1
	Contexts      []string  // names in the kubeconfig; default: [DefaultContexts]
	Networks      []string  // a network for each cluster, within which pods reach each other; default: [DefaultNetworks]
	Gateways      []Gateway // a kind for each cluster, or one for all
	NoIstiods     bool      // istiod pods are pods like others: marked ready, and nothing runs
	Dir           string    // where the lab lives; must not hold another lab. Default: a temporary directory
	KeepAfterExit bool      // the lab outlives the calling program, until Down
	Parts         string    // directory of the parts; default: [DefaultParts]
	Binary        string    // the lab program; default: built from this module

	// NoAggregatorRouting are the contexts of clusters whose API server runs with --enable-aggregator-routing=false. It
	// dials the ClusterIPs of webhooks, which lead nowhere in a lab, and of Services of type ExternalName the name.
	NoAggregatorRouting []string
	// ShortTokens are the contexts of clusters whose API server grants tokens of service accounts for 24 hours at most,
	// whatever is asked for, as that of EKS does.
	ShortTokens []string
}

// A State is a lab at one moment.
type State struct {
	PID      int       `json:"pid"` // of the supervisor
	Dir      string    `json:"dir"`
	DNS      string    `json:"dns"` // "IP:port" of the server that knows the gateways' host names
	Clusters []Cluster `json:"clusters"`
}

// A Cluster is one control plane of a lab.
type Cluster struct {
	Index     int            `json:"index"` // from 1
	Name      string         `json:"name"`
	Context   string         `json:"context"`
	Network   string         `json:"network"`
	Server    string         `json:"server"`    // URL of the API server
	Gateway   string         `json:"gateway"`   // addresses of LoadBalancer Services, by commas; empty when pending
	Processes map[string]int `json:"processes"` // PIDs of what runs
	Istiods   []Istiod       `json:"istiods"`   // sorted by namespace and pod
}

// An Istiod is an istiod process that stands for a pod.
type Istiod struct {
	Namespace string `json:"namespace"`
	Pod       string `json:"pod"`
	PodIP     string `json:"podIP"`
	PID       int    `json:"pid"` // 0 between two starts
	Ready     bool   `json:"ready"`
	Restarts  int    `json:"restarts"`
	Log       string `json:"log"`
	Addresses Ports  `json:"addresses"`
}

// Ports are the loopback addresses of an istiod, named after the ports of its pod.
type Ports struct {
	HTTP       string `json:"8080"`  // readiness, debug
	XDS        string `json:"15010"` // plain gRPC
	SecureXDS  string `json:"15012"` // gRPC over TLS: xDS and certificates
	Monitoring string `json:"15014"` // metrics, debug
	Webhook    string `json:"15017"` // HTTPS: injection, validation
}

// DefaultContexts are the contexts of a lab of n clusters.
func DefaultContexts(n int) []string {
	return firstOr(n, []string{"context-east-1", "context-east-2", "context-west-1"}, "context-")
}

// DefaultNetworks are the networks of a lab of n clusters.
func DefaultNetworks(n int) []string {
	return firstOr(n, []string{"network-east", "network-east", "network-west"}, "network-")
}
