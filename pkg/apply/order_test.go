package apply

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/setup-mesh/setup-mesh/pkg/apply/desired"
	"github.com/setup-mesh/setup-mesh/pkg/apply/internal/fixture"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
	"github.com/setup-mesh/setup-mesh/pkg/apply/record"
	"github.com/setup-mesh/setup-mesh/pkg/apply/world"
)

// TestOrderOfInstall lists what a first apply of one cluster waits for, whole.
func TestOrderOfInstall(t *testing.T) {
	d := WantedMesh(t, "mesh_id: m\ncontexts: {kind-a: {network: n, name: a}}\n", TestBase+"  values: {global: {mtls: {enabled: true}}}\n")
	g := graphOf(t, NewPlan(d, EmptyWorld(d), plan.Options{}))
	want := []string{
		"a: begin",
		"a: put certificate <- a: begin",
		"a: put CRDs <- a: begin",
		"a: put configuration <- a: begin",
		"a: put control plane <- a: begin, a: put certificate, a: put configuration",
		"a: put webhooks <- a: begin, a: put certificate, a: put configuration",
		"a: put injection webhook <- a: begin, a: put certificate, a: put configuration",
		"a: put mesh configuration <- a: begin, a: put CRDs, a: prove istiod",
		"a: prove istiod <- a: begin, a: put certificate, a: put CRDs, a: put configuration, a: put control plane, a: put webhooks",
		"a: finish <- a: begin, a: put certificate, a: put CRDs, a: put configuration, a: put control plane, a: put webhooks, a: put injection webhook, a: put mesh configuration, a: prove istiod",
	}
	var got []string
	for _, s := range g.steps {
		got = append(got, g.line(s))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
}

// TestOrderOfTwoPrimaries checks the order that a first install needs; what is not
// listed may run at the same time.
func TestOrderOfTwoPrimaries(t *testing.T) {
	d := WantedMesh(t, twoClusters, TestBase)
	g := graphOf(t, NewPlan(d, EmptyWorld(d), plan.Options{}))
	g.wantBefore(t, [][2]string{
		{"east: put certificate", "east: put control plane"}, // or istiod makes a root of its own
		{"east: prove istiod", "east: put gateways"},         // it injects them
		{"east: put injection webhook", "east: put gateways"},
		{"east: prove istiod", "east: put mesh configuration"},
		{"east: put gateways", "east: prove gateway"},
		{"east: put certificate", "east: put remote secret west"}, // trust in both
		{"west: put certificate", "east: put remote secret west"},
		{"west: put configuration", "east: put remote secret west"}, // the account
		{"west: put grant east", "east: put remote secret west"},
		{"east: put remote secret west", "east: prove discovery"},
		{"east: prove istiod", "east: prove discovery"},
	}...)
	for _, s := range g.steps {
		if s.Cluster == "east" && s.Kind != plan.Begin && s.Kind != plan.Finish && !g.before(t, "east: begin", stepName(s)) {
			t.Errorf("%s does not wait for the lock", stepName(s))
		}
		if s.Cluster == "east" && s.Kind != plan.Finish && !g.before(t, stepName(s), "east: finish") {
			t.Errorf("the record does not wait for %s", stepName(s))
		}
	}
	// A slow cluster holds up the others only where they need it.
	needed := []string{"east: put remote secret west", "east: prove discovery", "east: finish"}
	for _, s := range g.steps {
		for _, other := range g.steps {
			if s.Cluster == "east" && other.Cluster == "west" && !slices.Contains(needed, stepName(s)) && g.before(t, stepName(other), stepName(s)) {
				t.Errorf("%s waits for %s", stepName(s), stepName(other))
			}
		}
	}
	if g.before(t, "west: prove istiod", "east: put remote secret west") {
		t.Error("a remote secret waits for the other's istiod")
	}
}

// TestSteps lists the steps of small changes.
func TestSteps(t *testing.T) {
	const ns = "istio-system"
	proofs := []string{"a: prove discovery", "b: prove discovery"}
	tests := map[string]struct {
		world func(t *testing.T, w *world.World)
		want  []string
	}{
		"nothing to do: the mesh is proved all the same": {want: proofs},
		"one object: its part, the proof, and the record": {
			world: func(_ *testing.T, w *world.World) {
				w.Clusters[2].Objects[object.IstiodServiceRef(ns)] = world.Observed{}
			},
			want: append([]string{"c: begin", "c: finish", "c: put configuration"}, proofs...),
		},
		"istiod restarts": {
			world: func(_ *testing.T, w *world.World) { w.Clusters[2].Objects[object.IstiodRef(ns)] = world.Observed{} },
			want:  append([]string{"c: begin", "c: finish", "c: prove istiod", "c: put control plane"}, proofs...),
		},
		"what is unknown or blocked is not done, nor proved what needs it": {
			world: func(_ *testing.T, w *world.World) {
				takeDown(w, "b")
				w.Clusters[0].Objects[object.SecretRef(ns, object.RemoteSecretPrefix+"b")] = world.Observed{}
				w.Clusters[2].Objects[object.IstiodServiceRef(ns)] = world.Observed{Err: errors.New("forbidden")}
			},
			want: []string{"a: begin", "a: finish"}, // only the record changes
		},
		"what nobody wants goes": {
			world: func(t *testing.T, w *world.World) {
				extra(t, w.Clusters[0], "old", object.FieldManager)
				grant := object.SecretRef(ns, object.GrantPrefix+"gone")
				w.Clusters[0].Objects[grant] = world.Observed{Object: fixture.ManagedBy(object.New("v1", "Secret", ns, grant.Name, nil, nil), "u", object.FieldManager)}
				recordOf(w.Clusters[0], record.Recorded{Ref: grant, Subject: desired.SubjectOf(grant, order.RemoteAccess)})
			},
			want: append([]string{"a: begin", "a: finish", "a: remove configuration", "a: remove grant gone"}, proofs...),
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			d := WantedMesh(t, OneNetwork, TestBase)
			w := appliedWorld(t, d)
			if tt.world != nil {
				tt.world(t, w)
			}
			want := slices.Sorted(slices.Values(tt.want))
			if diff := cmp.Diff(want, graphOf(t, NewPlan(d, w, plan.Options{})).names()); diff != "" {
				t.Errorf("steps (-want +got):\n%s", diff)
			}
		})
	}
}

