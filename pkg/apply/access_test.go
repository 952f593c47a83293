package apply

import (
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/setup-mesh/setup-mesh/pkg/apply/check"
	"github.com/setup-mesh/setup-mesh/pkg/apply/desired"
	"github.com/setup-mesh/setup-mesh/pkg/apply/internal/fixture"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
	"github.com/setup-mesh/setup-mesh/pkg/apply/record"
	"github.com/setup-mesh/setup-mesh/pkg/apply/world"
)

// threeReaders are clusters that all read each other.
const threeReaders = "mesh_id: m\ncontexts: {kind-a: {network: n, name: a}, kind-b: {network: n, name: b}, kind-c: {network: n, name: c}}\n"

// grantFor puts another grant of a consumer into a cluster, as a renewal does.
func grantFor(l *world.Live, consumer, uid string, n int) {
	ref := object.SecretRef(l.Namespace, desired.GrantName(consumer, n))
	l.Objects[ref] = world.Observed{Object: fixture.ManagedBy(object.New("v1", "Secret", l.Namespace, ref.Name, nil, nil), uid, object.FieldManager)}
	recordOf(l, record.Recorded{Ref: ref, Subject: order.Subject{Component: order.RemoteAccess, Part: order.Grant, Peer: consumer}})
}

func TestStepsOfAccess(t *testing.T) {
	renew := func(of string) *plan.Access { return &plan.Access{Change: plan.RenewTokens, Consumer: of} }
	end := func(of, from string) *plan.Access {
		return &plan.Access{Change: plan.EndTokens, Consumer: of, Source: from}
	}
	renewsOfA := []string{
		"a: begin", "a: finish", "a: prove discovery", "a: prove token b", "a: put remote secret b",
		"b: begin", "b: finish", "b: prove end of the token a", "b: put grant a", "b: remove grant a",
	}
	tests := map[string]struct {
		access *plan.Access
		world  func(t *testing.T, w *world.World)
		want   []string
	}{
		"one cluster's tokens are renewed": {
			access: renew("a"),
			want: append([]string{
				"a: prove token c", "a: put remote secret c",
				"c: begin", "c: finish", "c: prove end of the token a", "c: put grant a", "c: remove grant a",
			}, renewsOfA...),
		},
		"what else is to be done is left as it is": {
			access: renew("a"),
			world: func(t *testing.T, w *world.World) {
				takeDown(w, "c")
				w.Clusters[0].Objects[object.IstiodServiceRef("istio-system")] = world.Observed{}
				w.Clusters[1].Objects[object.IstiodRef("istio-system")] = world.Observed{}
				extra(t, w.Clusters[1], "old", object.FieldManager)
			},
			want: renewsOfA,
		},
		"no new grant is made for a cluster that is not reached": {
			access: renew("a"),
			world:  func(_ *testing.T, w *world.World) { takeDown(w, "a") },
		},
		"tokens end at once": {
			access: end("a", ""),
			want: []string{
				"b: begin", "b: finish", "b: prove end of the token a", "b: remove grant a",
				"c: begin", "c: finish", "c: prove end of the token a", "c: remove grant a",
			},
		},
		"one token ends": {
			access: end("a", "c"),
			want:   []string{"c: begin", "c: finish", "c: prove end of the token a", "c: remove grant a"},
		},
		"the token of a lost cluster ends, and nobody can try it": {
			access: end("a", ""),
			world:  func(_ *testing.T, w *world.World) { takeDown(w, "a") },
			want:   []string{"b: begin", "b: finish", "b: remove grant a", "c: begin", "c: finish", "c: remove grant a"},
		},
		"a source is not reached": {
			access: end("a", ""),
			world:  func(_ *testing.T, w *world.World) { takeDown(w, "c") },
			want:   []string{"b: begin", "b: finish", "b: prove end of the token a", "b: remove grant a"},
		},
		"all grants go that a renewal has left": {
			access: end("a", "b"),
			world:  func(_ *testing.T, w *world.World) { grantFor(w.Cluster("b"), "a", "left", 2) },
			want:   []string{"b: begin", "b: finish", "b: prove end of the token a", "b: remove grant a"},
		},
		"it has ended already": {
			access: end("a", "b"),
			world: func(_ *testing.T, w *world.World) {
				w.Cluster("b").Objects[object.SecretRef("istio-system", desired.GrantName("a", 1))] = world.Observed{}
			},
		},
		"a whole plan ends a token that was renewed, once the new one is seen to be used": {
			world: func(_ *testing.T, w *world.World) { grantFor(w.Cluster("b"), "a", "left", 2) },
			want:  []string{"a: prove discovery", "a: prove token b", "b: begin", "b: finish", "b: prove discovery", "b: remove grant a", "c: prove discovery"},
		},
		"whose token may be in use where nobody can look": {
			world: func(_ *testing.T, w *world.World) {
				grantFor(w.Cluster("b"), "a", "left", 2)
				takeDown(w, "a")
			},
			want: []string{"b: prove discovery", "c: prove discovery"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			d := WantedMesh(t, threeReaders, TestBase)
			w := appliedWorld(t, d)
			if tt.world != nil {
				tt.world(t, w)
			}
			p := NewPlan(d, w, plan.Options{Access: tt.access})
			if len(p.Refusals) > 0 {
				t.Errorf("refused: %+v", p.Refusals)
			}
			g := graphOf(t, p)
			slices.Sort(tt.want)
			if diff := cmp.Diff(tt.want, g.names()); diff != "" {
				t.Fatalf("steps (-want +got):\n%s", diff)
			}
			if p.Renews() && g.has("b: remove grant a") {
				g.wantBefore(t, [][2]string{
					{"b: put grant a", "a: put remote secret b"}, {"a: put remote secret b", "a: prove token b"},
					{"a: prove token b", "b: remove grant a"}, {"a: prove discovery", "b: remove grant a"},
					{"b: remove grant a", "b: prove end of the token a"}, {"a: put remote secret b", "a: prove discovery"},
				}...)
			}
		})
	}
}

