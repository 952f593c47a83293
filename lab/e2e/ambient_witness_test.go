package e2e

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/setup-mesh/setup-mesh/lab/internal/xds"
)

// A witness is a ztunnel that listens all the time, to one istiod after the other, and forgets nothing of where it was told
// that other networks are reached.
type witness struct {
	mu    sync.Mutex
	heard map[string]bool   // "NETWORK ADDRESS:PORT", since it was asked last
	now   map[string]string // "ADDRESS:PORT" by network
}

// listen starts a witness in a cluster, which ends with the test.
func (z ztunnel) listen(t *testing.T, c *cluster) *witness {
	w := &witness{heard: map[string]bool{}, now: map[string]string{}}
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
	w.now = gateways
	w.keep()
}

// keep remembers what is told now: while one gateway takes the place of another, both. The caller holds mu.
func (w *witness) keep() {
	for network, all := range w.now {
		for _, at := range strings.Fields(all) {
			w.heard[network+" "+at] = true
		}
	}
}

// wantHeard wants the witness to be told of these gateways, and to have been told of no others but those allowed since it was
// asked last.
func (w *witness) wantHeard(t *testing.T, z ztunnel, gateways map[string]string, allowed []string) {
	t.Helper()
	eventually(t, z.cluster+": what a ztunnel is told that listened all the time", func(context.Context) error {
		w.mu.Lock()
		defer w.mu.Unlock()
		diff := cmp.Diff(gateways, w.now)
		return errorIf(diff != "", "gateways (-want +got):\n%s", diff)
	})
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, at := range slices.Sorted(maps.Keys(w.heard)) {
		network, address, _ := strings.Cut(at, " ")
		if gateways[network] != address && !slices.Contains(allowed, at) {
			t.Errorf("a ztunnel in %s has been told of the gateway of %s, and there were %v and %q", z.cluster, at, gateways, allowed)
		}
	}
	clear(w.heard)
	w.keep()
}