// TestOrderOfRemote checks the table of docs/architecture.md: a remote cluster
// waits for what it needs of its primaries, and for nothing else of them.
func TestOrderOfRemote(t *testing.T) {
	d := WantedMesh(t, sharedControlPlane, TestBase)
	g := graphOf(t, NewPlan(d, EmptyWorld(d), plan.Options{}))
	g.wantBefore(t, [][2]string{
		{"west: begin", "east: put remote secret west"}, // istiod asks the namespace whom it may lead
		{"west: put grant east", "east: put remote secret west"},
		{"west: put reader account", "east: put remote secret west"},
		{"east: put certificate", "east: put remote secret west"},
		{"east: prove gateway", "west: put address east"}, // is known then
		{"west: put address east", "west: put injection webhook"},
		{"west: put control plane service", "west: put injection webhook"},
		{"west: put injection webhook", "west: prove injection"},
		{"east: prove istiod", "west: prove injection"},
		{"east: put mesh configuration", "west: prove injection"}, // exposes istiod
		{"east: put remote secret west", "west: prove injection"},
		{"west: prove injection", "west: put gateways"}, // are injected
		{"west: put gateways", "west: prove gateway"},
		{"west: put gateways", "west: finish"},
		{"east: put remote secret west", "east: prove discovery"},
	}...)
	for _, o := range [][2]string{
		{"north: prove istiod", "west: prove injection"},
		{"west: prove injection", "east: finish"},
		{"west: prove injection", "north: prove discovery"},
	} {
		if g.before(t, o[0], o[1]) {
			t.Errorf("%s waits for %s", o[1], o[0])
		}
	}
	for _, absent := range []string{"west: prove istiod", "west: put certificate", "west: put CRDs", "west: put mesh configuration", "west: prove discovery", "west: prove serving"} {
		if g.has(absent) {
			t.Errorf("a remote cluster has the step %s", absent)
		}
	}
}

