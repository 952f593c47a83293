package apply

import (
	"crypto/rand"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/setup-mesh/setup-mesh/pkg/apply/desired"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
	"github.com/setup-mesh/setup-mesh/pkg/apply/world"
	"github.com/setup-mesh/setup-mesh/pkg/certs"
)

// listedWorld is a mesh in which a CA of a is revoked, and lists are in force.
func listedWorld(t *testing.T) (*world.World, *certs.Revoked) {
	t.Helper()
	w := appliedWorld(t, revokes(t, nil))
	pending := pendingIn("a", bundleIn(t, w, "a"))
	certificatesOf(t, NewPlan(revokes(t, pending), w, plan.Options{}), w)
	revoked := listedBy(t, pending)
	certificatesOf(t, NewPlan(revokes(t, revoked), w, plan.Options{}), w)
	return w, revoked
}

// without is w with clusters that hold nothing.
func without(w *world.World, clusters ...string) {
	for _, name := range clusters {
		l := w.Cluster(name)
		l.Record, l.Objects = nil, map[object.Ref]world.Observed{}
	}
}

// leaks is r with the CA that a cluster has to be revoked, and whether that waits for workloads.
func leaks(t *testing.T, r *certs.Revoked, w *world.World, cluster string, wait bool) *certs.Revoked {
	t.Helper()
	return r.Adding(certs.RevokedCA{Cluster: cluster, Serial: certs.SerialOf(bundleIn(t, w, cluster).Cert()), Since: testNow}).Waiting(wait)
}

// With lists in force, a CA with another key signs once all proxies have its list: first the
// others' cacerts hold that, or the cluster's own beside the CA that signs meanwhile.
func TestOrderOfAComingCA(t *testing.T) {
	lost := func(cluster string) func(*testing.T, *world.World, *certs.Revoked) *certs.Revoked {
		return func(_ *testing.T, w *world.World, r *certs.Revoked) *certs.Revoked {
			l := w.Cluster(cluster)
			delete(l.Objects, object.SecretRef(l.Namespace, object.Cacerts))
			return r
		}
	}
	tests := map[string]struct {
		change func(*testing.T, *world.World, *certs.Revoked) *certs.Revoked
		want   []string // the steps about CAs and lists, with what they come after of these
	}{
		"nothing is to come": {
			func(_ *testing.T, _ *world.World, r *certs.Revoked) *certs.Revoked { return r }, nil,
		},
		"a cluster joins, with another that it is to serve": {
			func(_ *testing.T, w *world.World, r *certs.Revoked) *certs.Revoked {
				without(w, "b", "r")
				return r
			},
			[]string{"a: prove revocation lists <- a: put certificate", "a: put certificate", "b: put certificate <- a: prove revocation lists"},
		},
		"a cluster has lost its CA, and what it serves is served by nobody": {
			lost("b"),
			[]string{"a: prove revocation lists <- a: put certificate", "a: put certificate", "b: put certificate <- a: prove revocation lists"},
		},
		"a cluster has lost its CA, and proxies elsewhere go on": {
			lost("a"),
			[]string{"a: put certificate <- b: prove revocation lists, r: prove revocation lists", "b: prove revocation lists <- b: put certificate", "b: put certificate", "r: prove revocation lists <- b: put certificate"},
		},
		"another CA is to be revoked: its own cluster is told of the next, too": {
			func(t *testing.T, w *world.World, r *certs.Revoked) *certs.Revoked { return leaks(t, r, w, "b", true) },
			[]string{
				"a: prove revocation lists <- a: put certificate, b: prove announcement", "a: put certificate", "b: prove announcement",
				"b: prove revocation lists <- a: put certificate, b: prove announcement",
				"b: put certificate <- a: prove revocation lists, b: prove revocation lists, r: prove revocation lists",
				"r: prove revocation lists <- a: put certificate, b: prove announcement",
			},
		},
		"another CA is to be revoked now: nobody waits": {
			func(t *testing.T, w *world.World, r *certs.Revoked) *certs.Revoked { return leaks(t, r, w, "b", false) },
			[]string{"a: put certificate", "b: put certificate"},
		},
		"two clusters get a CA, one of them its first": {
			func(t *testing.T, w *world.World, r *certs.Revoked) *certs.Revoked {
				without(w, "b", "r")
				return leaks(t, r, w, "a", true)
			},
			[]string{"a: prove announcement", "a: prove revocation lists <- a: prove announcement", "a: put certificate <- a: prove revocation lists", "b: put certificate <- a: prove revocation lists"},
		},
		"a cluster that is not reached would not trust it: nothing is done": {
			func(t *testing.T, w *world.World, r *certs.Revoked) *certs.Revoked {
				w.Cluster("r").Unreached = errors.New("i/o timeout")
				return leaks(t, r, w, "b", true)
			}, nil,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w, revoked := listedWorld(t)
			revoked = tt.change(t, w, revoked)
			p := NewPlan(revokes(t, revoked), w, plan.Options{})
			if diff := cmp.Diff(tt.want, aboutLists(graphOf(t, p))); diff != "" {
				t.Errorf("steps (-want +got):\n%s", diff)
			}
			if len(p.Refusals) > 0 {
				t.Errorf("refused: %+v", p.Refusals)
			}
		})
	}
}

