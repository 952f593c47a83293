package apply

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/setup-mesh/setup-mesh/pkg/apply/desired"
	"github.com/setup-mesh/setup-mesh/pkg/apply/internal/fixture"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
	"github.com/setup-mesh/setup-mesh/pkg/apply/record"
	"github.com/setup-mesh/setup-mesh/pkg/apply/world"
)

// planLines is a plan in a form to compare: a line for each object that is not
// kept, each refusal and each warning.
func planLines(p *plan.Plan) string {
	var b strings.Builder
	for _, c := range p.Clusters {
		if c.Unreached != "" {
			fmt.Fprintf(&b, "%s not reached: %s\n", c.Name, c.Unreached)
		}
		for _, ch := range c.Changes {
			if ch.Action != plan.Keep {
				fmt.Fprintf(&b, "%s %s\n", c.Name, changeLine(ch))
			}
		}
	}
	for _, f := range p.Refusals {
		fmt.Fprintf(&b, "refused %s: %s\n", f.Cluster, f.Message)
	}
	for _, f := range p.Warnings {
		if !strings.HasPrefix(f.ID, "plan/deletes-") { // TestEnds has them
			fmt.Fprintf(&b, "warning %s: %s\n", f.Cluster, f.Message)
		}
	}
	return b.String()
}

func changeLine(ch plan.Change) string {
	s := fmt.Sprintf("%s %s", ch.Action, ch.Object)
	if ch.Reason != "" {
		s += " (" + ch.Reason + ")"
	}
	for _, f := range ch.Fields {
		s += fmt.Sprintf(" %s: %v -> %v", f.Path, f.Old, f.New)
	}
	if len(ch.Managers) > 0 {
		s += " by " + strings.Join(ch.Managers, ", ")
	}
	if ch.Blocked != "" {
		s += " blocked: " + ch.Blocked
	}
	return s
}

func TestPlanOfNothingYet(t *testing.T) {
	d := WantedMesh(t, twoClusters, TestBase)
	got := planLines(NewPlan(d, EmptyWorld(d), plan.Options{}))
	want := `east create Secret istio-system/cacerts
east create CustomResourceDefinition gateways.networking.istio.io
east create ServiceAccount istio-system/istiod
east create ServiceAccount istio-system/istio-reader-service-account
east create Service istio-system/istiod
east create Deployment istio-system/istiod
east create ValidatingWebhookConfiguration istio-validator-istio-system
east create MutatingWebhookConfiguration istio-sidecar-injector
east create Namespace istio-system
east create Service istio-system/istio-eastwestgateway
east create Deployment istio-system/istio-eastwestgateway
east create Gateway istio-system/cross-network-gateway
east create Secret istio-system/setup-mesh-grant-west
east create Secret istio-system/istio-remote-secret-west
east create ConfigMap istio-system/setup-mesh
`
	want += strings.NewReplacer("east create", "west create", "grant-west", "grant-east", "secret-west", "secret-east").Replace(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("plan (-want +got):\n%s", diff)
	}
}

