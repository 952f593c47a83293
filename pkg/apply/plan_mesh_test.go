package apply

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/setup-mesh/setup-mesh/pkg/apply/internal/fixture"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
	"github.com/setup-mesh/setup-mesh/pkg/apply/record"
	"github.com/setup-mesh/setup-mesh/pkg/apply/world"
	"github.com/setup-mesh/setup-mesh/pkg/certs"
)

func TestPlanIdentities(t *testing.T) {
	unreached := func(w *world.World, i int) { w.Clusters[i].Unreached = errors.New("i/o timeout") }
	tests := map[string]struct {
		world   func(w *world.World)
		options plan.Options
		want    string // refusals and what is unreached
	}{
		"all where they were": {},
		"two contexts on one cluster": {
			world: func(w *world.World) { w.Clusters[1].UID = "uid-a" },
			want: "refused b: contexts kind-a and kind-b lead to the same cluster (kube-system UID uid-a)\n" +
				"refused b: context kind-b points to a different cluster than at the last apply (kube-system UID uid-a, was uid-b)\n",
		},
		"a context that leads elsewhere now": {
			world: func(w *world.World) { w.Clusters[1].UID = "uid-new" },
			want:  "refused b: context kind-b points to a different cluster than at the last apply (kube-system UID uid-new, was uid-b)\n",
		},
		"a context that leads elsewhere now, and may": {
			world:   func(w *world.World) { w.Clusters[1].UID = "uid-new" },
			options: plan.Options{AcceptNew: true},
		},
		"a renamed context": {
			world: func(w *world.World) {
				for _, l := range w.Clusters {
					for i := range l.Record.Members {
						if l.Record.Members[i].Context == "kind-b" {
							l.Record.Members[i].Context = "of-before"
						}
					}
				}
			},
		},
		"two contexts that changed their places": {
			world: func(w *world.World) { w.Clusters[0].UID, w.Clusters[1].UID = "uid-b", "uid-a" },
			want: "refused a: context kind-a points to a different cluster than at the last apply (kube-system UID uid-b, was uid-a)\n" +
				"refused b: context kind-b points to a different cluster than at the last apply (kube-system UID uid-a, was uid-b)\n",
		},
		"a member that answers for the first time": {
			world: func(w *world.World) {
				for _, l := range w.Clusters {
					l.Record.Members[1].UID = ""
				}
			},
		},
		"a record of another mesh says nothing about contexts": {
			world: func(w *world.World) {
				w.Clusters[0].Record = &record.Record{Mesh: "theirs", Members: []record.Member{{Context: "kind-b", UID: "uid-x"}}}
			},
			want: "refused a: the cluster is a member of mesh theirs (namespace istio-system), not of m\n",
		},
		"nothing is said of a context that does not answer": {
			world: func(w *world.World) { w.Clusters[1].UID = ""; unreached(w, 1) },
			want:  "b not reached: i/o timeout\n",
		},
		"an address that only this machine knows": {
			world: func(w *world.World) { w.Clusters[0].Endpoint.Server = "https://127.0.0.1:6443" },
			want:  "refused a: the API server address of context kind-a is https://127.0.0.1:6443: no other cluster can reach it\n",
		},
		"such an address, and the others know it too": {
			world:   func(w *world.World) { w.Clusters[0].Endpoint.Server = "https://127.0.0.1:6443" },
			options: plan.Options{AllowLoopback: true},
		},
		"such an address of a cluster that nobody discovers": {
			world: func(w *world.World) { w.Clusters[2].Endpoint.Server = "https://127.0.0.1:6443" },
		},
		"no TLS verification": {
			world: func(w *world.World) { w.Clusters[1].Endpoint.Insecure = true },
			want:  "refused b: context kind-b skips TLS verification: there is no CA to hand to the other clusters\n",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			d := WantedMesh(t, OneNetwork, TestBase)
			w := appliedWorld(t, d)
			if tt.world != nil {
				tt.world(w)
			}
			p := NewPlan(d, w, tt.options)
			for _, c := range p.Clusters {
				c.Changes = nil
			}
			if diff := cmp.Diff(tt.want, planLines(p)); diff != "" {
				t.Errorf("plan (-want +got):\n%s", diff)
			}
		})
	}
}

// One cluster has no other that would have to reach it.
func TestPlanLoopbackAlone(t *testing.T) {
	d := WantedMesh(t, "mesh_id: m\ncontexts: {kind-a: {network: n, name: a}}\n", TestBase)
	w := appliedWorld(t, d)
	w.Clusters[0].Endpoint.Server = "https://localhost:6443"
	if p := NewPlan(d, w, plan.Options{}); len(p.Refusals) > 0 {
		t.Errorf("refused: %v", p.Refusals)
	}
}

