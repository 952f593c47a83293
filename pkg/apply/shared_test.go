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

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
	"github.com/setup-mesh/setup-mesh/pkg/apply/record"
	"github.com/setup-mesh/setup-mesh/pkg/topology/manifest"
)

const shop = "shop"

// wantedSharing is a mesh of a and b, which share namespace shop, and of c, which
// takes no part in discovery; nothing else is wanted of them here.
func wantedSharing(t *testing.T) (*Desired, *World) {
	t.Helper()
	d := &Desired{MeshID: "m", SharedServices: []string{shop}}
	for _, name := range []string{"a", "b", "c"} {
		member := record.Member{Name: name, Context: "kind-" + name, Namespace: "istio-system", Role: record.RolePrimary}
		d.Clusters = append(d.Clusters, &DesiredCluster{Member: member, Joined: name != "c", Manifest: &manifest.Manifest{}})
	}
	w := EmptyWorld(d)
	for _, l := range w.Clusters {
		l.services, l.ending = map[string][]*unstructured.Unstructured{shop: nil}, map[object.Ref]bool{}
	}
	return d, w
}

// planShared plans what was read, as Observe leaves it.
func planShared(t *testing.T, d *Desired, w *World) *Plan {
	t.Helper()
	return NewPlan(d, w, PlanOptions{})
}

func service(name string, spec map[string]any) *unstructured.Unstructured {
	all := map[string]any{"type": "ClusterIP", "clusterIP": "10.0.0.7", "selector": map[string]any{"app": name}, "ports": ports(80)}
	for k, v := range spec {
		all[k] = v
	}
	return object.New("v1", "Service", shop, name, nil, map[string]any{"spec": all})
}

func ports(number int64) []any {
	return []any{map[string]any{"name": "http", "port": number, "targetPort": number, "protocol": "TCP"}}
}

// put puts a Service into a cluster, beside or over what is there.
func put(l *Live, o *unstructured.Unstructured) {
	name := o.GetName()
	l.services[shop] = append(slices.DeleteFunc(slices.Clone(l.services[shop]), func(old *unstructured.Unstructured) bool { return old.GetName() == name }), o)
	delete(l.Objects, object.RefOf(o))
	if object.Ours(o) {
		l.Objects[object.RefOf(o)] = Observed{Object: o}
	}
}

func remove(l *Live, ref object.Ref) {
	delete(l.Objects, ref)
	l.services[shop] = slices.DeleteFunc(slices.Clone(l.services[shop]), func(o *unstructured.Unstructured) bool { return object.RefOf(o) == ref })
}

// giveService gives a cluster a Service of somebody's own, in a namespace that is too.
func giveService(l *Live, o *unstructured.Unstructured) {
	put(l, managedBy(o, "uid-own-"+o.GetName(), "helm"))
	l.Objects[object.NamespaceRef(shop)] = Observed{Object: managedBy(object.New("v1", "Namespace", "", shop, nil, nil), "uid-shop", "helm")}
}

// applyShared does in memory what an apply does about copies.
func applyShared(t *testing.T, d *Desired, w *World, p *Plan) {
	t.Helper()
	for i, c := range p.Clusters {
		l := w.Clusters[i]
		for _, ch := range c.Changes {
			if ch.Component != order.SharedServices || !ch.Pending() {
				continue
			}
			switch {
			case ch.Action == Delete:
				remove(l, ch.Object)
			case ch.LetGo && ch.Object.Kind == "Namespace":
				l.Objects[ch.Object] = Observed{Object: managedBy(l.object(ch.Object), ch.UID, "kubectl")}
			case ch.LetGo:
				o := managedBy(l.object(ch.Object), ch.UID, "kubectl")
				unstructured.RemoveNestedField(o.Object, "metadata", "annotations")
				put(l, o)
			case ch.Object.Kind == "Namespace":
				l.Objects[ch.Object] = Observed{Object: managedBy(ch.item.Object, "uid-shop", object.FieldManager)}
			default:
				put(l, managedBy(ch.item.Object, "uid-copy-"+ch.Object.Name, object.FieldManager))
			}
		}
	}
	again := planShared(t, d, w)
	for i, c := range again.Clusters {
		if c.Unreached == "" {
			w.Clusters[i].recordVersion = "1"
			w.Clusters[i].Record = c.RecordAfter(d.MeshID, again.members((*ClusterPlan).willGo), func(Change) bool { return true })
		}
	}
}