// The record of a plan about tokens says nothing else than before of what it is not about.
func TestRecordOfAccess(t *testing.T) {
	d := WantedMesh(t, threeReaders, TestBase)
	w := appliedWorld(t, d)
	extra(t, w.Clusters[1], "old", object.FieldManager)
	before := *w.Clusters[1].Record
	p := NewPlan(d, w, plan.Options{Access: &plan.Access{Change: plan.EndTokens, Consumer: "a"}})
	got := p.Cluster("b").RecordAfter("m", before.Members, func(plan.Change) bool { return true })
	want := before
	want.Objects = slices.DeleteFunc(slices.Clone(before.Objects), func(r record.Recorded) bool { return r.Ref.Name == desired.GrantName("a", 1) })
	if diff := cmp.Diff(want.Objects, got.Objects); diff != "" {
		t.Errorf("record (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want.Manifest, got.Manifest); diff != "" {
		t.Errorf("manifest (-want +got):\n%s", diff)
	}
}

// Only istiods that read a cluster with the new token before they let go of the old one
// are given one, unless the user accepts a gap.
func TestNewTokenNeedsAVersion(t *testing.T) {
	tests := map[string]string{
		"1.31.0": "", "1.31.0-rc.0": "", "1.30.3": "", "1.30.3-distroless": "", "2.0.0": "",
		"1.29.6": "istiod 1.29.6 forgets a cluster before it reads it with a new token: its endpoints would be missing for about 30 s",
		"1.30.2": "istiod 1.30.2 may stop reading a cluster whose token is renewed, until it is restarted (https://github.com/istio/istio/issues/60612)",
		"latest": `which version of istiod runs is not known from its image's tag "latest": before 1.30.3, endpoints of other clusters are lost for a while when a token is renewed`,
	}
	for tag, want := range tests {
		t.Run(tag, func(t *testing.T) {
			d := WantedMesh(t, threeReaders, TestBase)
			w := appliedWorld(t, d)
			edit(w.Cluster("a"), object.IstiodRef("istio-system"), func(o map[string]any) {
				_ = unstructured.SetNestedSlice(o, []any{map[string]any{"name": "discovery", "image": "docker.io/istio/pilot:" + tag}}, "spec", "template", "spec", "containers")
			})
			for _, allow := range []bool{false, true} {
				p := NewPlan(d, w, plan.Options{Access: &plan.Access{Change: plan.RenewTokens, Consumer: "a", AllowGaps: allow}})
				got := ""
				for _, f := range p.Refusals {
					got += f.Message
				}
				if allow {
					want = ""
				}
				if got != want {
					t.Errorf("allowed %t: refused with %q, want %q", allow, got, want)
				}
			}
		})
	}
	if !slices.ContainsFunc(check.PlanChecks(), func(c check.Check) bool { return c.ID == check.IDTakesTokens }) {
		t.Error("docs do not say what it means")
	}
}

// The token tells which of several grants is in use.
func TestGrants(t *testing.T) {
	pair := desired.Pair{Consumer: "a", Source: "b"}
	tests := map[string]struct {
		world     func(a, b *world.Live)
		now, next string
	}{
		"as it was made first":              {now: "setup-mesh-grant-a", next: "setup-mesh-grant-a.2"},
		"one is left of a renewal":          {world: func(_, b *world.Live) { grantFor(b, "a", "left", 2) }, now: "setup-mesh-grant-a", next: "setup-mesh-grant-a.3"},
		"another cluster's is none of its":  {world: func(_, b *world.Live) { grantFor(b, "a2", "other", 2) }, now: "setup-mesh-grant-a", next: "setup-mesh-grant-a.2"},
		"the token is bound to the second":  {world: func(a, b *world.Live) { grantFor(b, "a", "second", 2); bind(a, "second") }, now: "setup-mesh-grant-a.2", next: "setup-mesh-grant-a.3"},
		"the consumer is not reached":       {world: func(a, b *world.Live) { secondOnly(b); a.Unreached = errors.New("down") }, now: "setup-mesh-grant-a.2"},
		"the second is all that there is":   {world: func(_, b *world.Live) { secondOnly(b) }, now: "setup-mesh-grant-a.2", next: "setup-mesh-grant-a"},
		"the source is not reached":         {world: func(_, b *world.Live) { b.Unreached = errors.New("down") }, now: "setup-mesh-grant-a"},
		"there is none, and no token works": {world: func(_, b *world.Live) { delete(b.Objects, object.SecretRef("istio-system", "setup-mesh-grant-a")) }, now: "setup-mesh-grant-a", next: "setup-mesh-grant-a"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			d := WantedMesh(t, threeReaders, TestBase)
			w := appliedWorld(t, d)
			if tt.world != nil {
				tt.world(w.Cluster("a"), w.Cluster("b"))
			}
			g := desired.NewGrants(w, func(p desired.Pair) bool { return p == pair })
			it := g.Item(itemOf(t, d.Clusters[0], object.SecretRef("istio-system", object.RemoteSecretPrefix+"b")), "a")
			late := it.Late.(*desired.RemoteAccess)
			if late.Grant != tt.now || late.Next != tt.next {
				t.Errorf("grant %q, next %q; want %q, %q", late.Grant, late.Next, tt.now, tt.next)
			}
			grant := g.Item(itemOf(t, d.Clusters[1], object.SecretRef("istio-system", object.GrantPrefix+"a")), "b")
			if want := max(tt.now, tt.next); tt.next != "" && grant.Ref.Name != tt.next || tt.next == "" && grant.Ref.Name != tt.now || grant.Object.GetName() != grant.Ref.Name {
				t.Errorf("the grant is %s, want %s", grant.Ref.Name, want)
			}
		})
	}
}

func bind(consumer *world.Live, uid string) {
	edit(consumer, object.SecretRef("istio-system", object.RemoteSecretPrefix+"b"), func(o map[string]any) {
		o["metadata"].(map[string]any)["annotations"].(map[string]any)[desired.AnnotationGrant] = uid
	})
}

func secondOnly(source *world.Live) {
	delete(source.Objects, object.SecretRef("istio-system", "setup-mesh-grant-a"))
	grantFor(source, "a", "second", 2)
}
