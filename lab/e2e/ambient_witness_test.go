package e2e

import (
	"context"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/setup-mesh/setup-mesh/lab/internal/xds"
)

// A witness is a ztunnel that listens all the time, to one istiod after the other, and forgets nothing of where it was told
// that other networks are reached.
type witness struct {
	mu    sync.Mutex
	heard map[string]bool // "NETWORK ADDRESS:PORT"
}

// listen starts a witness in a cluster, which ends with the test.
func (z ztunnel) listen(t *testing.T, c *cluster) *witness {
	w := &witness{heard: map[string]bool{}}
	var over sync.WaitGroup
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(func() { cancel(); over.Wait() })
	over.Go(func() {
		for again := time.NewTicker(100 * time.Millisecond); ctx.Err() == nil; <-again.C {
			if i, err := c.istiod(ctx); err == nil {
				_ = z.follow(ctx, i.Addresses.XDS, func(all xds.Addresses) bool { w.note(z, all); return false }) // until it is replaced
			}
		}
	})
	return w
}

func (w *witness) note(z ztunnel, all xds.Addresses) {
	_, gateways := z.hears(all, nil)
	w.mu.Lock()
	defer w.mu.Unlock()
	for network, at := range gateways {
		w.heard[network+" "+at] = true
	}
}

// wantHeard wants the witness to have been told of nothing but these gateways since it was asked last.
func (w *witness) wantHeard(t *testing.T, cluster string, allowed ...string) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, at := range slices.Sorted(maps.Keys(w.heard)) {
		if !slices.Contains(allowed, at) {
			t.Errorf("a ztunnel in %s has been told of the gateway of %s, and those that there were are %q", cluster, at, allowed)
		}
	}
	clear(w.heard)
}
