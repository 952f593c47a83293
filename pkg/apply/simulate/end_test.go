package simulate

import (
	"context"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/setup-mesh/setup-mesh/pkg/apply/applytest"
	"github.com/setup-mesh/setup-mesh/pkg/apply/compare"
	"github.com/setup-mesh/setup-mesh/pkg/apply/desired"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
	"github.com/setup-mesh/setup-mesh/pkg/apply/record"
)

// end has all faults stop: the meshes converge, and are torn down.
func (s *sim) end(ctx context.Context) {
	s.calm()
	s.converge(ctx, false)
	if s.broken() {
		return
	}
	time.Sleep(time.Minute)
	s.fleet.Look(s.whole)
	if s.broken() {
		return
	}
	s.logf("TEARDOWN")
	s.converge(ctx, true)
	if s.broken() {
		return
	}
	time.Sleep(time.Minute)
	s.fleet.Look(s.empty)
}

// calm repairs what is not ours to repair.
func (s *sim) calm() {
	clear(s.expired)
	for name, cluster := range s.ever {
		s.context(name, cluster)
	}
	for _, name := range s.names {
		s.fleet.Cluster(name).Set(func(set *applytest.Settings) { set.Down, set.NoBalancer = false, false })
	}
	time.Sleep(2 * time.Minute)
	for i := range s.meshes {
		m := &s.meshes[i]
		m.Namespace = s.settled(*m)
		for _, c := range m.Members {
			s.context(c.Context, c.Cluster)
		}
	}
	s.readdress()
}

// readdress writes down where gateways are now.
func (s *sim) readdress() {
	for _, m := range s.meshes {
		for i := range m.Members {
			if c := &m.Members[i]; c.Address != "" {
				c.Address = s.balancer(c.Cluster, m.Namespace)
			}
		}
	}
}

// settled is the namespace in which a mesh is: it cannot be moved.
func (s *sim) settled(m mesh) string {
	for _, at := range []func(string) object.Ref{record.Ref, object.NamespaceRef} { // its record may be gone
		for _, c := range m.Members {
			for _, ns := range namespaces {
				if o := s.fleet.Cluster(c.Cluster).Get(at(ns)); o != nil && o.GetLabels()[object.LabelMesh] == m.ID {
					return ns
				}
			}
		}
	}
	return "istio-system"
}

// converge applies the meshes until all plans are empty, which has to be soon.
func (s *sim) converge(ctx context.Context, ends bool) {
	const tries = 6
	var last []outcome
	for try := range tries {
		if try == tries/2 && !ends {
			s.retreat()
		}
		last = nil
		s.release(ctx)
		s.restart()
		for _, m := range s.meshes {
			if len(m.Members) == 0 {
				continue
			}
			s.arm([]intent{{m, ends}})
			o := s.apply(s.process(ctx, "last", m.clone(), ends), options{timeout: 10 * time.Minute, adopt: true})
			if s.broken() {
				return
			}
			s.rest(time.Minute)
			if o.err != nil || !o.report.Complete() || o.plan.Pending() {
				last = append(last, o)
			}
		}
		if len(last) == 0 {
			return
		}
	}
	s.judge("end", "a mesh does not converge: %v", last)
}

// restart deletes the pods of gateways that were made while somebody had taken the
// webhook away: nothing injects them later, and an apply deletes no pods. A status
// says that the gateway has no available replica.
func (s *sim) restart() {
	for _, name := range s.names {
		c := s.fleet.Cluster(name)
		for _, pod := range c.List(schema.GroupKind{Kind: "Pod"}, "") {
			containers, _, _ := unstructured.NestedSlice(pod.Object, "spec", "containers")
			if slices.ContainsFunc(containers, func(e any) bool { return e.(map[string]any)["image"] == "auto" }) {
				s.must(c.As("kubectl").Delete(object.RefOf(pod)))
			}
		}
	}
}