func TestPlan(t *testing.T) {
	const (
		ns      = "istio-system"
		kubectl = "kubectl-edit"
	)
	istiodService := object.Ref{Kind: "Service", Namespace: ns, Name: "istiod"}
	tests := map[string]struct {
		topology, base string // oneNetwork and testBase if empty
		world          func(t *testing.T, w *world.World)
		options        plan.Options
		want           string
	}{
		"nothing moved": {},
		"the same with gateways": {
			topology: twoClusters,
		},
		"an object is gone": {
			world: func(_ *testing.T, w *world.World) { w.Clusters[0].Objects[istiodService] = world.Observed{} },
			want:  "a create Service istio-system/istiod\n",
		},
		"an object cannot be read": {
			world: func(_ *testing.T, w *world.World) {
				w.Clusters[0].Objects[istiodService] = world.Observed{Err: errors.New("read it: forbidden")}
			},
			want: "a unknown Service istio-system/istiod blocked: read it: forbidden\n",
		},
		"somebody edited an object": {
			world: func(_ *testing.T, w *world.World) {
				drift(w.Clusters[1], istiodService, kubectl, func(spec map[string]any) { spec["type"] = "NodePort" })
			},
			want: "b update Service istio-system/istiod spec.type: NodePort -> ClusterIP by kubectl-edit\n" +
				"b update ConfigMap istio-system/setup-mesh (members or objects changed)\n", // who is set back
		},
		"the file changed an object: nobody else did": {
			world: func(_ *testing.T, w *world.World) {
				drift(w.Clusters[1], istiodService, kubectl, func(spec map[string]any) { spec["type"] = "NodePort" })
				for i, o := range w.Clusters[1].Record.Objects {
					if o.Ref == istiodService {
						w.Clusters[1].Record.Objects[i].Hash = "of before"
					}
				}
			},
			want: "b update Service istio-system/istiod spec.type: NodePort -> ClusterIP\nb update ConfigMap istio-system/setup-mesh (members or objects changed)\n",
		},
		"the dry run is refused": {
			world: func(_ *testing.T, w *world.World) {
				w.Clusters[0].Objects[istiodService] = world.Observed{Object: w.Clusters[0].Object(istiodService), DryErr: errors.New("apply it: field is immutable")}
			},
			want: "refused a: apply it: field is immutable\n",
		},
		"an object of somebody else": {
			world: func(_ *testing.T, w *world.World) {
				w.Clusters[0].Objects[istiodService] = world.Observed{Object: fixture.ManagedBy(w.Clusters[0].Object(istiodService), "u", "helm", "kubectl")}
			},
			want: "refused a: Service istio-system/istiod: managed by helm, kubectl, not by setup-mesh\n",
		},
		"an object of which nobody manages a field": {
			world: func(_ *testing.T, w *world.World) {
				w.Clusters[0].Objects[istiodService] = world.Observed{Object: fixture.ManagedBy(w.Clusters[0].Object(istiodService), "u")}
			},
			want: "refused a: Service istio-system/istiod: managed by an unknown tool, not by setup-mesh\n",
		},
		"objects of somebody else are one refusal": {
			world: func(_ *testing.T, w *world.World) {
				for _, ref := range []object.Ref{istiodService, object.IstiodRef(ns)} {
					w.Clusters[0].Objects[ref] = world.Observed{Object: fixture.ManagedBy(w.Clusters[0].Object(ref), "u", "helm")}
				}
			},
			want: "refused a: Service istio-system/istiod and 1 more object: managed by helm, not by setup-mesh\n",
		},
		"an object of somebody else is adopted": {
			options: plan.Options{Adopt: true},
			world: func(_ *testing.T, w *world.World) {
				w.Clusters[0].Objects[istiodService] = world.Observed{Object: fixture.ManagedBy(w.Clusters[0].Object(istiodService), "u", "helm")}
			},
			want: "a update Service istio-system/istiod (adopted from helm)\n",
		},
		"the namespace was there before us": {
			world: func(_ *testing.T, w *world.World) {
				w.Clusters[0].Objects[object.NamespaceRef(ns)] = world.Observed{Object: fixture.ManagedBy(w.Clusters[0].Object(object.NamespaceRef(ns)), "u", "kubectl")}
			},
		},
		"a secret's content is not shown": {
			world: func(_ *testing.T, w *world.World) {
				l, ref := w.Clusters[0], object.SecretRef(ns, object.RemoteSecretPrefix+"b")
				was := l.Object(ref)
				edit(l, ref, func(o map[string]any) { setData(o, "more", []byte("canary")) })
				l.Objects[ref] = world.Observed{Object: l.Object(ref), Dry: was}
			},
			want: "a update Secret istio-system/istio-remote-secret-b data.more: (secret) -> <nil>\n",
		},
		"an intermediate is gone": {
			world: func(_ *testing.T, w *world.World) {
				w.Clusters[2].Objects[object.SecretRef(ns, object.Cacerts)] = world.Observed{}
			},
			want: "c create Secret istio-system/cacerts\n",
		},
		"an intermediate is due": {
			world: func(_ *testing.T, w *world.World) { w.Now = testNow.AddDate(0, 9, 0) },
			want: `a update Secret istio-system/cacerts (its intermediate is due: valid until 2027-11-21)
a update Secret istio-system/istio-remote-secret-b (its token is due: valid until 2027-11-21)
b update Secret istio-system/cacerts (its intermediate is due: valid until 2027-11-21)
b update Secret istio-system/istio-remote-secret-a (its token is due: valid until 2027-11-21)
c update Secret istio-system/cacerts (its intermediate is due: valid until 2027-11-21)
`,
		},
		"a grant was revoked": {
			world: func(_ *testing.T, w *world.World) {
				w.Clusters[1].Objects[object.SecretRef(ns, object.GrantPrefix+"a")] = world.Observed{}
			},
			want: `a update Secret istio-system/istio-remote-secret-b (its token was revoked in b)
b create Secret istio-system/setup-mesh-grant-a
`,
		},
		"a cluster is down": {
			world: func(_ *testing.T, w *world.World) {
				w.Clusters[1] = &world.Live{Member: record.Member{Name: "b", Context: "kind-b", Network: "n", Namespace: ns, Role: record.RolePrimary}, Unreached: errors.New("i/o timeout")}
			},
			want: "b not reached: i/o timeout\n",
		},
		"a token has to come from a cluster that is down": {
			world: func(_ *testing.T, w *world.World) {
				w.Clusters[1] = &world.Live{Member: record.Member{Name: "b", Context: "kind-b", Network: "n", Namespace: ns, Role: record.RolePrimary}, Unreached: errors.New("i/o timeout")}
				w.Clusters[0].Objects[object.SecretRef(ns, object.RemoteSecretPrefix+"b")] = world.Observed{}
			},
			want: `a create Secret istio-system/istio-remote-secret-b blocked: b is not reached
a update ConfigMap istio-system/setup-mesh (members or objects changed)
b not reached: i/o timeout
`,
		},
		"what nobody wants any more goes": {
			world: func(t *testing.T, w *world.World) {
				extra(t, w.Clusters[0], "old", object.FieldManager)
			},
			want: "a delete ConfigMap istio-system/old\na update ConfigMap istio-system/setup-mesh (members or objects changed)\n",
		},
		"what nobody wants any more and somebody else took over stays": {
			world: func(t *testing.T, w *world.World) {
				extra(t, w.Clusters[0], "old", "argocd")
			},
			want: `a update ConfigMap istio-system/setup-mesh (members or objects changed)
warning a: ConfigMap istio-system/old was installed by setup-mesh, but others manage it now: it is kept
`,
		},
		"what nobody wants any more and cannot be read is not touched": {
			world: func(t *testing.T, w *world.World) {
				extra(t, w.Clusters[0], "old", object.FieldManager)
				w.Clusters[0].Objects[object.Ref{Kind: "ConfigMap", Namespace: ns, Name: "old"}] = world.Observed{Err: errors.New("forbidden")}
			},
			want: "a unknown ConfigMap istio-system/old blocked: forbidden\n",
		},
		"a CRD outlives what brought it": {
			world: func(_ *testing.T, w *world.World) {
				ref := object.Ref{Group: "apiextensions.k8s.io", Kind: "CustomResourceDefinition", Name: "old.istio.io"}
				w.Clusters[0].Objects[ref] = world.Observed{Object: fixture.ManagedBy(object.New("apiextensions.k8s.io/v1", ref.Kind, "", ref.Name, nil, nil), "u", object.FieldManager)}
				recordOf(w.Clusters[0], record.Recorded{Ref: ref, Subject: desired.SubjectOf(ref, order.ControlPlane)})
			},
		},
		"a member of another mesh": {
			world: func(_ *testing.T, w *world.World) { w.Clusters[2].Record.Mesh = "theirs" },
			want:  "refused c: the cluster is a member of mesh theirs (namespace istio-system), not of m\n",
		},
		"another root": {
			world: func(t *testing.T, w *world.World) { giveRoot(t, w.Clusters[2], "c") },
			want: fmt.Sprintf(`c update Secret istio-system/cacerts (root-cert.pem holds root %[1]s, not root %[2]s: belongs to another root)
refused c: the cluster trusts root %[1]s, but the work directory holds root %[2]s
`, otherRoot().Short(), testRoot().Short()),
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			d := WantedMesh(t, or(tt.topology, OneNetwork), or(tt.base, TestBase))
			w := appliedWorld(t, d)
			if tt.world != nil {
				tt.world(t, w)
			}
			if diff := cmp.Diff(tt.want, planLines(NewPlan(d, w, tt.options))); diff != "" {
				t.Errorf("plan (-want +got):\n%s", diff)
			}
		})
	}
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// extra adds a ConfigMap that the record lists and nobody wants.
func extra(t *testing.T, l *world.Live, name, manager string) {
	t.Helper()
	o := object.New("v1", "ConfigMap", l.Namespace, name, nil, nil)
	l.Objects[object.RefOf(o)] = world.Observed{Object: fixture.ManagedBy(o, "uid-extra", manager)}
	recordOf(l, record.Recorded{Ref: object.RefOf(o), Subject: desired.SubjectOf(object.RefOf(o), order.ControlPlane), Hash: "h"})
}

// recordOf adds an object to the record of a cluster.
func recordOf(l *world.Live, o record.Recorded) {
	l.Record.Objects = append(l.Record.Objects, o)
	slices.SortFunc(l.Record.Objects, func(a, b record.Recorded) int { return object.CompareRefs(a.Ref, b.Ref) })
}

// giveRoot makes a cluster trust another root.
func giveRoot(t *testing.T, l *world.Live, cluster string) {
	t.Helper()
	ref := object.SecretRef(l.Namespace, object.Cacerts)
	late := &desired.Intermediate{Root: otherRoot()}
	late.ID.Cluster, late.ID.Namespace, late.ID.TrustDomain = cluster, l.Namespace, "cluster.local"
	o := mintedFor(t, &world.World{}, &desired.Item{Object: object.New("v1", "Secret", l.Namespace, object.Cacerts, nil, nil), Late: late})
	l.Objects[ref] = world.Observed{Object: fixture.ManagedBy(o, "uid-cacerts", object.FieldManager)}
}
