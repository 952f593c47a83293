package simulate

import (
	"crypto/rand"
	"testing"
	"testing/synctest"
	"time"

	"github.com/setup-mesh/setup-mesh/pkg/apply/applytest"
	"github.com/setup-mesh/setup-mesh/pkg/apply/execute"
	"github.com/setup-mesh/setup-mesh/pkg/apply/world"
)

// What far API servers cost: requests go side by side, so that few round trips
// come one after another. The clock is that of a bubble, and nothing else takes
// time. A connection, which clusters in memory need none of, takes three more.
func TestRoundTrips(t *testing.T) {
	const trip, connecting = 80 * time.Millisecond, 3 * 80 * time.Millisecond
	near, far := farAway(t, 0), farAway(t, trip)
	for what, most := range map[string]time.Duration{"no-op plan": 500 * time.Millisecond, "first apply": 2 * time.Second} {
		added := far[what] - near[what] + connecting
		t.Logf("%s: %s more", what, added)
		if added > most || far[what] < near[what]+trip {
			t.Errorf("a round trip of %s adds %s to a %s, and may add %s", trip, added, what, most)
		}
	}
}

// farAway is how long a first apply and a no-op plan take with three clusters whose
// API servers answer after trip.
func farAway(t *testing.T, trip time.Duration) map[string]time.Duration {
	took := map[string]time.Duration{}
	synctest.Test(t, func(t *testing.T) {
		fleet := applytest.New(1)
		defer fleet.Close()
		for _, name := range []string{"a", "b", "c"} {
			fleet.Add(name)
		}
		fleet.OnRequest(func(r applytest.Request) applytest.Fault {
			if !r.Done {
				time.Sleep(trip)
			}
			return ""
		})
		wanted := benchWanted(t, "mesh_id: m\ncontexts: {a: {network: one}, b: {network: two}, c: {network: one}}\n")
		run, ctx := fleet.Run(t.Context())
		clients := &world.Clients{Opener: run, Resolver: noNames{}}
		start := time.Now()
		p := checkedPlan(ctx, t, wanted, clients)
		r := execute.Apply(ctx, p, clients, execute.Options{Now: time.Now(), Random: rand.Reader, Holder: "us", Parallelism: 24})
		took["first apply"] = time.Since(start)
		if len(p.Refusals) > 0 || !r.Complete() {
			t.Fatalf("refusals %v, report %+v", p.Refusals, r)
		}
		start = time.Now()
		p = checkedPlan(ctx, t, wanted, clients)
		took["no-op plan"] = time.Since(start)
		if p.Pending() {
			t.Fatal("something is pending")
		}
	})
	return took
}
