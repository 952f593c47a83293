package apply

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/setup-mesh/setup-mesh/pkg/apply/desired"
	"github.com/setup-mesh/setup-mesh/pkg/apply/internal/fixture"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
	"github.com/setup-mesh/setup-mesh/pkg/apply/record"
	"github.com/setup-mesh/setup-mesh/pkg/apply/world"
	"github.com/setup-mesh/setup-mesh/pkg/topology/manifest"
)

// wantedSharing is a mesh of a and b, which share namespace shop, and of c, which
// takes no part in discovery; nothing else is wanted of them here.
func wantedSharing(t *testing.T) (*desired.Desired, *world.World) {
	t.Helper()
	d := &desired.Desired{MeshID: "m", SharedServices: []string{fixture.Shop}}
	for _, name := range []string{"a", "b", "c"} {
		member := record.Member{Name: name, Context: "kind-" + name, Namespace: "istio-system", Role: record.RolePrimary}
		d.Clusters = append(d.Clusters, &desired.Cluster{Member: member, Joined: name != "c", Manifest: &manifest.Manifest{}})
	}
	w := EmptyWorld(d)
	for _, l := range w.Clusters {
		l.Services, l.Ending = map[string][]*unstructured.Unstructured{fixture.Shop: nil}, map[object.Ref]bool{}
	}
	return d, w
}

// planShared plans what was read, as Observe leaves it.
func planShared(t *testing.T, d *desired.Desired, w *world.World) *plan.Plan {
	t.Helper()
	return NewPlan(d, w, plan.Options{})
}

// put puts a Service into a cluster, beside or over what is there.
func put(l *world.Live, o *unstructured.Unstructured) {
	name := o.GetName()
	l.Services[fixture.Shop] = append(slices.DeleteFunc(slices.Clone(l.Services[fixture.Shop]), func(old *unstructured.Unstructured) bool { return old.GetName() == name }), o)
	delete(l.Objects, object.RefOf(o))
	if object.Ours(o) {
		l.Objects[object.RefOf(o)] = world.Observed{Object: o}
	}
}

func remove(l *world.Live, ref object.Ref) {
	delete(l.Objects, ref)
	l.Services[fixture.Shop] = slices.DeleteFunc(slices.Clone(l.Services[fixture.Shop]), func(o *unstructured.Unstructured) bool { return object.RefOf(o) == ref })
}

// giveService gives a cluster a Service of somebody's own, in a namespace that is too.
func giveService(l *world.Live, o *unstructured.Unstructured) {
	put(l, fixture.ManagedBy(o, "uid-own-"+o.GetName(), "helm"))
	l.Objects[object.NamespaceRef(fixture.Shop)] = world.Observed{Object: fixture.ManagedBy(object.New("v1", "Namespace", "", fixture.Shop, nil, nil), "uid-shop", "helm")}
}

// applyShared does in memory what an apply does about copies.
func applyShared(t *testing.T, d *desired.Desired, w *world.World, p *plan.Plan) {
	t.Helper()
	for i, c := range p.Clusters {
		l := w.Clusters[i]
		for _, ch := range c.Changes {
			if ch.Component != order.SharedServices && ch.Component != order.Injection || !ch.Pending() {
				continue
			}
			switch {
			case ch.Action == plan.Delete:
				remove(l, ch.Object)
			case ch.LetGo && ch.Object.Kind == "Namespace":
				l.Objects[ch.Object] = world.Observed{Object: fixture.ManagedBy(l.Object(ch.Object), ch.UID, "kubectl")}
			case ch.LetGo:
				o := fixture.ManagedBy(l.Object(ch.Object), ch.UID, "kubectl")
				unstructured.RemoveNestedField(o.Object, "metadata", "annotations")
				put(l, o)
			case ch.Object.Kind == "Namespace":
				l.Objects[ch.Object] = world.Observed{Object: fixture.ManagedBy(ch.Item.Object, "uid-shop", object.FieldManager)}
			default:
				put(l, fixture.ManagedBy(ch.Item.Object, "uid-copy-"+ch.Object.Name, object.FieldManager))
			}
		}
	}
	again := planShared(t, d, w)
	for i, c := range again.Clusters {
		if c.Unreached == "" {
			w.Clusters[i].RecordVersion = "1"
			w.Clusters[i].Record = c.RecordAfter(d.MeshID, again.Members((*plan.Cluster).WillGo), func(plan.Change) bool { return true })
		}
	}
}