// TestPlanCertificate checks what a plan says of the intermediates to be.
func TestPlanCertificate(t *testing.T) {
	d := WantedMesh(t, OneNetwork, TestBase)
	w := EmptyWorld(d)
	c := NewPlan(d, w, plan.Options{}).Clusters[0]
	if got, want := c.NotAfter, testNow.AddDate(1, 0, 0); !got.Equal(want) || c.RootFingerprint != testRoot().Short() {
		t.Errorf("until %v, root %s; want until %v, root %s", got, c.RootFingerprint, want, testRoot().Short())
	}

	w.Now = testNow.AddDate(9, 6, 0)
	if got, end := NewPlan(d, w, plan.Options{}).Clusters[0].NotAfter, testRoot().Cert().NotAfter; !got.Equal(end) {
		t.Errorf("until %v, and the root ends at %v", got, end)
	}

	d.Root = withoutKey(t, testRoot())
	w.Now = testNow
	p := NewPlan(d, w, plan.Options{})
	want := plan.Finding{ID: "trust/root-key", Cluster: "a", Message: "a new intermediate is needed, but the root key that signs it is missing", Hint: "put certs/root-key.pem back for this apply, name who has the key with --sign-command, or have it signed elsewhere: setup-mesh certs csr"}
	if len(p.Refusals) != 3 {
		t.Fatalf("refused: %v", p.Refusals)
	}
	if diff := cmp.Diff(want, p.Refusals[0]); diff != "" {
		t.Errorf("refusal (-want +got):\n%s", diff)
	}
	// Nothing has to be signed where all is there.
	d = WantedMesh(t, OneNetwork, TestBase)
	w = appliedWorld(t, d)
	d.Root = withoutKey(t, testRoot())
	if p := NewPlan(d, w, plan.Options{}); len(p.Refusals) > 0 || p.Pending() {
		t.Errorf("without the root key: %s", planLines(p))
	}
}

// "Known only after writing": a root whose name constraints leave out the mesh was
// found when the first certificate was made, 34 objects later.
func TestPlanConstrainedRoot(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "ours"}, NotBefore: testNow.AddDate(-1, 0, 0), NotAfter: testNow.AddDate(9, 0, 0),
		BasicConstraintsValid: true, IsCA: true, MaxPathLen: -1, PermittedURIDomains: []string{"example.org"},
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	d := WantedMesh(t, sharedControlPlane, TestBase)
	if d.Root, err = certs.ParseRoot(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), nil); err != nil {
		t.Fatal(err)
	}
	var got []plan.Finding
	for _, f := range NewPlan(d, EmptyWorld(d), plan.Options{}).Refusals {
		if f.ID == "trust/root-names" {
			got = append(got, f)
		}
	}
	refused := func(cluster string) plan.Finding {
		return plan.Finding{
			ID: "trust/root-names", Cluster: cluster,
			Message: `the name constraints of root CN=ours do not allow this cluster's certificates: URI "spiffe://cluster.local/ns/default/sa/probe" is not permitted by any constraint`,
			Hint:    "use a root that permits URIs of trust domain cluster.local and the DNS names istiod, istiod-remote and istio-pilot in istio-system.svc, or one without name constraints",
		}
	}
	if diff := cmp.Diff([]plan.Finding{refused("east"), refused("north")}, got); diff != "" {
		t.Errorf("refusals (-want +got):\n%s", diff)
	}
}