// While a cluster is not reached, the CA that waits for it says so, and nothing is done in
// the others.
func TestComingCAWaitsForAClusterThatIsNotReached(t *testing.T) {
	w, revoked := listedWorld(t)
	w.Cluster("r").Unreached = errors.New("i/o timeout")
	p := NewPlan(revokes(t, leaks(t, revoked, w, "b", true)), w, plan.Options{})
	ref := object.SecretRef("istio-system", object.Cacerts)
	type said struct {
		Action  plan.Action
		Blocked string
	}
	got := map[string]said{}
	for _, cluster := range []string{"a", "b"} {
		ch := p.Cluster(cluster).Planned(ref)
		got[cluster] = said{ch.Action, ch.Blocked}
	}
	if diff := cmp.Diff(map[string]said{"a": {plan.Keep, ""}, "b": {plan.Update, "r is not reached"}}, got); diff != "" {
		t.Errorf("cacerts (-want +got):\n%s", diff)
	}
}

// aboutLists are the steps that put certificates and look for lists, each with those of them
// that it comes after, directly.
func aboutLists(g *graph) []string {
	is := func(name string) bool {
		return strings.HasSuffix(name, "put certificate") || strings.HasSuffix(name, "prove revocation lists") || strings.HasSuffix(name, "prove announcement")
	}
	var out []string
	for _, s := range g.steps {
		if !is(stepName(s)) || s.Blocked != "" {
			continue
		}
		var after []string
		for _, i := range s.After {
			if name := stepName(g.steps[i]); is(name) {
				after = append(after, name)
			}
		}
		slices.Sort(after)
		line := stepName(s)
		if len(after) > 0 {
			line += " <- " + strings.Join(after, ", ")
		}
		out = append(out, line)
	}
	slices.Sort(out)
	return out
}

// One apply is enough for a cluster that joins while lists are in force: all trust what its
// CA signs, and nothing is left to do. One that dies before the CA is there is made up for.
func TestJoinWithListsInForce(t *testing.T) {
	for name, died := range map[string][]string{"one apply": nil, "an apply dies before the CA is there": {"a"}} {
		t.Run(name, func(t *testing.T) {
			w, revoked := listedWorld(t)
			lost := bundleIn(t, w, "b")
			l := w.Cluster("b")
			delete(l.Objects, object.SecretRef(l.Namespace, object.Cacerts))
			if died != nil {
				certificatesOf(t, NewPlan(revokes(t, revoked), w, plan.Options{}), w, died...)
			}
			certificatesOf(t, NewPlan(revokes(t, revoked), w, plan.Options{}), w)
			wantTrust(t, w, "a", bundleIn(t, w, "b"), true)
			wantTrust(t, w, "b", bundleIn(t, w, "a"), true)
			wantTrust(t, w, "a", lost, true) // what it has signed may still run
			if put, _ := putting(t, NewPlan(revokes(t, revoked), w, plan.Options{})); put != nil {
				t.Errorf("another apply puts certificates in %v", put)
			}
		})
	}
}