// release does what a refusal says: a cluster that is to be in another mesh, and
// that its own knows no more of, is taken out of that.
func (s *sim) release(ctx context.Context) {
	for _, m := range s.meshes {
		for _, of := range s.meshes {
			for _, c := range m.Members {
				if of.ID == m.ID || !s.abandoned[placedIn{of.ID, c.Cluster}] || !s.holds(c.Cluster, of.ID) {
					continue
				}
				c.Primaries = nil
				old := mesh{ID: of.ID, Namespace: of.Namespace, Members: []member{c}}
				old.Namespace = s.settled(old)
				s.arm([]intent{{old, true}})
				s.apply(s.process(ctx, "release", old, true), options{timeout: 10 * time.Minute})
				s.rest(time.Minute)
				s.readdress() // those that its record names have left, too
			}
		}
	}
}

func (o outcome) String() string {
	if o.err != nil {
		text := o.err.Error()
		if o.plan != nil {
			for _, f := range o.plan.Refusals {
				text += "; " + f.Cluster + ": " + f.Message
			}
		}
		return text
	}
	var parts []string
	for _, c := range o.plan.Clusters {
		for _, ch := range c.Changes {
			if ch.Pending() || ch.Blocked != "" {
				parts = append(parts, c.Name+" "+string(ch.Action)+" "+ch.Object.String()+" "+ch.Reason+ch.Blocked)
			}
		}
	}
	for _, c := range o.report.Clusters {
		for _, f := range c.Failures {
			parts = append(parts, c.Cluster+" failed: "+f.Message)
		}
		if c.Unreached != "" {
			parts = append(parts, c.Cluster+" unreached: "+c.Unreached)
		}
	}
	return strings.Join(parts[:min(len(parts), 6)], "; ")
}

// whole is that every mesh is as its files say, and nothing else is there.
func (s *sim) whole(w applytest.World) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range s.meshes {
		if len(m.Members) == 0 {
			continue
		}
		d := s.read[m.files()] // it has just been applied
		for i, c := range d.Clusters {
			s.asWanted(w, m, m.Members[i], c)
		}
	}
	for _, name := range s.names {
		if !slices.ContainsFunc(s.meshes, func(m mesh) bool { return m.member(name) != nil }) && !s.orphan(name) {
			s.nothing(w, name)
		}
	}
}

// renamedGrant is a wanted grant under the name that it has, after tokens were renewed.
func renamedGrant(w applytest.World, cluster string, it *desired.Item) *desired.Item {
	for n := 1; it.Part == order.Grant && n < 50; n++ {
		ref := it.Ref
		if ref.Name = desired.GrantName(it.Peer, n); w.Get(cluster, ref) != nil {
			out := *it
			out.Ref, out.Object = ref, it.Object.DeepCopy()
			out.Object.SetName(ref.Name)
			return &out
		}
	}
	return it
}

func (s *sim) asWanted(w applytest.World, m mesh, c member, d *desired.Cluster) {
	wanted := map[object.Ref]bool{record.Ref(m.Namespace): true}
	for _, it := range d.Items {
		it = renamedGrant(w, c.Cluster, it)
		wanted[it.Ref] = true
		live := w.Get(c.Cluster, it.Ref)
		switch {
		case live == nil:
			s.fail("end", "%s is not in %s", it.Ref, c.Cluster)
		case it.Ref.Kind != "Namespace" && !compare.Holds(it.Object.Object, live.Object):
			s.fail("end", "%s in %s is not as it is wanted", it.Ref, c.Cluster)
		case it.Object.GetLabels()[object.LabelInjection] != live.GetLabels()[object.LabelInjection]:
			s.fail("end", "%s in %s is labelled %v", it.Ref, c.Cluster, live.GetLabels())
		}
	}
	w.Each(c.Cluster, func(o applytest.Object) {
		ref := object.RefOf(o)
		if ours(o) && !wanted[ref] && !s.mayStay(w, m, c.Cluster, o) {
			s.fail("end", "%s in %s is left, and nobody wants it", ref, c.Cluster)
		}
	})
	s.asTrusted(w, m, c)
	if is, list := injection(w, c.Cluster); !is.all {
		s.fail("end", "pods of %s are not injected: %+v", c.Cluster, list)
	}
	if len(c.Primaries) == 0 {
		s.discovers(w, m, c)
	}
}