// TestOrderOfLeaving takes west out: its peer forgets it first, and what runs ends
// before what it runs on.
func TestOrderOfLeaving(t *testing.T) {
	w := appliedWorld(t, WantedMesh(t, twoClusters, TestBase))
	d := WantedMesh(t, "mesh_id: m\ncontexts: {kind-east: {network: n1, name: east}}\n", TestBase)
	west := w.Clusters[1]
	west.Leaving = true
	west.Remains.ByProducts = []object.Ref{fixture.ConfigMap("istio-ca-root-cert")}
	g := graphOf(t, NewPlan(d, seenFor(d, w), plan.Options{}))
	for _, first := range []string{"east: remove remote secret west", "east: remove grant west"} {
		g.wantBefore(t, [2]string{first, "west: remove injection webhook"})
	}
	chain := []string{
		"west: begin", "west: remove injection webhook", "west: remove control plane", "west: remove configuration",
		"west: remove by-products of istiod", "west: remove CRDs", "west: remove record", "west: remove namespace", "west: finish",
	}
	for i := 1; i < len(chain); i++ {
		g.wantBefore(t, [2]string{chain[i-1], chain[i]})
	}
	for _, s := range g.steps { // those that stay name the cluster in their records until it is gone
		for _, other := range chain[1:] {
			if s.Cluster == "east" && s.Kind != plan.Finish && g.before(t, other, stepName(s)) {
				t.Errorf("%s waits for %s", stepName(s), other)
			}
		}
	}
	g.wantBefore(t, [2]string{"west: remove namespace", "east: finish"})
}

// A teardown has nobody whose forgetting is to be waited for.
func TestOrderOfTeardown(t *testing.T) {
	d := WantedMesh(t, OneNetwork, TestBase)
	w := appliedWorld(t, d)
	for i, l := range w.Clusters {
		l.Leaving = true
		d.Clusters[i] = &desired.Cluster{Member: d.Clusters[i].Member}
	}
	g := graphOf(t, NewPlan(d, w, plan.Options{}))
	for _, s := range g.steps {
		for _, at := range s.After {
			if other := g.steps[at]; other.Cluster != s.Cluster {
				t.Errorf("%s waits for %s", stepName(s), stepName(other))
			}
		}
	}
	for _, name := range []string{"a", "b", "c"} {
		g.wantBefore(t, [2]string{name + ": remove namespace", name + ": finish"})
	}
}

// TestOrderOfTeardownOfShared: nothing calls an istiod that is gone, and nothing
// writes into a cluster that was cleaned.
func TestOrderOfTeardownOfShared(t *testing.T) {
	d := WantedMesh(t, sharedControlPlane, TestBase)
	w := appliedWorld(t, d)
	for _, l := range w.Clusters {
		l.Leaving = true
	}
	g := graphOf(t, NewPlan(d, w, plan.Options{}))
	g.wantBefore(t, [][2]string{
		{"west: remove injection webhook", "east: remove control plane"},
		{"east: remove control plane", "west: remove control plane service"},
		{"east: remove control plane", "west: remove namespace"},
	}...)
	if g.before(t, "west: remove injection webhook", "north: remove control plane") {
		t.Error("a primary without remote clusters waits for one")
	}
}

// TestOrderOfRemoteLeaving: the last word of a primary that stays is that it has
// forgotten the cluster.
func TestOrderOfRemoteLeaving(t *testing.T) {
	w := appliedWorld(t, WantedMesh(t, sharedControlPlane, TestBase))
	w.Clusters = []*world.Live{w.Clusters[0], w.Clusters[2], w.Clusters[1]}
	w.Clusters[2].Leaving = true
	d := WantedMesh(t, "mesh_id: m\ncontexts: {kind-east: {network: n1, name: east}, kind-north: {network: n1, name: north}}\n", TestBase)
	g := graphOf(t, NewPlan(d, seenFor(d, w), plan.Options{}))
	g.wantBefore(t, [][2]string{
		{"east: remove remote secret west", "west: remove injection webhook"},
		{"north: remove remote secret west", "west: remove injection webhook"},
		{"east: remove remote secret west", "east: prove discovery"},
		{"east: prove discovery", "west: remove control plane service"},
	}...)
}

// rolesOf plans a change from one topology to another of the same clusters.
func rolesOf(t *testing.T, before, after string, change ...func(w *world.World)) (*plan.Plan, *graph) {
	t.Helper()
	d := WantedMesh(t, after, TestBase)
	w := seenFor(d, appliedWorld(t, WantedMesh(t, before, TestBase)))
	for _, f := range change {
		f(w)
	}
	p := NewPlan(d, w, plan.Options{})
	return p, graphOf(t, p)
}

