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
		{"RenewIssuingCA", d.renewsIssuing},
		{"Rotate", d.rotates},
		{"ClusterDownAndBack", d.rotatesBack},
		{"Killed", d.rotatesKilled},
		{"RevokeCA", d.revokesCA},
		{"RevokeAnotherCA", d.revokesAnother},
		{"JoinWithLists", d.joinsWithLists},
		{"RotateAfterLists", d.rotatesAfterLists},
	})
}

// rotates leads the mesh to another root.
func (d *dataPlane) rotates(t *testing.T) {
	was := d.read(t, "certs/root-cert.pem")
	stop := d.keepCalling(t, contextsOfTraffic...)
	wantWords(t, d.run(t, 0, "certs", "rotate-root", "--yes"), "Step 1 of 3", "Step 2 of 3", "Step 3 of 3", "The mesh has root")
	stop()
	if d.read(t, "certs/root-cert.pem") == was || d.read(t, "certs/old-root-cert.pem") != was {
		t.Error("the new root is not in the place of the old one")
	}
	wantWords(t, d.run(t, 0, "plan", "--detailed-exitcode"), "Nothing to change.")
	wantWords(t, d.run(t, 0, "status"), "The mesh is one")
	wantWords(t, d.run(t, 0, "certs"), "signs, and its key is here", "ISSUING CA", "Nothing is due.")
	d.becomes(t, d.all())
}

// rotatesBack is stopped by a cluster that is down, and leads the mesh back once it is up.
func (d *dataPlane) rotatesBack(t *testing.T) {
	was := d.read(t, "certs/root-cert.pem")
	stop := d.keepCalling(t, east1, east2, remoteEast) // the others cannot be told to
	if err := d.lab.StopAPI(t.Context(), west1); err != nil {
		t.Fatal(err)
	}
	wantWords(t, d.run(t, 3, "certs", "rotate-root", "--yes"), "Step 1 of 3", "west-1", "not reached",
		"The rotation has stopped on the way to this: both roots are trusted, and the old one signs.")
	if err := d.lab.StartAPI(t.Context(), west1); err != nil {
		t.Fatal(err)
	}
	wantWords(t, d.run(t, 0, "plan"), "is being replaced by root", "both roots are trusted, and the old one signs")
	wantWords(t, d.run(t, 0, "certs", "rotate-root", "--back", "--yes"), "Step 3 of 3", "has root", "again")
	stop()
	if d.read(t, "certs/root-cert.pem") != was {
		t.Error("the root is another one")
	}
	wantWords(t, d.run(t, 0, "plan", "--detailed-exitcode"), "Nothing to change.")
	wantWords(t, d.run(t, 1, "certs", "rotate-root", "--back", "--yes"), "no rotation of the root is under way")
	wantWords(t, d.run(t, 0, "status"), "The mesh is one")
}

// rotatesKilled is killed in each of its steps, and goes on when it is run again.
func (d *dataPlane) rotatesKilled(t *testing.T) {
	was := d.read(t, "certs/root-cert.pem")
	stop := d.keepCalling(t, contextsOfTraffic...)
	for _, when := range []string{"certificate: 1 object", "that is to sign", "that goes"} {
		run := d.start(t, "certs", "rotate-root", "--yes")
		run.waitFor(t, when)
		if err := run.cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		run.end(t)
		for _, c := range d.clusters {
			c.endLock(t)
		}
	}
	d.run(t, 0, "certs", "rotate-root", "--yes")
	stop()
	if d.read(t, "certs/root-cert.pem") == was {
		t.Error("the root is the same")
	}
	wantWords(t, d.run(t, 0, "plan", "--detailed-exitcode"), "Nothing to change.")
	wantWords(t, d.run(t, 0, "status"), "The mesh is one")
	d.becomes(t, d.all())
}

// keepCalling has the clients of clusters call the service in all clusters all the time, until the function that it returns is
// called. Every call has to be answered.
func (d *dataPlane) keepCalling(t *testing.T, callers ...string) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	var answered atomic.Int64
	var mu sync.Mutex
	var failed []string
	for _, from := range callers {
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