// sharedLines are the lines of a plan that are not about records.
func sharedLines(p *plan.Plan) string {
	var out []string
	for line := range strings.Lines(planLines(p)) {
		if !strings.Contains(line, "ConfigMap istio-system/setup-mesh") {
			out = append(out, line)
		}
	}
	return strings.Join(out, "")
}

func TestPlanSharedServices(t *testing.T) {
	cart := object.ServiceRef(fixture.Shop, "cart")
	down := func(l *world.Live) { l.Unreached, l.Services, l.Objects = errors.New("i/o timeout"), nil, nil }
	// taken makes the copy in b look as if somebody had written it too.
	taken := func(operation metav1.ManagedFieldsOperationType, fields string) func(*testing.T, *desired.Desired, *world.World) {
		return func(_ *testing.T, _ *desired.Desired, w *world.World) {
			o := w.Clusters[1].Object(cart).DeepCopy()
			entry := metav1.ManagedFieldsEntry{Manager: "kubectl", Operation: operation, FieldsV1: metav1.NewFieldsV1(fields)}
			o.SetManagedFields(append(o.GetManagedFields(), entry))
			put(w.Clusters[1], o)
		}
	}
	const letGo = "b update Namespace shop (kept; only the setup-mesh labels are removed)\nb update Service shop/cart (let go: now managed by kubectl)\n" +
		"warning b: namespace shop stays: Service shop/cart exists\n"
	foreign := func(w *world.World) {
		w.Clusters[1].Remains.Foreign = map[string][]object.Ref{fixture.Shop: {cart}}
	}
	tests := map[string]struct {
		before func(w *world.World)                                   // and is applied
		then   func(t *testing.T, d *desired.Desired, w *world.World) // what is planned now
		want   string
	}{
		"nobody has anything": {},
		"everybody has their own": {
			before: func(w *world.World) {
				giveService(w.Clusters[0], fixture.Service("cart", nil))
				giveService(w.Clusters[1], fixture.Service("cart", nil))
			},
		},
		"one has two": {
			then: func(_ *testing.T, _ *desired.Desired, w *world.World) {
				giveService(w.Clusters[0], fixture.Service("cart", nil))
				giveService(w.Clusters[0], fixture.Service("catalog", nil))
			},
			want: "b create Namespace shop\nb create Service shop/cart\nb create Service shop/catalog\n",
		},
		"each has one": {
			then: func(_ *testing.T, _ *desired.Desired, w *world.World) {
				giveService(w.Clusters[0], fixture.Service("cart", nil))
				giveService(w.Clusters[1], fixture.Service("catalog", nil))
			},
			want: "a create Service shop/catalog\nb create Service shop/cart\n",
		},
		"one that takes no part neither gives": {
			then: func(_ *testing.T, _ *desired.Desired, w *world.World) {
				giveService(w.Clusters[2], fixture.Service("cart", nil))
			},
		},
		"the namespace is somebody's": {
			then: func(_ *testing.T, _ *desired.Desired, w *world.World) {
				giveService(w.Clusters[1], fixture.Service("other", nil))
				remove(w.Clusters[1], object.ServiceRef(fixture.Shop, "other"))
				giveService(w.Clusters[0], fixture.Service("cart", nil))
			},
			want: "b create Service shop/cart\n",
		},
		"the namespace is being deleted": {
			then: func(_ *testing.T, _ *desired.Desired, w *world.World) {
				ending := fixture.ManagedBy(object.New("v1", "Namespace", "", fixture.Shop, nil, nil), "u", "helm")
				ending.SetDeletionTimestamp(&metav1.Time{Time: time.Unix(1, 0)})
				l := w.Clusters[1]
				giveService(l, fixture.Service("cart", nil))
				l.SharedRead([]string{fixture.Shop}, []*unstructured.Unstructured{ending})
				giveService(w.Clusters[0], fixture.Service("cart", nil))
			},
			want: "b create Namespace shop\nb create Service shop/cart\n" +
				"warning b: namespace shop is being deleted: apply waits until it is gone, and creates it again\n",
		},
		"a copy is there": {
			before: func(w *world.World) { giveService(w.Clusters[0], fixture.Service("cart", nil)) },
		},
		"the original changes": {
			before: func(w *world.World) { giveService(w.Clusters[0], fixture.Service("cart", nil)) },
			then: func(_ *testing.T, _ *desired.Desired, w *world.World) {
				giveService(w.Clusters[0], fixture.Service("cart", map[string]any{"ports": fixture.Ports(8080)}))
				seen := w.Clusters[1].Objects[cart]
				seen.Dry = seen.Object.DeepCopy()
				seen.Dry.Object["spec"].(map[string]any)["ports"] = fixture.Ports(8080)
				w.Clusters[1].Objects[cart] = seen
			},
			want: "b update Service shop/cart spec.ports[name=http].port: 80 -> 8080 spec.ports[name=http].targetPort: 80 -> 8080\n",
		},
		"the original becomes headless": {
			before: func(w *world.World) { giveService(w.Clusters[0], fixture.Service("cart", nil)) },
			then: func(_ *testing.T, _ *desired.Desired, w *world.World) {
				giveService(w.Clusters[0], fixture.Service("cart", map[string]any{"clusterIP": "None"}))
				seen := w.Clusters[1].Objects[cart]
				seen.DryErr = &object.Error{Class: object.Invalid, Message: "spec.clusterIPs[0]: may not change once set"}
				w.Clusters[1].Objects[cart] = seen
			},
			want: "b update Service shop/cart (recreated: clusterIP is immutable)\n",
		},
		"the original is headless no more": {
			before: func(w *world.World) {
				giveService(w.Clusters[0], fixture.Service("cart", map[string]any{"clusterIP": "None"}))
			},
			then: func(_ *testing.T, _ *desired.Desired, w *world.World) {
				giveService(w.Clusters[0], fixture.Service("cart", nil))
			},
			want: "b update Service shop/cart (recreated: clusterIP is immutable)\n",
		},
		"the original is gone": {
			before: func(w *world.World) { giveService(w.Clusters[0], fixture.Service("cart", nil)) },
			then:   func(_ *testing.T, _ *desired.Desired, w *world.World) { remove(w.Clusters[0], cart) },
			want:   "b delete Namespace shop\nb delete Service shop/cart (no longer in a)\n",
		},
		"one of two originals is gone": {
			before: func(w *world.World) {
				giveService(w.Clusters[0], fixture.Service("cart", nil))
				giveService(w.Clusters[0], fixture.Service("catalog", nil))
			},
			then: func(_ *testing.T, _ *desired.Desired, w *world.World) { remove(w.Clusters[0], cart) },
			want: "b delete Service shop/cart (no longer in a)\n",
		},
		"the original may be in a cluster that is down": {
			before: func(w *world.World) { giveService(w.Clusters[0], fixture.Service("cart", nil)) },
			then:   func(_ *testing.T, _ *desired.Desired, w *world.World) { down(w.Clusters[0]) },
			want:   "a not reached: i/o timeout\n",
		},
		"the original is in a cluster that is down, and another has it too": {
			before: func(w *world.World) { giveService(w.Clusters[0], fixture.Service("cart", nil)) },
			then: func(_ *testing.T, d *desired.Desired, w *world.World) {
				d.Clusters[2].Joined = true
				giveService(w.Clusters[2], fixture.Service("cart", map[string]any{"ports": fixture.Ports(8080)}))
				down(w.Clusters[0])
			},
			want: "a not reached: i/o timeout\n",
		},
		"a cluster that is down is not one that takes no part": {
			before: func(w *world.World) { giveService(w.Clusters[0], fixture.Service("cart", nil)) },
			then: func(_ *testing.T, _ *desired.Desired, w *world.World) {
				down(w.Clusters[2])
				remove(w.Clusters[0], cart)
			},
			want: "b delete Namespace shop\nb delete Service shop/cart (no longer in a)\nc not reached: i/o timeout\n",
		},
		"the namespace is shared no more": {
			before: func(w *world.World) { giveService(w.Clusters[0], fixture.Service("cart", nil)) },
			then:   func(_ *testing.T, d *desired.Desired, _ *world.World) { d.SharedServices = nil },
			want:   "b delete Namespace shop\nb delete Service shop/cart (no longer in sharedServices)\n",
		},
		"it is shared no more, and somebody put something there": {
			before: func(w *world.World) { giveService(w.Clusters[0], fixture.Service("cart", nil)) },
			then: func(_ *testing.T, d *desired.Desired, w *world.World) {
				d.SharedServices = nil
				w.Clusters[1].Remains.Foreign = map[string][]object.Ref{fixture.Shop: {{Kind: "ConfigMap", Namespace: fixture.Shop, Name: "theirs"}}}
			},
			want: "b update Namespace shop (kept; only the setup-mesh labels are removed)\nb delete Service shop/cart (no longer in sharedServices)\n" +
				"warning b: namespace shop stays: ConfigMap shop/theirs exists\n",
		},
		"it is shared no more, and what is there cannot be read": {
			before: func(w *world.World) { giveService(w.Clusters[0], fixture.Service("cart", nil)) },
			then: func(_ *testing.T, d *desired.Desired, w *world.World) {
				d.SharedServices = nil
				w.Clusters[1].Remains.Err = errors.New("list: forbidden")
			},
			want: "b unknown Namespace shop (no longer in sharedServices) blocked: list: forbidden\nb delete Service shop/cart (no longer in sharedServices)\n",
		},
		"a cluster takes no part any more": {
			before: func(w *world.World) { giveService(w.Clusters[0], fixture.Service("cart", nil)) },
			then:   func(_ *testing.T, d *desired.Desired, _ *world.World) { d.Clusters[1].Joined = false },
			want:   "b delete Namespace shop\nb delete Service shop/cart (excluded by disableRegistryJoin)\n",
		},
		"the cluster with the original takes no part any more": {
			before: func(w *world.World) { giveService(w.Clusters[0], fixture.Service("cart", nil)) },
			then:   func(_ *testing.T, d *desired.Desired, _ *world.World) { d.Clusters[0].Joined = false },
			want:   "b delete Namespace shop\nb delete Service shop/cart (a is now excluded by disableRegistryJoin)\n",
		},
		"somebody puts their own in the place of a copy": {
			before: func(w *world.World) { giveService(w.Clusters[0], fixture.Service("cart", nil)) },
			then: func(_ *testing.T, _ *desired.Desired, w *world.World) {
				put(w.Clusters[1], fixture.ManagedBy(fixture.Service("cart", nil), "u2", "helm"))
			},
			want: "b delete Namespace shop\n",
		},
		"somebody applies their own over a copy": {
			before: func(w *world.World) { giveService(w.Clusters[0], fixture.Service("cart", nil)) },
			then:   func(t *testing.T, d *desired.Desired, w *world.World) { taken("Apply", `{}`)(t, d, w); foreign(w) },
			want:   letGo,
		},
		"kubectl apply over a copy, which says the same": {
			before: func(w *world.World) { giveService(w.Clusters[0], fixture.Service("cart", nil)) },
			then: func(t *testing.T, d *desired.Desired, w *world.World) {
				taken("Update", `{"f:metadata":{"f:annotations":{".":{},"f:kubectl.kubernetes.io/last-applied-configuration":{}}}}`)(t, d, w)
				foreign(w)
			},
			want: letGo,
		},
		"somebody edits a copy": {
			before: func(w *world.World) { giveService(w.Clusters[0], fixture.Service("cart", nil)) },
			then: func(t *testing.T, d *desired.Desired, w *world.World) {
				taken("Update", `{"f:spec":{"f:ports":{"k:{\"port\":80,\"protocol\":\"TCP\"}":{"f:targetPort":{}}}}}`)(t, d, w)
				foreign(w)
			},
			want: letGo,
		},
		"somebody labels a copy": {
			before: func(w *world.World) { giveService(w.Clusters[0], fixture.Service("cart", nil)) },
			then:   taken("Update", `{"f:metadata":{"f:labels":{"f:team":{}}}}`),
		},
		"somebody takes our mark off a copy": {
			before: func(w *world.World) {
				giveService(w.Clusters[0], fixture.Service("cart", nil))
				giveService(w.Clusters[0], fixture.Service("catalog", nil))
			},
			then: func(_ *testing.T, _ *desired.Desired, w *world.World) {
				o := w.Clusters[1].Object(cart).DeepCopy()
				unstructured.RemoveNestedField(o.Object, "metadata", "annotations")
				put(w.Clusters[1], o)
			},
			want: "b update Service shop/cart (let go: it is no longer marked as a copy)\n",
		},
		"two have one, and not with the same ports": {
			before: func(w *world.World) { giveService(w.Clusters[0], fixture.Service("cart", nil)) },
			then: func(_ *testing.T, _ *desired.Desired, w *world.World) {
				giveService(w.Clusters[1], fixture.Service("cart", map[string]any{"ports": fixture.Ports(8080)}))
			},
			want: "warning b: Service shop/cart has different ports than in a, but is one Service for the mesh\n",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			d, w := wantedSharing(t)
			if tt.before != nil {
				tt.before(w)
				applyShared(t, d, w, planShared(t, d, w))
				if got := planLines(planShared(t, d, w)); got != "" {
					t.Fatalf("a plan after an apply:\n%s", got)
				}
			}
			if tt.then != nil {
				tt.then(t, d, w)
			}
			p := planShared(t, d, w)
			if diff := cmp.Diff(tt.want, sharedLines(p)); diff != "" {
				t.Errorf("plan (-want +got):\n%s", diff)
			}
			for _, l := range w.Clusters {
				for ref, seen := range l.Objects { // what an apply brings about
					l.Objects[ref] = world.Observed{Object: seen.Object}
				}
				l.Remains = world.Remains{}
			}
			applyShared(t, d, w, p)
			for _, c := range planShared(t, d, w).Clusters {
				for _, ch := range c.Changes {
					if ch.Pending() && ch.Blocked == "" {
						t.Errorf("after an apply, %s %s", c.Name, changeLine(ch))
					}
				}
			}
		})
	}
}