const threePrimaries = `mesh_id: m
contexts:
  kind-p1: {network: n1, name: p1}
  kind-p2: {network: n2, name: p2}
  kind-r: {network: n3, name: r}
`

func served(by string) string {
	return strings.Replace(threePrimaries, "name: r}", "name: r, primaries: ["+by+"]}", 1)
}

// "A cluster loses its control plane while its only primary is down": p1 does not
// answer, and r, which has a control plane of its own, is to be served by it.
// 42 objects of r were deleted, and what was left refused every pod.
func TestControlPlaneStaysWhileThePrimaryIsDown(t *testing.T) {
	p, _ := rolesOf(t, threePrimaries, served("kind-p1"), func(w *world.World) { takeDown(w, "p1") })
	removals := 0
	for _, ch := range p.Cluster("r").Changes {
		if ch.Removes() {
			removals++
		}
		if ch.Action != plan.Keep && ch.Part != order.Record && ch.Part != order.Namespace && ch.Part != order.Grant && ch.Part != order.Account && ch.Part != order.Front && ch.Part != order.Gateways && ch.Blocked != "p1 is not reached" {
			t.Errorf("%s", changeLine(ch))
		}
	}
	if removals == 0 {
		t.Error("nothing is to be removed: the test tests nothing")
	}
	for _, part := range []string{"control plane", "webhooks", "injection webhook", "certificate", "CRDs", "configuration", "remote secret p2", "remote secret p1"} {
		if g := graphOf(t, p); g.has("r: remove " + part) {
			t.Errorf("%s goes", part)
		}
	}
}

// "Demotion cuts Service istiod first": a webhook that calls a Service without
// endpoints refuses pods, for as long as a load balancer takes.
func TestServiceLosesItsSelectorLast(t *testing.T) {
	p, g := rolesOf(t, threePrimaries, served("kind-p1"))
	service := changeOf(p.Cluster("r"), object.IstiodServiceRef("istio-system"))
	if service.Action != plan.Update || service.Replace {
		t.Errorf("the Service: %s, replaced %v", changeLine(service), service.Replace)
	}
	g.wantBefore(t, [][2]string{
		{"r: prove serving", "r: put control plane service"},
		{"r: put address p1", "r: put control plane service"},
		{"r: prove serving", "r: put address p1"}, // which stands behind the same Service
		{"r: prove serving", "r: put injection webhook"},
		// The webhook of a primary does not say for which cluster it is: p1 would
		// inject the pods of r as its own.
		{"r: put injection webhook", "r: put address p1"},
		{"r: put injection webhook", "r: put control plane service"},
		{"p1: put remote secret r", "r: prove serving"},
		{"p1: put mesh configuration", "r: prove serving"},
		{"r: prove serving", "r: prove injection"},
		{"r: prove injection", "r: remove control plane"},
		{"r: prove injection", "r: remove certificate"},
		{"r: prove injection", "r: remove remote secret p2"},
		{"r: remove remote secret p2", "p2: remove grant r"},
	}...)

	// The new primary has no gateway yet, and its address may take for ever.
	_, g = rolesOf(t, threePrimaries, served("kind-p1"), func(w *world.World) {
		l := w.Cluster("p1")
		l.Reach = world.Reach{}
		l.Objects[object.GatewayServiceRef("istio-system")] = world.Observed{}
	})
	g.wantBefore(t, [][2]string{
		{"p1: prove gateway", "r: put address p1"},
		{"p1: prove gateway", "r: prove serving"},
		{"p1: prove gateway", "r: put control plane service"},
	}...)
}