func TestPlanLeaving(t *testing.T) {
	const ns = "istio-system"
	foreign := object.Ref{Kind: "ConfigMap", Namespace: ns, Name: "theirs"}
	route := object.Ref{Group: "networking.istio.io", Kind: "VirtualService", Namespace: "shop", Name: "route"}
	routeHere := object.Ref{Group: "networking.istio.io", Kind: "VirtualService", Namespace: ns, Name: "route"}
	all := []string{
		"delete Secret istio-system/cacerts",
		"delete ConfigMap istio-system/setup-mesh",
		"delete CustomResourceDefinition gateways.networking.istio.io",
		"delete Deployment istio-system/istiod",
		"delete MutatingWebhookConfiguration istio-sidecar-injector",
		"delete Namespace istio-system",
		"delete Service istio-system/istiod",
		"delete ServiceAccount istio-system/istio-reader-service-account",
		"delete ServiceAccount istio-system/istiod",
		"delete ValidatingWebhookConfiguration istio-validator-istio-system",
	}
	without := func(line string) []string {
		return slices.DeleteFunc(slices.Clone(all), func(s string) bool { return s == line })
	}
	const gives = "update Namespace istio-system (kept; only the setup-mesh labels are removed)"
	tests := map[string]struct {
		world    func(t *testing.T, l *world.Live)
		options  plan.Options
		want     []string
		warnings []string
	}{
		"all of it goes": {want: all},
		"it was torn down before": {
			world: func(_ *testing.T, l *world.Live) {
				l.Record, l.RecordVersion, l.Objects = nil, "", map[object.Ref]world.Observed{}
			},
		},
		"a teardown that was interrupted at the namespace": {
			world: func(_ *testing.T, l *world.Live) {
				l.Record, l.RecordVersion = nil, ""
				l.Objects = map[object.Ref]world.Observed{object.NamespaceRef(ns): l.Objects[object.NamespaceRef(ns)]}
			},
			want: []string{"delete Namespace istio-system"},
		},
		"what istiod wrote goes too": {
			world: func(_ *testing.T, l *world.Live) {
				l.Remains.ByProducts = []object.Ref{{Kind: "ConfigMap", Namespace: "shop", Name: "istio-ca-root-cert"}}
			},
			want: append([]string{"delete ConfigMap shop/istio-ca-root-cert (written by istiod)"}, all...),
		},
		"somebody uses the namespace": {
			world:    func(_ *testing.T, l *world.Live) { l.Remains.Foreign = map[string][]object.Ref{ns: {foreign}} },
			want:     append(without("delete Namespace istio-system"), gives),
			warnings: []string{"namespace istio-system stays: ConfigMap istio-system/theirs exists"},
		},
		"somebody's custom resource is in the namespace": {
			world:    func(_ *testing.T, l *world.Live) { l.Remains.InUse = []object.Ref{routeHere} },
			want:     slices.DeleteFunc(append(without("delete Namespace istio-system"), gives), func(s string) bool { return strings.Contains(s, "CustomResourceDefinition") }),
			warnings: []string{"Istio's CRDs stay: VirtualService istio-system/route exists", "namespace istio-system stays: VirtualService istio-system/route exists"},
		},
		"somebody's custom resource is in the namespace, and goes": {
			world:   func(_ *testing.T, l *world.Live) { l.Remains.InUse = []object.Ref{routeHere} },
			options: plan.Options{CRDs: true},
			want:    all,
		},
		"somebody else says what the namespace should be": {
			world: func(_ *testing.T, l *world.Live) {
				l.Objects[object.NamespaceRef(ns)] = world.Observed{Object: fixture.ManagedBy(l.Object(object.NamespaceRef(ns)), "u", object.FieldManager, "argocd")}
			},
			want: append(without("delete Namespace istio-system"), gives),
		},
		"the namespace was there before us": {
			world: func(_ *testing.T, l *world.Live) {
				edit(l, object.NamespaceRef(ns), func(o map[string]any) { delete(o["metadata"].(map[string]any), "annotations") })
			},
			want: append(without("delete Namespace istio-system"), gives),
		},
		"the namespace was there before us, and so was what is in it": {
			world: func(_ *testing.T, l *world.Live) {
				edit(l, object.NamespaceRef(ns), func(o map[string]any) { delete(o["metadata"].(map[string]any), "annotations") })
				l.Remains.Foreign = map[string][]object.Ref{ns: {foreign}}
			},
			want: append(without("delete Namespace istio-system"), gives),
		},
		"somebody uses the CRDs": {
			world:    func(_ *testing.T, l *world.Live) { l.Remains.InUse = []object.Ref{route, route, route} },
			want:     without("delete CustomResourceDefinition gateways.networking.istio.io"),
			warnings: []string{"Istio's CRDs stay: VirtualService shop/route and 2 more objects exist"},
		},
		"somebody uses the CRDs, and they go all the same": {
			world:   func(_ *testing.T, l *world.Live) { l.Remains.InUse = []object.Ref{route} },
			options: plan.Options{CRDs: true},
			want:    all,
		},
		"an object is not ours any more": {
			world: func(_ *testing.T, l *world.Live) {
				l.Objects[object.IstiodRef(ns)] = world.Observed{Object: fixture.ManagedBy(l.Object(object.IstiodRef(ns)), "u", "helm")}
			},
			want:     without("delete Deployment istio-system/istiod"),
			warnings: []string{"Deployment istio-system/istiod was installed by setup-mesh, but others manage it now: it is kept"},
		},
		"what else is there cannot be read": {
			world: func(_ *testing.T, l *world.Live) { l.Remains.Err = errors.New("list: forbidden") },
			want:  []string{"not reached: list: forbidden"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			d := WantedMesh(t, "mesh_id: m\ncontexts: {kind-a: {network: n, name: a}}\n", TestBase)
			w := appliedWorld(t, d)
			w.Clusters[0].Leaving = true
			if tt.world != nil {
				tt.world(t, w.Clusters[0])
			}
			d.Clusters[0].Items = nil
			p := NewPlan(d, w, tt.options)
			var got, warnings []string
			c := p.Clusters[0]
			if c.Unreached != "" {
				got = append(got, "not reached: "+c.Unreached)
			}
			for _, ch := range c.Changes {
				got = append(got, changeLine(ch))
			}
			for _, f := range p.Warnings {
				if !strings.HasPrefix(f.ID, "plan/deletes-") { // TestEnds has them
					warnings = append(warnings, f.Message)
				}
			}
			slices.Sort(got)
			want := slices.Sorted(slices.Values(tt.want))
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("plan (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.warnings, warnings); diff != "" {
				t.Errorf("warnings (-want +got):\n%s", diff)
			}
			if len(p.Refusals) > 0 {
				t.Errorf("refused: %v", p.Refusals)
			}
		})
	}
}
