// Package cluster runs one Kubernetes control plane: etcd, API server, controller manager, scheduler, and KWOK in the
// place of nodes and kubelets.
package cluster

import (
	"fmt"
	"net"
	"path/filepath"
)

// A Spec says what to run.
type Spec struct {
	Index   int    // from 1; tells clusters' address ranges apart
	Name    string // of the cluster and its directory
	Context string // in the lab's kubeconfig
	Network string // pods of clusters with the same one reach each other
	Istiods bool   // istiod pods become ready by an istiod, not by KWOK
	Dir     string
	Bin     string // directory of the parts
	DNS     string // "IP:port" of the server that knows the names of all gateways

	// NoAggregatorRouting has the API server dial the ClusterIPs and external names of webhooks' Services, and not
	// their endpoints: what an API server does that can reach ClusterIPs.
	NoAggregatorRouting bool
	// ShortTokens has the API server grant tokens of service accounts for 24 hours at most.
	ShortTokens bool
}

// MaxIndex is the highest [Spec.Index] whose address ranges stay apart from those of another cluster.
const MaxIndex = 31

func (s Spec) dir(name string) string { return filepath.Join(s.Dir, name) }

func (s Spec) serviceCIDR() string { return fmt.Sprintf("10.%d.0.0/16", 96+s.Index) }
func (s Spec) clusterCIDR() string { return fmt.Sprintf("10.%d.0.0/16", 128+s.Index) }
func (s Spec) kwokCIDR() string    { return fmt.Sprintf("10.%d.0.0/24", 128+s.Index) }
func (s Spec) serviceIP() net.IP   { return net.IPv4(10, byte(96+s.Index), 0, 1) }
func (s Spec) nodeIP() string      { return fmt.Sprintf("10.0.0.%d", s.Index) }
func (s Spec) nodeName() string    { return "node-" + s.Name }

// externalNodeIP is where the node is reached from other clusters (RFC 5737: for documentation, never routed).
func (s Spec) externalNodeIP() string { return fmt.Sprintf("192.0.2.%d", s.Index) }

// PodIP is the nth address for pods that the lab itself runs; KWOK hands out the addresses of another range.
func (s Spec) PodIP(n int) string {
	return fmt.Sprintf("10.%d.%d.%d", 128+s.Index, 1+n/250, 1+n%250)
}

// kubeletPort is where the API server believes the kubelet of every node to listen.
const kubeletPort = 10247
