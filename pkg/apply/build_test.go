package apply

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
	"github.com/setup-mesh/setup-mesh/pkg/apply/record"
)

// A graph answers questions about the steps of an apply, named "cluster: step".
type graph map[string]*step

func graphOf(t *testing.T, p *Plan) graph {
	t.Helper()
	g := graph{}
	for _, s := range (&execution{plan: p}).build() {
		name := s.cluster + ": " + s.name
		if g[name] != nil {
			t.Fatalf("two steps are called %q", name)
		}
		g[name] = s
	}
	return g
}

// before says whether first has ended when then starts.
func (g graph) before(t *testing.T, first, then string) bool {
	t.Helper()
	if g[first] == nil || g[then] == nil {
		t.Fatalf("there is no step %q or %q", first, then)
	}
	return slices.ContainsFunc(g[then].after, func(s *step) bool {
		return s == g[first] || g.before(t, first, s.cluster+": "+s.name)
	})
}

func (g graph) names() []string { return sortedKeys(g) }

// TestBuildInstall checks the order that a first install needs; what is not
// listed may run at the same time.
func TestBuildInstall(t *testing.T) {
	d := WantedMesh(t, twoClusters, TestBase)
	g := graphOf(t, NewPlan(d, EmptyWorld(d), PlanOptions{}))
	order := [][2]string{
		{"east: namespace", "east: certificate"},
		{"east: namespace", "east: CRDs"},
		{"east: certificate", "east: control plane"}, // or istiod makes a root of its own
		{"east: configuration", "east: control plane"},
		{"east: control plane", "east: istiod"},
		{"east: istiod", "east: gateways"},                     // it injects them
		{"east: istiod", "east: mesh configuration"},           // it validates it
		{"east: CRDs", "east: mesh configuration"},             //
		{"east: gateways", "east: gateway"},                    // the wait for its address
		{"east: certificate", "east: remote access to west"},   // trust in both
		{"west: certificate", "east: remote access to west"},   //
		{"west: configuration", "east: remote access to west"}, // the account and the grant
		{"east: remote access to west", "east: discovery"},     //
		{"east: istiod", "east: discovery"},                    //
		{"east: control plane", "east: record"},                // what is on record is there
		{"east: mesh configuration", "east: record"},           //
		{"east: gateways", "east: record"},                     //
		{"east: remote access to west", "east: record"},        //
	}
	for _, o := range order {
		if !g.before(t, o[0], o[1]) {
			t.Errorf("%s does not wait for %s", o[1], o[0])
		}
	}
	// A slow cluster holds up the others only where they need it.
	for name := range g {
		if s := g[name]; s.cluster == "east" && name != "east: remote access to west" && name != "east: discovery" && name != "east: record" {
			for other := range g {
				if g[other].cluster == "west" && g.before(t, other, name) {
					t.Errorf("%s waits for %s", name, other)
				}
			}
		}
	}
	for _, independent := range [][2]string{{"west: istiod", "east: remote access to west"}, {"east: gateway", "east: record"}, {"east: discovery", "east: record"}} {
		if g.before(t, independent[0], independent[1]) {
			t.Errorf("%s waits for %s", independent[1], independent[0])
		}
	}
	for name, s := range g {
		if final := s.name == "record"; s.final != final {
			t.Errorf("%s: final is %v", name, s.final)
		}
	}
}

func TestBuildSteps(t *testing.T) {
	const ns = "istio-system"
	service := object.Ref{Kind: "Service", Namespace: ns, Name: "istiod"}
	tests := map[string]struct {
		world func(t *testing.T, w *World)
		want  []string
	}{
		"nothing to do: the mesh is proved all the same": {
			want: []string{"a: discovery", "b: discovery"},
		},
		"one object: its stage, the proof, and the record": {
			world: func(_ *testing.T, w *World) { w.Clusters[2].Objects[service] = Observed{} },
			want:  []string{"a: discovery", "b: discovery", "c: configuration", "c: namespace", "c: record"},
		},
		"one object of a cluster that discovers others": {
			world: func(_ *testing.T, w *World) { w.Clusters[0].Objects[service] = Observed{} },
			want:  []string{"a: configuration", "a: discovery", "a: namespace", "a: record", "b: discovery"},
		},
		"istiod restarts": {
			world: func(_ *testing.T, w *World) { w.Clusters[2].Objects[object.IstiodRef(ns)] = Observed{} },
			want:  []string{"a: discovery", "b: discovery", "c: control plane", "c: istiod", "c: namespace", "c: record"},
		},
		"what is unknown or blocked has no step": {
			world: func(_ *testing.T, w *World) {
				w.Clusters[1].Unreached = errors.New("down")
				w.Clusters[0].Objects[object.SecretRef(ns, object.RemoteSecretPrefix+"b")] = Observed{}
				w.Clusters[2].Objects[service] = Observed{Err: errors.New("forbidden")}
			},
			want: []string{"a: namespace", "a: record"}, // only the record changes
		},
		"leftovers go last, remote access first": {
			world: func(t *testing.T, w *World) {
				extra(t, w.Clusters[0], "old", object.FieldManager)
				grant := object.New("v1", "Secret", ns, object.GrantPrefix+"gone", nil, nil)
				w.Clusters[0].Objects[object.RefOf(grant)] = Observed{Object: managedBy(grant, "u", object.FieldManager)}
				recordOf(w.Clusters[0], record.Recorded{Ref: object.RefOf(grant), Component: order.RemoteAccess})
			},
			want: []string{"a: discovery", "a: namespace", "a: old configuration", "a: record", "a: unused remote access", "b: discovery"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			d := WantedMesh(t, OneNetwork, TestBase)
			w := appliedWorld(t, d)
			if tt.world != nil {
				tt.world(t, w)
			}
			g := graphOf(t, NewPlan(d, w, PlanOptions{}))
			if diff := cmp.Diff(tt.want, g.names()); diff != "" {
				t.Errorf("steps (-want +got):\n%s", diff)
			}
			if g["a: old configuration"] != nil && !g.before(t, "a: unused remote access", "a: old configuration") {
				t.Error("leftovers do not wait for remote access")
			}
		})
	}
}

