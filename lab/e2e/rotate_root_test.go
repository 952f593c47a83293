package e2e

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/setup-mesh/setup-mesh/lab"
)

// TestE2ERotateRoot leads a mesh with workloads to another root while requests run between all
// pairs of clusters. None of them fails.
func TestE2ERotateRoot(t *testing.T) {
	needsLab(t)
	d := &dataPlane{journey: newJourney(t, lab.Options{
		Contexts: []string{east1, east2, west1, remoteEast}, Networks: []string{"network-east", "network-east", "network-west", "network-remote"},
	})}
	d.inOrder(t, []step{
		{"Apply", d.apply},
		{"EveryPairAnswers", func(t *testing.T) { d.becomes(t, d.all()) }},
		{"Rotate", d.rotates},
	})
}

// rotates leads the mesh to another root.
func (d *dataPlane) rotates(t *testing.T) {
	was := d.read(t, "certs/root-cert.pem")
	stop := d.keepCalling(t)
	wantWords(t, d.run(t, 0, "certs", "rotate-root", "--yes"), "Step 1 of 3", "Step 2 of 3", "Step 3 of 3", "The mesh has root")
	stop()
	if d.read(t, "certs/root-cert.pem") == was || d.read(t, "certs/old-root-cert.pem") != was {
		t.Error("the new root is not in the place of the old one")
	}
	wantWords(t, d.run(t, 0, "plan", "--detailed-exitcode"), "Nothing to change.")
	wantWords(t, d.run(t, 0, "status"), "The mesh is one")
	d.becomes(t, d.all())
}

// keepCalling has the clients of all clusters call the service all the time, until the function that it returns is
// called. Every call has to be answered.
func (d *dataPlane) keepCalling(t *testing.T) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	var answered atomic.Int64
	var mu sync.Mutex
	var failed []string
	for _, from := range contextsOfTraffic {
		all.Go(func() {
			for ctx.Err() == nil {
				stdout, stderr, code, err := d.call(context.WithoutCancel(ctx), from, "client", fmt.Sprintf("/hello?call=[1-%d]", calls))
				good := strings.Count(stdout, "\n200\n")
				answered.Add(int64(good))
				if err != nil || code != 0 || good != calls {
					mu.Lock()
					failed = append(failed, fmt.Sprintf("from %s: %v: exit %d, %d of %d answered: %s%s", from, err, code, good, calls, stdout, stderr))
					mu.Unlock()
				}
			}
		})
	}
	return func() {
		t.Helper()
		cancel()
		all.Wait()
		t.Logf("%d calls were answered meanwhile", answered.Load())
		if answered.Load() == 0 {
			t.Error("no call was answered")
		}
		for i, f := range failed {
			if i < 3 {
				t.Errorf("%d of the rounds failed: %s", len(failed), f)
			}
		}
	}
}