// TestBuildShared checks the order of what is about copies: namespaces before
// what is in them, and after it where they go.
func TestBuildShared(t *testing.T) {
	d, w := wantedSharing(t)
	giveService(w.Clusters[0], fixture.Service("cart", nil))
	p := planShared(t, d, w)
	graphOf(t, p).wantBefore(t, [2]string{"b: begin", "b: put shared namespaces"}, [2]string{"b: put shared namespaces", "b: put shared services"}, [2]string{"b: put shared services", "b: finish"})
	applyShared(t, d, w, p)
	d.SharedServices = nil
	graphOf(t, planShared(t, d, w)).wantBefore(t, [2]string{"b: remove shared services", "b: remove shared namespaces"}, [2]string{"b: remove shared namespaces", "b: finish"})

	l := w.Clusters[1]
	l.Leaving = true
	d.Clusters = d.Clusters[:1]
	w.Clusters = []*world.Live{w.Clusters[0], l}
	p = planShared(t, d, w)
	if diff := cmp.Diff("b delete Namespace shop\nb delete Service shop/cart\n", sharedLines(p)); diff != "" {
		t.Errorf("a cluster leaves (-want +got):\n%s", diff)
	}
	graphOf(t, p).wantBefore(t, [2]string{"b: remove shared services", "b: remove shared namespaces"}, [2]string{"b: remove shared namespaces", "b: remove record"})
}