// TestBuildLeaving takes west out: its peer forgets it first, and what runs ends
// before what it runs on.
func TestBuildLeaving(t *testing.T) {
	both := WantedMesh(t, twoClusters, TestBase)
	w := appliedWorld(t, both)
	d := WantedMesh(t, "mesh_id: m\ncontexts: {kind-east: {network: n1, name: east}}\n", TestBase)
	west := w.Clusters[1]
	west.Leaving = true
	west.Remains.ByProducts = []object.Ref{configMap("istio-ca-root-cert")}
	g := graphOf(t, NewPlan(d, w, PlanOptions{}))
	order := []string{
		"east: remote access", "west: lock", "west: webhooks", "west: mesh configuration", "west: control plane and gateways",
		"west: configuration", "west: by-products of istiod", "west: CRDs", "west: namespace", "west: record",
	}
	for i := 1; i < len(order); i++ {
		if !g.before(t, order[i-1], order[i]) {
			t.Errorf("%s does not wait for %s", order[i], order[i-1])
		}
	}
	for name, s := range g {
		if s.cluster == "east" {
			for _, other := range order[1:] {
				if g.before(t, other, name) {
					t.Errorf("%s waits for %s", name, other)
				}
			}
		}
	}
}

// A teardown has nobody whose forgetting is to be waited for.
func TestBuildTeardown(t *testing.T) {
	d := WantedMesh(t, OneNetwork, TestBase)
	w := appliedWorld(t, d)
	for i, l := range w.Clusters {
		l.Leaving = true
		d.Clusters[i] = &DesiredCluster{Member: d.Clusters[i].Member}
	}
	g := graphOf(t, NewPlan(d, w, PlanOptions{}))
	for _, name := range []string{"a", "b", "c"} {
		if lock := g[name+": lock"]; lock == nil || len(lock.after) > 0 {
			t.Errorf("%s: the lock waits, or is none: %v", name, lock)
		}
		if !g[name+": record"].final {
			t.Errorf("%s: the lock is not given up whatever happens", name)
		}
	}
}

func TestStages(t *testing.T) {
	ref := func(kind, group, name string) object.Ref { return object.Ref{Group: group, Kind: kind, Name: name} }
	tests := []struct {
		ref     object.Ref
		gateway bool
		want    stage
		leave   stage
	}{
		{ref("Namespace", "", "istio-system"), false, stageNamespace, leaveNamespace},
		{ref("Secret", "", "cacerts"), false, stageTrust, leaveConfig},
		{ref("Secret", "", "setup-mesh-grant-a"), false, stageConfig, leaveConfig},
		{ref("Secret", "", "istio-remote-secret-a"), false, stageRemote, leaveConfig},
		{ref("CustomResourceDefinition", "apiextensions.k8s.io", "x"), false, stageCRDs, leaveCRDs},
		{ref("ConfigMap", "", "istio"), false, stageConfig, leaveConfig},
		{ref("Deployment", "apps", "istiod"), false, stageControl, leaveWorkloads},
		{ref("Deployment", "apps", "istio-ingressgateway"), true, stageGateways, leaveWorkloads},
		{ref("Service", "", "istio-ingressgateway"), true, stageConfig, leaveConfig},
		{ref("DaemonSet", "apps", "istio-cni-node"), false, stageControl, leaveWorkloads},
		{ref("MutatingWebhookConfiguration", "admissionregistration.k8s.io", "x"), false, stageControl, leaveWebhooks},
		{ref("ValidatingAdmissionPolicy", "admissionregistration.k8s.io", "x"), false, stageConfig, leaveWebhooks},
		{ref("PeerAuthentication", "security.istio.io", "default"), false, stageMesh, leaveMesh},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprint(tt.ref, tt.gateway), func(t *testing.T) {
			if got := stageOf(tt.ref, tt.gateway); got != tt.want {
				t.Errorf("joining: stage %d, want %d", got, tt.want)
			}
			if got := leaveStageOf(Change{Object: tt.ref, Component: order.ControlPlane}); got != tt.leave {
				t.Errorf("leaving: stage %d, want %d", got, tt.leave)
			}
		})
	}
}