// Runs that die one after the other do not leave a list each.
func TestListsOfCAsThatNeverCome(t *testing.T) {
	w, revoked := listedWorld(t)
	without(w, "b", "r")
	var sizes []int
	for range 4 {
		certificatesOf(t, NewPlan(revokes(t, revoked), w, plan.Options{}), w, "a")
		sizes = append(sizes, strings.Count(string(bundleIn(t, w, "a").Data()[certs.CACRLFile]), "BEGIN"))
	}
	// Of the root; the CA of a; that of b which is gone, and those that were to come: the first may have come and be lost
	// again, of the others one is left.
	if diff := cmp.Diff([]int{4, 5, 5, 5}, sizes); diff != "" {
		t.Errorf("lists in a (-want +got):\n%s", diff)
	}
}

// A second CA is revoked as the first one is: at no time is there a CA that signs and that
// some cluster does not trust.
func TestRevokeAnotherCA(t *testing.T) {
	w, revoked := listedWorld(t)
	leaked := bundleIn(t, w, "b")
	pending := leaks(t, revoked, w, "b", true)
	p := NewPlan(revokes(t, pending), w, plan.Options{})
	cas := &desired.CAs{}
	item := p.Cluster("b").Planned(object.SecretRef("istio-system", object.Cacerts)).Item
	minter := desired.Minter{World: w, CAs: cas, Random: rand.Reader, Now: w.Now}
	content, err := item.Late.(*desired.Intermediate).Announce(t.Context(), minter)
	if err != nil {
		t.Fatal(err)
	}
	next, err := item.Late.(*desired.Intermediate).Next(t.Context(), minter)
	if err != nil {
		t.Fatal(err)
	}
	announced := content.Put(desired.WantedObject(item, w.Cluster("b").Object(item.Ref)))
	putIn(w, "b", announced)
	if b := bundleIn(t, w, "b"); !b.Cert().Equal(leaked.Cert()) {
		t.Error("what is announced signs already")
	}
	wantTrust(t, w, "b", next, true)
	wantTrust(t, w, "b", leaked, true)
	certificatesOf(t, NewPlan(revokes(t, pending), w, plan.Options{}), w) // the run died, and is run again
	for _, cluster := range []string{"a", "b"} {
		wantTrust(t, w, cluster, bundleIn(t, w, "b"), true)
		wantTrust(t, w, cluster, bundleIn(t, w, "a"), true)
		wantTrust(t, w, cluster, leaked, true)
	}
	if bundleIn(t, w, "b").SameKey(leaked) {
		t.Error("b has the same key")
	}
	listed := listedBy(t, pending)
	certificatesOf(t, NewPlan(revokes(t, listed), w, plan.Options{}), w)
	for _, cluster := range []string{"a", "b"} {
		wantTrust(t, w, cluster, bundleIn(t, w, "b"), true)
		wantTrust(t, w, cluster, leaked, false)
	}
}

// wantTrust is whether the proxies of a cluster trust what b signs.
func wantTrust(t *testing.T, w *world.World, cluster string, b *certs.Bundle, want bool) {
	t.Helper()
	err := bundleIn(t, w, cluster).Accepts(b, testNow, certs.Identity{Cluster: b.Cluster(), Namespace: "istio-system", TrustDomain: "cluster.local"})
	if (err == nil) != want {
		t.Errorf("%s trusts the CA %s of %s: %v, want %v", cluster, certs.SerialOf(b.Cert()), b.Cluster(), err, want)
	}
}