// TestNewSharingOrder wants copies by name, after their namespace, from the first
// cluster that has them.
func TestNewSharingOrder(t *testing.T) {
	d, w := wantedSharing(t)
	for _, name := range []string{"e", "d", "c", "b", "a"} {
		giveService(w.Clusters[0], fixture.Service(name, nil))
	}
	d.Clusters[2].Joined = true
	giveService(w.Clusters[2], fixture.Service("a", map[string]any{"type": "NodePort"}))
	s, err := desired.NewSharing(d, w)
	if err != nil {
		t.Fatal(err)
	}
	var refs []object.Ref
	for _, it := range s.Items["b"] {
		refs = append(refs, it.Ref)
		if from := it.Object.GetAnnotations()[object.AnnotationSharedFrom]; it.Ref.Kind == "Service" && from != "a" {
			t.Errorf("%s comes from %s", it.Ref, from)
		}
	}
	want := []object.Ref{object.NamespaceRef(fixture.Shop), object.ServiceRef(fixture.Shop, "a"), object.ServiceRef(fixture.Shop, "b"), object.ServiceRef(fixture.Shop, "c"), object.ServiceRef(fixture.Shop, "d"), object.ServiceRef(fixture.Shop, "e")}
	if diff := cmp.Diff(want, refs); diff != "" {
		t.Errorf("items (-want +got):\n%s", diff)
	}
}