// sharedLines are the lines of a plan that are not about records.
func sharedLines(p *Plan) string {
	var out []string
	for line := range strings.Lines(planLines(p)) {
		if !strings.Contains(line, "ConfigMap istio-system/setup-mesh") {
			out = append(out, line)
		}
	}
	return strings.Join(out, "")
}

func TestPlanSharedServices(t *testing.T) {
	cart := object.ServiceRef(shop, "cart")
	down := func(l *Live) { l.Unreached, l.services, l.Objects = errors.New("i/o timeout"), nil, nil }
	// taken makes the copy in b look as if somebody had written it too.
	taken := func(operation metav1.ManagedFieldsOperationType, fields string) func(*testing.T, *Desired, *World) {
		return func(_ *testing.T, _ *Desired, w *World) {
			o := w.Clusters[1].object(cart).DeepCopy()
			entry := metav1.ManagedFieldsEntry{Manager: "kubectl", Operation: operation, FieldsV1: metav1.NewFieldsV1(fields)}
			o.SetManagedFields(append(o.GetManagedFields(), entry))
			put(w.Clusters[1], o)
		}
	}
	const letGo = "b update Namespace shop (kept; only the setup-mesh labels are removed)\nb update Service shop/cart (let go: it is managed by kubectl now)\n" +
		"warning b: namespace shop stays: Service shop/cart is there\n"
	foreign := func(w *World) {
		w.Clusters[1].Remains.Foreign = map[string][]object.Ref{shop: {cart}}
	}
	tests := map[string]struct {
		before func(w *World)                           // and is applied
		then   func(t *testing.T, d *Desired, w *World) // what is planned now
		want   string
	}{
		"nobody has anything": {},
		"everybody has their own": {
			before: func(w *World) {
				giveService(w.Clusters[0], service("cart", nil))
				giveService(w.Clusters[1], service("cart", nil))
			},
		},
		"one has two": {
			then: func(_ *testing.T, _ *Desired, w *World) {
				giveService(w.Clusters[0], service("cart", nil))
				giveService(w.Clusters[0], service("catalog", nil))
			},
			want: "b create Namespace shop\nb create Service shop/cart\nb create Service shop/catalog\n",
		},
		"each has one": {
			then: func(_ *testing.T, _ *Desired, w *World) {
				giveService(w.Clusters[0], service("cart", nil))
				giveService(w.Clusters[1], service("catalog", nil))
			},
			want: "a create Service shop/catalog\nb create Service shop/cart\n",
		},
		"one that takes no part neither gives": {
			then: func(_ *testing.T, _ *Desired, w *World) { giveService(w.Clusters[2], service("cart", nil)) },
		},
		"the namespace is somebody's": {
			then: func(_ *testing.T, _ *Desired, w *World) {
				giveService(w.Clusters[1], service("other", nil))
				remove(w.Clusters[1], object.ServiceRef(shop, "other"))
				giveService(w.Clusters[0], service("cart", nil))
			},
			want: "b create Service shop/cart\n",
		},
		"the namespace is being deleted": {
			then: func(_ *testing.T, _ *Desired, w *World) {
				ending := managedBy(object.New("v1", "Namespace", "", shop, nil, nil), "u", "helm")
				ending.SetDeletionTimestamp(&metav1.Time{Time: time.Unix(1, 0)})
				l := w.Clusters[1]
				giveService(l, service("cart", nil))
				l.sharedRead([]string{shop}, []*unstructured.Unstructured{ending})
				giveService(w.Clusters[0], service("cart", nil))
			},
			want: "b create Namespace shop\nb create Service shop/cart\n" +
				"warning b: namespace shop is being deleted: apply waits until it is gone, and creates it again\n",
		},
		"a copy is there": {
			before: func(w *World) { giveService(w.Clusters[0], service("cart", nil)) },
		},
		"the original changes": {
			before: func(w *World) { giveService(w.Clusters[0], service("cart", nil)) },
			then: func(_ *testing.T, _ *Desired, w *World) {
				giveService(w.Clusters[0], service("cart", map[string]any{"ports": ports(8080)}))
				seen := w.Clusters[1].Objects[cart]
				seen.Dry = seen.Object.DeepCopy()
				seen.Dry.Object["spec"].(map[string]any)["ports"] = ports(8080)
				w.Clusters[1].Objects[cart] = seen
			},
			want: "b update Service shop/cart spec.ports[name=http].port: 80 -> 8080 spec.ports[name=http].targetPort: 80 -> 8080\n",
		},
		"the original becomes headless": {
			before: func(w *World) { giveService(w.Clusters[0], service("cart", nil)) },
			then: func(_ *testing.T, _ *Desired, w *World) {
				giveService(w.Clusters[0], service("cart", map[string]any{"clusterIP": "None"}))
				seen := w.Clusters[1].Objects[cart]
				seen.DryErr = &object.Error{Class: object.Invalid, Message: "spec.clusterIPs[0]: may not change once set"}
				w.Clusters[1].Objects[cart] = seen
			},
			want: "b update Service shop/cart (recreated: clusterIP is immutable)\n",
		},
		"the original is headless no more": {
			before: func(w *World) { giveService(w.Clusters[0], service("cart", map[string]any{"clusterIP": "None"})) },
			then:   func(_ *testing.T, _ *Desired, w *World) { giveService(w.Clusters[0], service("cart", nil)) },
			want:   "b update Service shop/cart (recreated: clusterIP is immutable)\n",
		},
		"the original is gone": {
			before: func(w *World) { giveService(w.Clusters[0], service("cart", nil)) },
			then:   func(_ *testing.T, _ *Desired, w *World) { remove(w.Clusters[0], cart) },
			want:   "b delete Namespace shop\nb delete Service shop/cart (no longer in a)\n",
		},
		"one of two originals is gone": {
			before: func(w *World) {
				giveService(w.Clusters[0], service("cart", nil))
				giveService(w.Clusters[0], service("catalog", nil))
			},
			then: func(_ *testing.T, _ *Desired, w *World) { remove(w.Clusters[0], cart) },
			want: "b delete Service shop/cart (no longer in a)\n",
		},
		"the original may be in a cluster that is down": {
			before: func(w *World) { giveService(w.Clusters[0], service("cart", nil)) },
			then:   func(_ *testing.T, _ *Desired, w *World) { down(w.Clusters[0]) },
			want:   "a not reached: i/o timeout\n",
		},
		"the original is in a cluster that is down, and another has it too": {
			before: func(w *World) { giveService(w.Clusters[0], service("cart", nil)) },
			then: func(_ *testing.T, d *Desired, w *World) {
				d.Clusters[2].Joined = true
				giveService(w.Clusters[2], service("cart", map[string]any{"ports": ports(8080)}))
				down(w.Clusters[0])
			},
			want: "a not reached: i/o timeout\n",
		},
		"a cluster that is down is not one that takes no part": {
			before: func(w *World) { giveService(w.Clusters[0], service("cart", nil)) },
			then: func(_ *testing.T, _ *Desired, w *World) {
				down(w.Clusters[2])
				remove(w.Clusters[0], cart)
			},
			want: "b delete Namespace shop\nb delete Service shop/cart (no longer in a)\nc not reached: i/o timeout\n",
		},
		"the namespace is shared no more": {
			before: func(w *World) { giveService(w.Clusters[0], service("cart", nil)) },
			then:   func(_ *testing.T, d *Desired, _ *World) { d.SharedServices = nil },
			want:   "b delete Namespace shop\nb delete Service shop/cart (no longer in sharedServices)\n",
		},
		"it is shared no more, and somebody put something there": {
			before: func(w *World) { giveService(w.Clusters[0], service("cart", nil)) },
			then: func(_ *testing.T, d *Desired, w *World) {
				d.SharedServices = nil
				w.Clusters[1].Remains.Foreign = map[string][]object.Ref{shop: {{Kind: "ConfigMap", Namespace: shop, Name: "theirs"}}}
			},
			want: "b update Namespace shop (kept; only the setup-mesh labels are removed)\nb delete Service shop/cart (no longer in sharedServices)\n" +
				"warning b: namespace shop stays: ConfigMap shop/theirs is there\n",
		},
		"it is shared no more, and what is there cannot be read": {
			before: func(w *World) { giveService(w.Clusters[0], service("cart", nil)) },
			then: func(_ *testing.T, d *Desired, w *World) {
				d.SharedServices = nil
				w.Clusters[1].Remains.Err = errors.New("list: forbidden")
			},
			want: "b unknown Namespace shop (no longer in sharedServices) blocked: list: forbidden\nb delete Service shop/cart (no longer in sharedServices)\n",
		},
		"a cluster takes no part any more": {
			before: func(w *World) { giveService(w.Clusters[0], service("cart", nil)) },
			then:   func(_ *testing.T, d *Desired, _ *World) { d.Clusters[1].Joined = false },
			want:   "b delete Namespace shop\nb delete Service shop/cart (excluded by disableRegistryJoin)\n",
		},
		"the cluster with the original takes no part any more": {
			before: func(w *World) { giveService(w.Clusters[0], service("cart", nil)) },
			then:   func(_ *testing.T, d *Desired, _ *World) { d.Clusters[0].Joined = false },
			want:   "b delete Namespace shop\nb delete Service shop/cart (a is now excluded by disableRegistryJoin)\n",
		},
		"somebody puts their own in the place of a copy": {
			before: func(w *World) { giveService(w.Clusters[0], service("cart", nil)) },
			then: func(_ *testing.T, _ *Desired, w *World) {
				put(w.Clusters[1], managedBy(service("cart", nil), "u2", "helm"))
			},
			want: "b delete Namespace shop\n",
		},
		"somebody applies their own over a copy": {
			before: func(w *World) { giveService(w.Clusters[0], service("cart", nil)) },
			then:   func(t *testing.T, d *Desired, w *World) { taken("Apply", `{}`)(t, d, w); foreign(w) },
			want:   letGo,
		},
		"kubectl apply over a copy, which says the same": {
			before: func(w *World) { giveService(w.Clusters[0], service("cart", nil)) },
			then: func(t *testing.T, d *Desired, w *World) {
				taken("Update", `{"f:metadata":{"f:annotations":{".":{},"f:kubectl.kubernetes.io/last-applied-configuration":{}}}}`)(t, d, w)
				foreign(w)
			},
			want: letGo,
		},
		"somebody edits a copy": {
			before: func(w *World) { giveService(w.Clusters[0], service("cart", nil)) },
			then: func(t *testing.T, d *Desired, w *World) {
				taken("Update", `{"f:spec":{"f:ports":{"k:{\"port\":80,\"protocol\":\"TCP\"}":{"f:targetPort":{}}}}}`)(t, d, w)
				foreign(w)
			},
			want: letGo,
		},
		"somebody labels a copy": {
			before: func(w *World) { giveService(w.Clusters[0], service("cart", nil)) },
			then:   taken("Update", `{"f:metadata":{"f:labels":{"f:team":{}}}}`),
		},
		"somebody takes our mark off a copy": {
			before: func(w *World) {
				giveService(w.Clusters[0], service("cart", nil))
				giveService(w.Clusters[0], service("catalog", nil))
			},
			then: func(_ *testing.T, _ *Desired, w *World) {
				o := w.Clusters[1].object(cart).DeepCopy()
				unstructured.RemoveNestedField(o.Object, "metadata", "annotations")
				put(w.Clusters[1], o)
			},
			want: "b update Service shop/cart (let go: it is no longer marked as a copy)\n",
		},
		"two have one, and not with the same ports": {
			before: func(w *World) { giveService(w.Clusters[0], service("cart", nil)) },
			then: func(_ *testing.T, _ *Desired, w *World) {
				giveService(w.Clusters[1], service("cart", map[string]any{"ports": ports(8080)}))
			},
			want: "warning b: Service shop/cart has other ports than in a, and is one Service for the mesh\n",
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
					l.Objects[ref] = Observed{Object: seen.Object}
				}
				l.Remains = Remains{}
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

// TestCopyOf compares the whole of what is sent.
func TestCopyOf(t *testing.T) {
	meta := func(o *unstructured.Unstructured, labels, notes map[string]string) *unstructured.Unstructured {
		o.SetLabels(labels)
		o.SetAnnotations(notes)
		return o
	}
	port := map[string]any{"name": "http", "port": int64(80), "targetPort": int64(80), "protocol": "TCP"}
	tests := map[string]struct {
		in     *unstructured.Unstructured
		labels map[string]any
		notes  map[string]any // beside the mark
		spec   map[string]any
	}{
		"a Service in its cluster": {
			in:   service("cart", map[string]any{"clusterIPs": []any{"10.0.0.7"}, "sessionAffinity": "None", "ipFamilies": []any{"IPv4"}}),
			spec: map[string]any{"type": "ClusterIP", "selector": map[string]any{"app": "cart"}, "ports": []any{port}},
		},
		"a load balancer": {
			in: service("cart", map[string]any{"type": "LoadBalancer", "loadBalancerIP": "192.0.2.1", "ports": []any{
				map[string]any{"name": "http", "port": int64(80), "targetPort": int64(80), "protocol": "TCP", "nodePort": int64(30080), "appProtocol": "http"},
			}}),
			spec: map[string]any{"type": "ClusterIP", "selector": map[string]any{"app": "cart"}, "ports": []any{
				map[string]any{"name": "http", "port": int64(80), "targetPort": int64(80), "protocol": "TCP", "appProtocol": "http"},
			}},
		},
		"a node port": {
			in:   service("cart", map[string]any{"type": "NodePort", "externalTrafficPolicy": "Local"}),
			spec: map[string]any{"type": "ClusterIP", "selector": map[string]any{"app": "cart"}, "ports": []any{port}},
		},
		"a headless one": {
			in:   service("cart", map[string]any{"clusterIP": "None"}),
			spec: map[string]any{"type": "ClusterIP", "clusterIP": "None", "selector": map[string]any{"app": "cart"}, "ports": []any{port}},
		},
		"another name": {
			in:   object.New("v1", "Service", shop, "cart", nil, map[string]any{"spec": map[string]any{"type": "ExternalName", "externalName": "cart.example.com", "sessionAffinity": "None"}}),
			spec: map[string]any{"type": "ExternalName", "externalName": "cart.example.com"},
		},
		"what it says to Istio, and no more": {
			in: meta(service("cart", nil),
				map[string]string{"app": "cart", object.LabelNetwork: "n", object.LabelMesh: "m"},
				map[string]string{"networking.istio.io/exportTo": ".", "kubectl.kubernetes.io/last-applied-configuration": "{}", "cloud.google.com/neg": "{}", object.AnnotationSharedFrom: "z"}),
			labels: map[string]any{"app": "cart"},
			notes:  map[string]any{"networking.istio.io/exportTo": "."},
			spec:   map[string]any{"type": "ClusterIP", "selector": map[string]any{"app": "cart"}, "ports": []any{port}},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			before := tt.in.DeepCopy()
			notes := map[string]any{object.AnnotationSharedFrom: "a"}
			for k, v := range tt.notes {
				notes[k] = v
			}
			labels := map[string]any{}
			for k, v := range tt.labels {
				labels[k] = v
			}
			want := map[string]any{
				"apiVersion": "v1", "kind": "Service", "spec": tt.spec,
				"metadata": map[string]any{"namespace": shop, "name": "cart", "labels": labels, "annotations": notes},
			}
			if diff := cmp.Diff(want, copyOf(original{"a", tt.in}).Object); diff != "" {
				t.Errorf("copy (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(before, tt.in); diff != "" {
				t.Errorf("the original was changed (-before +after):\n%s", diff)
			}
		})
	}
}

// TestBuildShared checks the order of what is about copies: namespaces before
// what is in them, and after it where they go.
func TestBuildShared(t *testing.T) {
	d, w := wantedSharing(t)
	giveService(w.Clusters[0], service("cart", nil))
	p := planShared(t, d, w)
	graphOf(t, p).wantBefore(t, [2]string{"b: begin", "b: put shared namespaces"}, [2]string{"b: put shared namespaces", "b: put shared services"}, [2]string{"b: put shared services", "b: finish"})
	applyShared(t, d, w, p)
	d.SharedServices = nil
	graphOf(t, planShared(t, d, w)).wantBefore(t, [2]string{"b: remove shared services", "b: remove shared namespaces"}, [2]string{"b: remove shared namespaces", "b: finish"})

	l := w.Clusters[1]
	l.Leaving = true
	d.Clusters = d.Clusters[:1]
	w.Clusters = []*Live{w.Clusters[0], l}
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
		giveService(w.Clusters[0], service(name, nil))
	}
	d.Clusters[2].Joined = true
	giveService(w.Clusters[2], service("a", map[string]any{"type": "NodePort"}))
	s, err := newSharing(d, w)
	if err != nil {
		t.Fatal(err)
	}
	var refs []object.Ref
	for _, it := range s.items["b"] {
		refs = append(refs, it.Ref)
		if from := it.Object.GetAnnotations()[object.AnnotationSharedFrom]; it.Ref.Kind == "Service" && from != "a" {
			t.Errorf("%s comes from %s", it.Ref, from)
		}
	}
	want := []object.Ref{object.NamespaceRef(shop), object.ServiceRef(shop, "a"), object.ServiceRef(shop, "b"), object.ServiceRef(shop, "c"), object.ServiceRef(shop, "d"), object.ServiceRef(shop, "e")}
	if diff := cmp.Diff(want, refs); diff != "" {
		t.Errorf("items (-want +got):\n%s", diff)
	}
}