// "The proof may come from the primary that is about to go": r moves from p1 to
// p2, and both stand behind one Service. Each primary that is to serve is proved
// by itself before the old one's address goes.
func TestOldPrimaryGoesOnceTheNewOneServes(t *testing.T) {
	_, g := rolesOf(t, served("kind-p1"), served("kind-p2"))
	g.wantBefore(t, [][2]string{
		{"p2: prove istiod", "r: prove serving"},
		{"p2: put mesh configuration", "r: prove serving"},
		{"p2: put remote secret r", "r: prove serving"},
		{"r: prove serving", "r: prove injection"},
		{"r: prove serving", "r: put address p2"}, // which stands behind the same Service
		{"r: prove serving", "r: remove address p1"},
		{"r: prove injection", "r: remove address p1"},
		{"r: prove injection", "p1: remove mesh configuration"}, // what leads to its istiod
		{"r: prove injection", "p1: put remote secret r"},       // with which it gives up the lead
	}...)
	if g.has("r: remove grant p1") || g.has("p1: remove remote secret r") {
		t.Error("p1 reads r as before: both are joined")
	}
}

// "Pods are injected as another cluster's": r, whom p1 served, gets a control plane
// of its own. The webhook of a primary does not say for which cluster it calls, and
// p1 stands behind the same Service until its address is gone.
func TestWebhookChangesOnceTheOldPrimaryIsGone(t *testing.T) {
	_, g := rolesOf(t, served("kind-p1"), threePrimaries)
	g.wantBefore(t, [][2]string{
		{"r: prove istiod", "r: remove address p1"},
		{"r: remove address p1", "r: put injection webhook"},
		{"r: remove address p1", "p1: remove mesh configuration"},
	}...)
	for _, later := range []string{"r: put injection webhook", "r: put mesh configuration"} {
		if g.before(t, later, "r: remove address p1") {
			t.Errorf("the address of p1 waits for %s", later)
		}
	}
}

// What could not be read is not gone: nothing relies on that.
func TestWhatIsNotReadIsNotGone(t *testing.T) {
	p, g := rolesOf(t, served("kind-p1"), threePrimaries, func(w *world.World) {
		w.Cluster("r").Objects[object.EndpointsRef("istio-system", "p1")] = world.Observed{Err: errors.New("forbidden")}
	})
	if ch := changeOf(p.Cluster("r"), object.InjectorRef("istio-system")); g.has("r: put injection webhook") || ch.Blocked == "" {
		t.Errorf("the webhook: %s", changeLine(ch))
	}
}

// An address stands behind the Service that pods are injected through: one that
// does not serve yet, or never will, refuses a part of them.
func TestAnotherPrimaryServesBeforeItHasAnAddress(t *testing.T) {
	_, g := rolesOf(t, served("kind-p1"), served("kind-p1, kind-p2"))
	g.wantBefore(t, [][2]string{
		{"p2: prove istiod", "r: prove serving"},
		{"p2: put mesh configuration", "r: prove serving"},
		{"p2: put remote secret r", "r: prove serving"},
		{"r: prove serving", "r: put address p2"},
		{"r: put address p2", "r: prove injection"},
	}...)
	// Where nothing serves yet, there is nothing to keep whole.
	d := WantedMesh(t, served("kind-p1, kind-p2"), TestBase)
	if graphOf(t, NewPlan(d, EmptyWorld(d), plan.Options{})).has("r: prove serving") {
		t.Error("a first apply proves each primary by itself")
	}
}

// Where p2 does not answer, p1 goes on to serve.
func TestOldPrimaryStaysWhileTheNewOneIsDown(t *testing.T) {
	p, g := rolesOf(t, served("kind-p1"), served("kind-p2"), func(w *world.World) { takeDown(w, "p2") })
	for _, gone := range []string{"r: remove address p1", "p1: remove mesh configuration", "p1: put remote secret r"} {
		if g.has(gone) {
			t.Errorf("%s is done", gone)
		}
	}
	if ch := changeOf(p.Cluster("r"), object.EndpointsRef("istio-system", "p1")); ch.Action != plan.Delete || ch.Blocked != "p2 is not reached" {
		t.Errorf("the address of p1: %s", changeLine(ch))
	}
}

// Of two primaries one goes, and the other does not answer: nobody can tell
// whether it serves.
func TestPrimaryStaysWhileTheOtherIsDown(t *testing.T) {
	p, g := rolesOf(t, served("kind-p1, kind-p2"), served("kind-p2"), func(w *world.World) { takeDown(w, "p2") })
	if ch := changeOf(p.Cluster("r"), object.EndpointsRef("istio-system", "p1")); ch.Action != plan.Delete || ch.Blocked != "p2 is not reached" {
		t.Errorf("the address of p1: %s", changeLine(ch))
	}
	if g.has("r: prove serving") || g.has("p1: remove mesh configuration") || g.has("p1: put remote secret r") {
		t.Errorf("steps: %v", g.names())
	}
}

