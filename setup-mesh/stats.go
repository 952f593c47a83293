package main

import (
	"fmt"
	"io"
	"sync"

	"github.com/setup-mesh/setup-mesh/pkg/apply/kube"
)

// statsVariable, when set, asks for a line on stderr that says what a run cost
// the API servers: {"requests":N,"bytes":M}. make bench reads it.
const statsVariable = "SETUP_MESH_STATS"

// A counter opens clusters and remembers them.
type counter struct {
	kubeconfig *kube.Kubeconfig

	mu       sync.Mutex
	clusters []*kube.Cluster
}

// of makes c open the contexts of k.
func (c *counter) of(k *kube.Kubeconfig) *counter {
	c.kubeconfig = k
	return c
}

// Open implements [apply.Opener].
func (c *counter) Open(context string, o kube.Options) (*kube.Cluster, error) {
	cluster, err := c.kubeconfig.Open(context, o)
	if err == nil {
		c.mu.Lock()
		c.clusters = append(c.clusters, cluster)
		c.mu.Unlock()
	}
	return cluster, err
}

func (c *counter) print(w io.Writer) {
	var requests, bytes int64
	for _, cluster := range c.clusters {
		requests += cluster.Requests()
		bytes += cluster.Bytes()
	}
	fmt.Fprintf(w, "{\"requests\":%d,\"bytes\":%d}\n", requests, bytes)
}