// mayStay says whether something of ours may be there although no chart has it:
// copies of Services, and CRDs that others use.
func (s *sim) mayStay(w applytest.World, m mesh, cluster string, o applytest.Object) bool {
	ref := object.RefOf(o)
	shared := ref.Namespace
	if ref.Kind == "Namespace" {
		shared = ref.Name
	}
	return slices.Contains(m.Shared, shared) || object.IsCRD(ref) && s.used(w, cluster) || object.IsGatewayAPI(ref)
}

// used says whether there are custom resources of users.
func (s *sim) used(w applytest.World, cluster string) bool {
	for p := range s.planted {
		if p.cluster == cluster && p.ref.Group == "networking.istio.io" {
			return true
		}
	}
	return false
}

func (s *sim) discovers(w applytest.World, m mesh, c member) {
	list := w.Istiods(c.Cluster)
	if len(list) == 0 {
		s.fail("end", "no istiod runs in %s", c.Cluster)
	}
	stored := s.stored(w, c.Cluster)
	for _, other := range m.Members {
		if m.reads(c.Cluster, other.Cluster) && !slices.Contains(stored, other.Cluster) {
			s.fail("end", "what %s has for %s opens nothing", c.Cluster, other.Cluster) // istiod may not have noticed
		}
	}
	for _, i := range list {
		if !i.Ready || i.SelfSigned && !s.untrusted || i.ID != c.Name {
			s.fail("end", "the istiod of %s: %+v", c.Cluster, i)
		}
		for _, other := range m.Members {
			state, known := i.Remotes[other.Name]
			if m.reads(c.Cluster, other.Cluster) != known || known && state != "synced" {
				s.fail("end", "the istiod of %s: %s is known %v, %s", c.Cluster, other.Cluster, known, state)
			}
		}
		want := 0
		for _, other := range m.Members {
			if slices.Contains(other.Primaries, c.Cluster) {
				want++
			}
		}
		if len(i.Leads) != want && !s.raced {
			s.fail("end", "the istiod of %s leads in %v, which should be %d", c.Cluster, i.Leads, want)
		}
	}
}

// orphan says whether a mesh knows no more of a cluster.
func (s *sim) orphan(cluster string) bool {
	return slices.ContainsFunc(meshIDs, func(id string) bool { return s.abandoned[placedIn{id, cluster}] })
}

// told is a cluster by its UID, and another one that has had it on record.
type told struct{ cluster, uid string }

// placedIn is a cluster of a mesh.
type placedIn struct{ mesh, cluster string }

// empty is that a teardown left nothing of ours and all of others.
func (s *sim) empty(w applytest.World) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, name := range s.names {
		if !s.orphan(name) {
			s.nothing(w, name)
		}
	}
	for p, uid := range s.planted {
		if o := w.Get(p.cluster, p.ref); o == nil || string(o.GetUID()) != uid {
			s.fail("teardown", "%s in %s is gone, and was not ours", p.ref, p.cluster)
		}
	}
}

// nothing is that a cluster holds nothing of ours, and nothing of istiod's.
func (s *sim) nothing(w applytest.World, cluster string) {
	w.Each(cluster, func(o applytest.Object) {
		ref := object.RefOf(o)
		meta, _ := o.Object["metadata"].(map[string]any)
		_, mine := s.planted[placed{cluster, ref}]
		switch {
		case mine, object.IsCRD(ref) && s.used(w, cluster):
		case managed(meta, object.FieldManager), ours(o):
			s.fail("teardown", "%s in %s is left", ref, cluster)
		case managed(meta, "pilot-discovery"):
			s.fail("teardown", "%s in %s is left of istiod", ref, cluster)
		}
	})
}