// "A leaving primary's grant is revoked before its successor serves": p1 is taken
// out of the topology, and r moves to p2.
func TestGrantOfALeavingPrimary(t *testing.T) {
	const after = "mesh_id: m\ncontexts:\n  kind-p2: {network: n2, name: p2}\n  kind-r: {network: n3, name: r, primaries: [kind-p2]}\n"
	d := WantedMesh(t, after, TestBase)
	demoted := func(change func(w *world.World)) (*plan.Plan, *graph) {
		w := appliedWorld(t, WantedMesh(t, served("kind-p1"), TestBase))
		w.Clusters = []*world.Live{w.Clusters[1], w.Clusters[2], w.Clusters[0]}
		w.Clusters[2].Leaving = true
		seenFor(d, w)
		if change != nil {
			change(w)
		}
		p := NewPlan(d, w, plan.Options{})
		return p, graphOf(t, p)
	}
	_, g := demoted(nil)
	for _, gone := range []string{"r: remove grant p1", "r: remove address p1", "p1: remove webhooks", "p1: remove injection webhook", "p1: remove control plane", "p1: remove gateways"} {
		g.wantBefore(t, [2]string{"r: prove serving", gone}, [2]string{"r: prove injection", gone})
	}
	// Whom it does not serve, forgets it at once.
	if g.before(t, "r: prove injection", "p2: remove grant p1") {
		t.Error("p2 waits for r to forget p1")
	}

	_, g = demoted(func(w *world.World) { takeDown(w, "p2") })
	for _, s := range g.steps {
		if s.Kind == plan.Remove && s.Blocked == "" {
			t.Errorf("%s is done, and nobody serves r but p1", stepName(s))
		}
	}
}

// "A renamed context tears a healthy cluster down": topology.yaml says new-b,
// which does not answer, in the place of kind-b, which the kubeconfig still has.
func TestRenamedContextThatDoesNotAnswer(t *testing.T) {
	const after = "mesh_id: m\ncontexts: {kind-a: {network: n, name: a}, new-b: {network: n, name: NAME}, kind-c: {network: n, name: c, disableRegistryJoin: true}}\n"
	const doubt = "NAME is not reached, and may be the same cluster as b: if it is not, pass --leaving b"
	tests := map[string]struct {
		name    string // of the cluster whose context is new
		change  func(w *world.World)
		options plan.Options
		blocked string // of all that is b's
	}{
		"the cluster has another name now": {name: "b2", blocked: strings.Replace(doubt, "NAME", "b2", 1)},
		"the user knows that b is another one": {
			name: "b2", options: plan.Options{Leaving: []string{"b"}},
		},
		"the user means another one": {
			name: "b2", options: plan.Options{Leaving: []string{"c"}}, blocked: strings.Replace(doubt, "NAME", "b2", 1),
		},
		"it answers, and is another one": {
			name: "b2", change: func(w *world.World) { *w.Clusters[1] = *emptyLive(w.Clusters[1].Member) },
		},
		"an apply before did not reach it either, and has recorded its name": {
			name: "b2", blocked: strings.Replace(doubt, "NAME", "b2", 1), change: func(w *world.World) {
				for _, l := range w.Clusters {
					if l.Record != nil {
						l.Record.Members = append(slices.Clone(l.Record.Members), record.Member{Name: "b2", Context: "new-b"})
					}
				}
			},
		},
		"a record names the context: it is the cluster that it was": {
			name: "b2", change: func(w *world.World) {
				for _, l := range w.Clusters {
					if l.Record != nil {
						l.Record.Members = append(slices.Clone(l.Record.Members), record.Member{Name: "b2", Context: "new-b", UID: "uid-b2"})
					}
				}
			},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			d := WantedMesh(t, strings.Replace(after, "NAME", tt.name, 1), TestBase)
			w := appliedWorld(t, WantedMesh(t, OneNetwork, TestBase))
			gone := *w.Clusters[1]
			gone.Leaving = true
			w.Clusters[1] = &world.Live{Member: d.Clusters[1].Member, Unreached: errors.New("the login has expired")}
			w.Clusters = append(w.Clusters, &gone)
			w.Clusters[1].UID = ""
			if tt.change != nil {
				tt.change(w)
			}
			p := NewPlan(d, w, tt.options)
			c := p.Clusters[3]
			if len(c.Changes) == 0 {
				t.Fatal("nothing is planned for b")
			}
			for _, ch := range c.Changes {
				if ch.Blocked != tt.blocked {
					t.Errorf("%s, want blocked %q", changeLine(ch), tt.blocked)
				}
			}
			if tt.blocked == "" {
				return
			}
			for _, s := range p.Steps { // nobody forgets it either
				if s.Kind == plan.Remove && s.Blocked == "" {
					t.Errorf("%s is done", stepName(s))
				}
			}
			for _, m := range p.Members((*plan.Cluster).WillGo) {
				if m.Name == "b" {
					return
				}
			}
			t.Error("records would not name b any more")
		})
	}
}

