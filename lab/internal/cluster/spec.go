// Package cluster runs one Kubernetes control plane: etcd, API server, controller manager, scheduler, and KWOK in the
// place of nodes and kubelets.
package cluster

import (
	"fmt"
	"net"
	"path/filepath"
)

// Gateway says what address a Service of type LoadBalancer gets.
type Gateway string

// The kinds of gateway address. The zero value is [GatewayIP].
const (
	GatewayIP       Gateway = "ip"       // 203.0.113.N (RFC 5737: for documentation, never routed)
	GatewayHostname Gateway = "hostname" // as the load balancers of AWS do
	GatewayPending  Gateway = "pending"  // none, ever
)

// A Spec says what to run.
type Spec struct {
	Index   int    // from 1; tells clusters' address ranges apart
	Name    string // of the cluster and its directory
	Context string // in the lab's kubeconfig
	Network string // what the user of the lab has in mind for it; nothing depends on it here
	Gateway Gateway
	Istiods bool // istiod pods become ready by an istiod, not by KWOK
	Dir     string
	Bin     string // directory of the parts
	DNS     string // "IP:port" of the server that knows the names of all gateways
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

// PodIP is the nth address for pods that the lab itself runs; KWOK hands out the addresses of another range.
func (s Spec) PodIP(n int) string {
	return fmt.Sprintf("10.%d.%d.%d", 128+s.Index, 1+n/250, 1+n%250)
}

// GatewayIP is the address of Services of type LoadBalancer.
func (s Spec) GatewayIP() string { return fmt.Sprintf("203.0.113.%d", s.Index) }

// GatewayHostname is their name, in clusters where they have one instead.
func (s Spec) GatewayHostname() string { return s.Name + ".elb.example.com" }

// kubeletPort is where the API server believes the kubelet of every node to listen.
const kubeletPort = 10247
