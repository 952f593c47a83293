package simulate

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/setup-mesh/setup-mesh/pkg/apply/applytest"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

// A deed is something that somebody else does to a cluster.
type deed struct {
	Kind    string
	A, B, C int
	At      time.Duration `json:",omitempty"` // from the start of the apply
}

var deeds = []string{
	"delete", "delete", "delete", "delete", "change", "change", "change", "record", "lease", "end",
	"config", "resource", "original", "original", "original", "take", "lb", "nolb", "lb again", "clock", "tokens", "down",
}

func randomDeed(r *rand.Rand) deed {
	return deed{Kind: deeds[r.IntN(len(deeds))], A: r.IntN(1 << 16), B: r.IntN(1 << 16), C: r.IntN(1 << 16)}
}

// perform does a deed, and says of which cluster and object.
func (s *sim) perform(d deed) {
	name := s.names[d.A%len(s.names)]
	c := s.fleet.Cluster(name)
	hand := c.As("kubectl-edit")
	what := ""
	switch d.Kind {
	case "delete":
		if ref := s.pick(name, d.B, func(ref object.Ref) bool { return ref.Kind != "Namespace" }); ref.Kind != "" {
			what = ref.String()
			s.lost, s.untrusted = s.lost || ref.Name == "setup-mesh", s.untrusted || ref.Name == object.Cacerts
			if object.IsCRD(ref) { // and all that is of it
				s.forget(name, func(p object.Ref) bool { return p.Resource()+"."+p.Group == ref.Name })
			}
			s.must(hand.Delete(ref))
		}
	case "end":
		if ref := s.pick(name, d.B, func(ref object.Ref) bool { return ref.Kind == "Namespace" }); ref.Kind != "" && d.C%4 == 0 {
			what = ref.String()
			s.lost = true
			s.forget(name, func(p object.Ref) bool { return p.Namespace == ref.Name || p == ref })
			s.must(hand.Delete(ref))
		}
	case "change":
		if ref := s.pick(name, d.B, func(ref object.Ref) bool { return changes[ref.Kind] != nil }); ref.Kind != "" {
			what = ref.String()
			s.untrusted = s.untrusted || ref.Name == object.Cacerts
			_, err := hand.Edit(ref, func(o applytest.Object) { changes[ref.Kind](o, d.C) })
			s.must(err)
		}
	case "record":
		what, s.lost = "ConfigMap setup-mesh", true
		s.must(hand.Delete(object.Ref{Kind: "ConfigMap", Namespace: "istio-system", Name: "setup-mesh"}))
	case "lease":
		s.must(hand.Delete(leaseRef("istio-system")))
	default:
		what = s.more(c, d)
	}
	s.logf("  somebody: %s in %s %s", d.Kind, name, what)
	s.tainted(name)
}

// more are deeds that break nothing of ours.
func (s *sim) more(c *applytest.Cluster, d deed) string {
	hand := c.As("kubectl-create")
	switch d.Kind {
	case "config": // in Istio's namespace, which others use too
		s.plant(c, object.New("v1", "ConfigMap", "istio-system", fmt.Sprintf("users-%d", d.B%3), nil, map[string]any{"data": map[string]any{"of": "users"}}))
	case "resource":
		s.plant(c, object.New("networking.istio.io/v1", "VirtualService", "default", "users", nil, map[string]any{"spec": map[string]any{"hosts": []any{"x"}}}))
	case "original":
		s.original(c, d)
	case "take":
		return s.takeOver(c, d)
	case "lb":
		c.MoveAddress(object.GatewayServiceRef("istio-system"))
	case "nolb":
		c.Set(func(s *applytest.Settings) { s.NoBalancer = true })
	case "lb again":
		c.Set(func(s *applytest.Settings) { s.NoBalancer = false })
	case "clock":
		skew := time.Duration(d.B%7-3) * time.Minute
		s.skew[c.Name()] = skew
		s.leaseGone[c.Name()] = time.Now() // as far as others can tell
		c.Set(func(s *applytest.Settings) { s.Skew = skew })
	case "tokens":
		c.Set(func(s *applytest.Settings) { s.TokenCap = []time.Duration{24 * time.Hour, 365 * 24 * time.Hour}[d.B%2] })
	case "down":
		down := d.B%2 == 0
		c.Set(func(s *applytest.Settings) { s.Down = down })
	default:
		panic("no such deed: " + d.Kind)
	}
	_ = hand
	return ""
}