// "A dead credential is never replaced": somebody deletes the account that tokens
// are of. It is made again, and so are the tokens, after it.
func TestDeadCredential(t *testing.T) {
	d := WantedMesh(t, OneNetwork, TestBase)
	w := appliedWorld(t, d)
	w.Clusters[1].Objects[desired.AccountRef("istio-system", "istio-reader-service-account")] = world.Observed{}
	p := NewPlan(d, w, plan.Options{})
	want := "a update Secret istio-system/istio-remote-secret-b (the service account of its token is missing in b)\n" +
		"b create ServiceAccount istio-system/istio-reader-service-account\n"
	if diff := cmp.Diff(want, planLines(p)); diff != "" {
		t.Errorf("plan (-want +got):\n%s", diff)
	}
	graphOf(t, p).wantBefore(t, [2]string{"b: put configuration", "a: put remote secret b"}, [2]string{"a: put remote secret b", "a: prove discovery"})
}

// Another account is read as: the tokens of the old one go before it does.
func TestAccountChanges(t *testing.T) {
	const before = "mesh_id: m\ncontexts: {kind-a: {network: n, name: a}, kind-b: {network: n, name: b, serviceAccountReader: old}}\n"
	_, g := rolesOf(t, before, strings.Replace(before, "old", "new", 1))
	g.wantBefore(t, [2]string{"b: put reader account", "a: put remote secret b"}, [2]string{"a: put remote secret b", "b: remove reader account"})
}

// "An object recorded in one version and wanted in another is one object": it was
// kept and deleted in one plan.
func TestVersionIsNoIdentity(t *testing.T) {
	d := WantedMesh(t, twoClusters, TestBase)
	w := appliedWorld(t, d)
	for _, it := range d.Clusters[0].Items {
		if it.Ref.Kind == "Gateway" {
			o := it.Object.DeepCopy()
			o.SetAPIVersion("networking.istio.io/v1beta1")
			newer, err := desired.NewItem(it.Subject, d.MeshID, o, nil)
			if err != nil {
				t.Fatal(err)
			}
			*it = *newer
		}
	}
	p := NewPlan(d, w, plan.Options{})
	if p.Count(plan.Delete) != 0 || p.Count(plan.Create) != 0 {
		t.Errorf("plan:\n%s", planLines(p))
	}
}

// A primary that serves nobody else any longer closes the ports of its gateway once
// those that it served are served otherwise.
func TestFormerPrimaryKeepsItsGateway(t *testing.T) {
	const ns = "istio-system"
	_, g := rolesOf(t, served("kind-p1"), threePrimaries, func(w *world.World) {
		drift(w.Cluster("p1"), object.GatewayServiceRef(ns), "kubectl-edit", func(spec map[string]any) { spec["what"] = "was applied" })
	})
	g.wantBefore(t, [2]string{"r: prove istiod", "p1: put gateway service"})
}

