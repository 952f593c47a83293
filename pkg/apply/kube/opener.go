package kube

import (
	"context"
	"sync"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

// An Opener opens the contexts of a kubeconfig, all with the same options. It
// remembers whom it opened.
type Opener struct {
	kubeconfig *Kubeconfig
	options    Options

	mu     sync.Mutex
	opened []*Cluster
}

// NewOpener opens the contexts of k.
func NewOpener(k *Kubeconfig, o Options) *Opener {
	return &Opener{kubeconfig: k, options: o.withDefaults()}
}

// Open implements [object.Opener].
func (o *Opener) Open(context string) (object.Cluster, error) {
	c, err := o.Cluster(context)
	if err != nil {
		return nil, err
	}
	return c, nil
}

// Cluster is Open for those who run commands in pods, which no [object.Cluster] does.
func (o *Opener) Cluster(context string) (*Cluster, error) {
	c, err := o.kubeconfig.Open(context, o.options)
	if err != nil {
		return nil, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.opened = append(o.opened, c)
	return c, nil
}

// CheckKubeconfig implements [object.Opener].
func (o *Opener) CheckKubeconfig(ctx context.Context, kubeconfig []byte) (string, error) {
	return CheckKubeconfig(ctx, kubeconfig)
}

// Opened are the clusters that were opened so far, in that order.
func (o *Opener) Opened() []*Cluster {
	o.mu.Lock()
	defer o.mu.Unlock()
	return append([]*Cluster(nil), o.opened...)
}