// plant makes an object that is none of ours, and that has to stay.
func (s *sim) plant(c *applytest.Cluster, o *unstructured.Unstructured) {
	made, err := c.As("kubectl-create").Create(o)
	if err != nil {
		return // there already, or nowhere to be
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	at := placed{c.Name(), object.RefOf(made)}
	s.planted[at], s.plantedAt[at] = string(made.GetUID()), time.Now()
}

// forget is that some of what others have in a cluster goes by their hand.
func (s *sim) forget(cluster string, goes func(object.Ref) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for p := range s.planted {
		if p.cluster == cluster && goes(p.ref) {
			delete(s.planted, p)
		}
	}
}

// original makes, or takes away, a Service in a shared namespace.
func (s *sim) original(c *applytest.Cluster, d deed) {
	ns := []string{"shop", "pay"}[d.B%2]
	ref := object.ServiceRef(ns, []string{"cart", "till"}[d.C%2])
	s.mu.Lock()
	_, mine := s.planted[placed{c.Name(), ref}]
	s.mu.Unlock()
	if mine {
		s.must(c.As("kubectl-create").Delete(ref))
		s.mu.Lock()
		delete(s.planted, placed{c.Name(), ref})
		s.mu.Unlock()
		return
	}
	if c.Get(object.NamespaceRef(ns)) == nil {
		s.plant(c, object.New("v1", "Namespace", "", ns, nil, nil))
	}
	s.plant(c, object.New("v1", "Service", ns, ref.Name, nil, map[string]any{"spec": map[string]any{
		"selector": map[string]any{"app": ref.Name}, "ports": []any{map[string]any{"name": "http", "port": int64(80)}},
	}}))
}

// takeOver makes a copy of ours somebody's own.
func (s *sim) takeOver(c *applytest.Cluster, d deed) string {
	ref := s.pick(c.Name(), d.B, func(ref object.Ref) bool {
		return ref.Kind == "Service" && (ref.Namespace == "shop" || ref.Namespace == "pay")
	})
	if ref.Kind == "" {
		return ""
	}
	live := c.Get(ref)
	o := object.New("v1", "Service", ref.Namespace, ref.Name, nil, map[string]any{"spec": map[string]any{
		"selector": map[string]any{"app": "mine"}, "ports": []any{map[string]any{"name": "http", "port": int64(80), "protocol": "TCP"}},
	}})
	if _, err := c.As("argocd").Apply(o, object.ApplyOptions{Force: true}); err != nil {
		return err.Error()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.planted[placed{c.Name(), ref}] = string(live.GetUID())
	return ref.String()
}

// pick chooses one of our objects in a cluster.
func (s *sim) pick(cluster string, choice int, ok func(object.Ref) bool) object.Ref {
	var refs []object.Ref
	s.fleet.Look(func(w applytest.World) {
		w.Each(cluster, func(o applytest.Object) {
			if ref := object.RefOf(o); ours(o) && ok(ref) {
				refs = append(refs, ref)
			}
		})
	})
	if len(refs) == 0 {
		return object.Ref{}
	}
	slices.SortFunc(refs, object.CompareRefs)
	return refs[choice%len(refs)]
}

// changes are what somebody does to objects of ours, by kind.
var changes = map[string]func(o applytest.Object, choice int){
	"ConfigMap": func(o applytest.Object, _ int) {
		if o.GetName() != "setup-mesh" {
			o.Object["data"] = map[string]any{"mesh": "changed"}
		}
	},
	"Service": func(o applytest.Object, choice int) {
		spec := o.Object["spec"].(map[string]any)
		selector, _ := spec["selector"].(map[string]any)
		switch {
		case choice%2 == 0 && len(selector) > 0:
			selector["more"] = "than there is"
		default:
			o.SetLabels(map[string]string{"setup-mesh.io/mesh": o.GetLabels()["setup-mesh.io/mesh"]})
		}
	},
	"Secret": func(o applytest.Object, _ int) { o.Object["data"] = map[string]any{} },
	"Deployment": func(o applytest.Object, _ int) {
		_ = unstructured.SetNestedField(o.Object, "somebody's", "spec", "template", "metadata", "labels", "more")
	},
	"ClusterRoleBinding": func(o applytest.Object, _ int) { o.Object["subjects"] = []any{} },
	"ClusterRole":        func(o applytest.Object, _ int) { o.Object["rules"] = []any{} },
	"EndpointSlice": func(o applytest.Object, _ int) {
		o.Object["endpoints"] = []any{map[string]any{"addresses": []any{"203.0.113.9"}}}
	},
	"Namespace": func(o applytest.Object, _ int) {
		if labels := o.GetLabels(); labels[object.LabelInjection] != "" {
			labels[object.LabelInjection] = "disabled"
			o.SetLabels(labels)
		}
	},
	"MutatingWebhookConfiguration": func(o applytest.Object, _ int) { o.SetLabels(nil) },
}

// placed is an object in a cluster.
type placed struct {
	cluster string
	ref     object.Ref
}

func leaseRef(namespace string) object.Ref {
	return object.Ref{Group: "coordination.k8s.io", Kind: "Lease", Namespace: namespace, Name: object.LockName}
}

var secretKind = schema.GroupKind{Kind: "Secret"}