// When addresses in topology.yaml take over from the label of a gateway's Service, the
// label goes once every istiod that reads the cluster knows the addresses; on the way
// back, they go once every istiod has found the gateway by its label.
func TestOrderOfGatewayAddresses(t *testing.T) {
	const (
		byLabel = "mesh_id: m\ncontexts: {kind-east: {network: n1, name: east}, kind-west: {network: n2, name: west}, kind-r: {network: n2, name: r, primaries: [kind-west]}}\n"
		byFile  = "mesh_id: m\ncontexts: {kind-east: {network: n1, name: east}, kind-west: {network: n2, name: west, gateway: {addresses: [198.51.100.4]}}, kind-r: {network: n2, name: r, primaries: [kind-west]}}\n"
	)
	tests := map[string]struct {
		before, after string
		want          [][2]string
		proofs        []string // of ways, sorted
	}{
		"the file takes over": {byLabel, byFile, [][2]string{
			{"east: put configuration", "east: prove gateway address west"},
			{"west: put configuration", "west: prove gateway address west"},
			{"east: prove gateway address west", "west: put gateway service"},
			{"west: prove gateway address west", "west: put gateway service"},
			{"west: put gateway service", "east: prove way to gateway west"},
			{"east: prove way to gateway west", "east: finish"},
		}, []string{"east: prove gateway address west", "east: prove way to gateway west", "west: prove gateway address west", "west: prove way to gateway west"}},
		"the label takes over": {byFile, byLabel, [][2]string{
			{"west: put gateway service", "east: prove gateway address west"},
			{"east: prove gateway address west", "east: put configuration"},
			{"west: prove gateway address west", "west: put configuration"},
		}, []string{"east: prove gateway address west", "west: prove gateway address west"}},
		"nothing does": {byFile, byFile, nil, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			d := tellsOfGateways(t, tt.after)
			g := graphOf(t, NewPlan(d, seenFor(d, appliedWorld(t, tellsOfGateways(t, tt.before))), plan.Options{}))
			g.wantBefore(t, tt.want...)
			var got []string
			for _, name := range g.names() {
				if strings.Contains(name, "prove gateway address") || strings.Contains(name, "prove way to") {
					got = append(got, name)
				}
			}
			if diff := cmp.Diff(tt.proofs, got); diff != "" {
				t.Errorf("proofs (-want +got):\n%s", diff)
			}
		})
	}
}

// An istiod that cannot be asked may know the gateway by its label alone.
func TestGatewayLabelStaysWhileAReaderIsDown(t *testing.T) {
	const mesh = "mesh_id: m\ncontexts: {kind-east: {network: n1, name: east}, kind-west: {network: n2, name: west}}\n"
	d := tellsOfGateways(t, strings.Replace(mesh, "name: west", "name: west, gateway: {addresses: [198.51.100.4]}", 1))
	w := seenFor(d, appliedWorld(t, tellsOfGateways(t, mesh)))
	w.Cluster("east").Unreached = errors.New("i/o timeout")
	for _, s := range NewPlan(d, w, plan.Options{}).Steps {
		if s.Part == order.Front && s.Blocked != "east is not reached" {
			t.Errorf("%s: blocked %q", stepName(s), s.Blocked)
		}
	}
}

// tellsOfGateways is a mesh with what tells istiods of gateways, as Istio's charts have it.
func tellsOfGateways(t *testing.T, mesh string) *desired.Desired {
	t.Helper()
	d := WantedMesh(t, mesh, TestBase)
	networks := ""
	for _, c := range d.Clusters {
		networks += strings.Join(c.Address.Addresses, " ")
	}
	for _, c := range d.Clusters {
		for _, it := range c.Items {
			if o := it.Object.DeepCopy(); it.Ref == object.GatewayServiceRef(c.Member.Namespace) && len(c.Address.Addresses) == 0 {
				o.SetLabels(map[string]string{object.LabelNetwork: c.Member.Network})
				*it = *newItem(t, d, it.Subject, o)
			}
		}
		if !c.Member.Remote() {
			config := object.New("v1", "ConfigMap", c.Member.Namespace, "istio", nil, map[string]any{"data": map[string]any{"meshNetworks": networks}})
			c.Items = append(c.Items, newItem(t, d, order.Subject{Component: order.ControlPlane, Part: order.Config}, config))
		}
	}
	return d
}

func newItem(t *testing.T, d *desired.Desired, about order.Subject, o *unstructured.Unstructured) *desired.Item {
	t.Helper()
	it, err := desired.NewItem(about, d.MeshID, o, nil)
	if err != nil {
		t.Fatal(err)
	}
	return it
}
