package main

import (
	"fmt"
	"io"

	"github.com/setup-mesh/setup-mesh/pkg/apply/kube"
)

// statsVariable, when set, asks for a line on stderr that says what a run cost
// the API servers: {"requests":N,"bytes":M}. make bench reads it.
const statsVariable = "SETUP_MESH_STATS"

// A counter remembers what was opened.
type counter struct {
	opener *kube.Opener
}

// of opens the contexts of k.
func (c *counter) of(k *kube.Kubeconfig, o kube.Options) *kube.Opener {
	c.opener = kube.NewOpener(k, o)
	return c.opener
}

func (c *counter) print(w io.Writer) {
	var requests, bytes int64
	if c.opener != nil {
		for _, cluster := range c.opener.Opened() {
			requests += cluster.Requests()
			bytes += cluster.Bytes()
		}
	}
	fmt.Fprintf(w, "{\"requests\":%d,\"bytes\":%d}\n", requests, bytes)
}
