package simulate

import (
	"encoding/base64"
	"encoding/json"
	"slices"
	"time"

	"github.com/setup-mesh/setup-mesh/pkg/apply/applytest"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/record"
)

// A watch is what has to stay true until the next apply begins.
type watch struct {
	since    time.Time
	intents  []intent
	injected map[string]served
	pairs    map[pair]bool
	ways     map[pair]bool   // between networks
	talks    map[pair]bool   // clusters whose proxies can talk to each other
	dirty    map[string]bool // clusters that somebody else changed meanwhile
	ends     map[string]bool // clusters whose end a user wants
}

// served is how pods of a cluster are injected: by any endpoint, by all.
type served struct{ any, all bool }

// An identity is what pods of a cluster are told of where they are.
type identity struct{ cluster, name, network string }

// A pair is an istiod that reads a cluster.
type pair struct{ consumer, source string }

// arm takes note of how things are before an apply.
func (s *sim) arm(intents []intent) {
	s.fleet.Look(func(w applytest.World) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.watch = watch{since: time.Now(), intents: intents, injected: map[string]served{}, dirty: map[string]bool{}, ends: map[string]bool{}}
		for _, c := range s.names {
			s.watch.injected[c], _ = injection(w, c)
			s.watch.ends[c] = s.asksEnd(w, c)
		}
		for _, in := range intents {
			for _, m := range in.mesh.Members {
				s.given[identity{m.Cluster, m.Name, m.Network}] = true
			}
		}
		for _, c := range s.names { // what somebody has ended takes its time
			all := slices.Concat(w.List(c, object.NamespaceRef("").GroupKind(), ""), w.List(c, object.CrdRef.GroupKind(), ""))
			if slices.ContainsFunc(all, func(o applytest.Object) bool { return o.GetDeletionTimestamp() != nil }) {
				s.taint(w, c)
			}
		}
		s.abandon(w, intents[0].mesh)
		s.watch.pairs = s.reading(w)
		s.watch.ways = s.ways(w)
		s.watch.talks = s.talks(w)
		if s.log != nil {
			s.logf("  before: injected %v, read %v, talk %v, ends %v", s.watch.injected, s.watch.pairs, s.watch.talks, s.watch.ends)
		}
	})
}

// asksEnd says whether one of those who apply wants a cluster to hold nothing.
func (s *sim) asksEnd(w applytest.World, cluster string) bool {
	of := ""
	for _, ns := range namespaces {
		if r := s.records.of(w.Get(cluster, record.Ref(ns))); r != nil {
			of = r.Mesh
		}
	}
	for _, in := range s.watch.intents {
		member := in.mesh.member(cluster) != nil
		if in.ends && (member || of == in.mesh.ID) || !member && of == in.mesh.ID {
			return true
		}
		if !member && of == "" {
			// Its record is gone, and others may still name it.
			return true
		}
	}
	return false
}

// abandon notes the clusters that nobody can know of any more: a user exchanged
// all members at once, or somebody deleted the records.
func (s *sim) abandon(w applytest.World, m mesh) {
	uid := func(cluster string) string {
		return string(w.Get(cluster, object.NamespaceRef("kube-system")).GetUID())
	}
	names := func(cluster, uid string) bool {
		r := s.records.of(w.Get(cluster, record.Ref(m.Namespace)))
		return r != nil && r.Mesh == m.ID && slices.ContainsFunc(r.Members, func(m record.Member) bool { return m.UID == uid })
	}
	for _, c := range s.names {
		if m.member(c) != nil {
			delete(s.abandoned, placedIn{m.ID, c})
			continue
		}
		if r := s.records.of(w.Get(c, record.Ref(m.Namespace))); r != nil && r.Mesh != m.ID {
			continue
		}
		known, knows := false, false
		for _, one := range m.Members {
			known = known || names(one.Cluster, uid(c))
			knows = knows || names(c, uid(one.Cluster))
		}
		ever := slices.ContainsFunc(m.Members, func(one member) bool { return s.told[told{one.Cluster, uid(c)}] })
		if !known && (!knows || !ever || s.lost) {
			s.abandoned[placedIn{m.ID, c}] = true
		}
	}
}

// tell notes whom a record names.
func (s *sim) tell(cluster string, r *parsed) {
	if r == nil {
		return
	}
	for _, m := range r.Members {
		s.told[told{cluster, m.UID}] = true
	}
}

var namespaces = []string{"istio-system", "istio-two"}

func injection(w applytest.World, cluster string) (served, []applytest.Verdict) {
	list := w.Injection(cluster, "default")
	out := served{all: len(list) > 0}
	for _, v := range list {
		out.any = out.any || v.Served
		out.all = out.all && v.Served
	}
	return out, list
}

// wrote is what happens after every write.
func (s *sim) wrote(w applytest.Write) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failed != nil {
		return
	}
	if s.log != nil && (w.Run > 0 || w.Verb != "update") {
		s.logf("    %s %s %s by %s", w.Cluster, w.Verb, w.Ref, w.By)
	}
	if w.Ref.Kind == "Secret" && w.After != nil && w.Ref.Name == object.Cacerts {
		s.noteKeys(w.After)
	}
	if w.Ref == record.Ref(w.Ref.Namespace) {
		s.tell(w.Cluster, s.records.of(w.After))
	}
	if w.Verb == "create" && w.Ref == object.NamespaceRef(w.Ref.Name) && slices.Contains(namespaces, w.Ref.Name) {
		s.spaces[w.Cluster] = time.Now()
	}
	if w.Ref.Kind == "Lease" && w.Verb == "delete" && (w.By == "kubectl-edit" || s.watch.dirty[w.Cluster]) { // or its namespace was ended
		s.leaseGone[w.Cluster] = time.Now()
	}
	if w.Run == 0 || w.By != object.FieldManager { // what an actor does at once
		return
	}
	if w.Ref.Kind == "Namespace" && w.After != nil && w.After.GetDeletionTimestamp() != nil {
		s.tooLate(w)
	}
	p := s.processes[w.Run]
	if c := p.mesh.member(w.Cluster); w.Ref.Name == object.Cacerts && w.After != nil && c != nil {
		s.verified(w.After, c.Name, p.mesh.trusted().Shorts())
	}
	s.checkLock(w, p)
	if w.Verb == "delete" || w.After.GetDeletionTimestamp() != nil {
		s.checkDelete(w, p)
	}
	s.checkRecord(w)
	s.checkLabel(w)
	s.checkTunnels(w, p)
	switch w.Ref.Kind {
	case "Service", "EndpointSlice", "MutatingWebhookConfiguration", "Namespace", "Gateway", "VirtualService", "CustomResourceDefinition":
		s.checkInjection(w.World, w.Verb+" of "+w.Ref.String()+" in "+w.Cluster)
	}
	switch w.Ref.Kind {
	case "Service", "ConfigMap", "Secret":
		s.checkWays(w.World, w.Verb+" of "+w.Ref.String()+" in "+w.Cluster)
	}
	switch w.Ref.Kind {
	case "Secret", "ServiceAccount", "ClusterRole", "ClusterRoleBinding", "Namespace":
		s.checkPairs(w.World, w.Verb+" of "+w.Ref.String()+" in "+w.Cluster)
	}
}

// check checks what need not be a consequence of the last write.
func (s *sim) check(w applytest.World, when string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failed == nil {
		s.checkInjection(w, when)
		s.checkPairs(w, when)
		s.checkWays(w, when)
	}
}

// tooLate forgets what others have put into a namespace while the last look at what
// is in it was answered: the API has no way to delete a namespace only if it is empty.
func (s *sim) tooLate(w applytest.Write) {
	for p := range s.planted {
		if p.cluster == w.Cluster && p.ref.Namespace == w.Ref.Name && time.Since(s.plantedAt[p]) < time.Second {
			delete(s.planted, p)
		}
	}
}

func (s *sim) noteKeys(secret applytest.Object) {
	data, _ := secret.Object["data"].(map[string]any)
	text, _ := data["ca-key.pem"].(string)
	key, _ := base64.StdEncoding.DecodeString(text)
	s.keys.add(key)
}

// tainted is that somebody else changed a cluster: what became of it, and of
// those that it serves, is not the apply's doing.
func (s *sim) tainted(cluster string) {
	s.fleet.Look(func(w applytest.World) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.watch.dirty != nil {
			s.taint(w, cluster)
		}
	})
}

func (s *sim) taint(w applytest.World, cluster string) {
	s.watch.dirty[cluster] = true
	for _, c := range s.names {
		if _, list := injection(w, c); slices.ContainsFunc(list, func(v applytest.Verdict) bool { return v.By == cluster || !v.Served }) {
			s.watch.dirty[c] = true
		}
	}
	for _, m := range s.meshes {
		for _, c := range m.Members {
			if slices.Contains(c.Primaries, cluster) {
				s.watch.dirty[c.Cluster] = true
			}
		}
	}
}

func (s *sim) checkInjection(w applytest.World, when string) {
	for _, c := range s.names {
		was := s.watch.injected[c]
		if !was.any || s.watch.ends[c] || s.watch.dirty[c] {
			continue
		}
		is, list := injection(w, c)
		s.checkIdentity(c, when, list)
		switch {
		case !is.any:
			s.fail("injection", "nobody injects the pods of %s after %s: %+v", c, when, list)
		case was.all && !is.all:
			s.fail("injection", "not all endpoints inject the pods of %s after %s: %+v", c, when, list)
		case is.all:
			s.watch.injected[c] = is
		}
	}
}

// checkLabel is that pods of a namespace are expected to be injected only where they
// are.
func (s *sim) checkLabel(w applytest.Write) {
	label := func(o applytest.Object) string {
		if o == nil {
			return ""
		}
		return o.GetLabels()[object.LabelInjection]
	}
	if w.Ref.Kind != "Namespace" || label(w.After) != "enabled" || label(w.Before) == "enabled" || s.watch.dirty[w.Cluster] {
		return
	}
	if is, list := injection(w.World, w.Cluster); !is.any {
		s.fail("label", "%s in %s is labelled, and nobody injects its pods: %+v", w.Ref, w.Cluster, list)
	}
}

// checkIdentity is that whoever injects a pod tells it the name and the network
// that its own cluster has, or had: while one is renamed, it may be either.
func (s *sim) checkIdentity(cluster, when string, list []applytest.Verdict) {
	for _, v := range list {
		if v.Served && !s.given[identity{cluster, v.Cluster, v.Network}] {
			s.fail("identity", "%s injects pods of %s as of cluster %q in network %q after %s", v.By, cluster, v.Cluster, v.Network, when)
		}
	}
}

// reading are the istiods that run and the clusters whose API servers take what
// they have stored for them.
func (s *sim) reading(w applytest.World) map[pair]bool {
	out := map[pair]bool{}
	for _, c := range s.names {
		if !slices.ContainsFunc(w.Istiods(c), func(i applytest.IstiodState) bool { return i.Ready }) {
			continue
		}
		for _, source := range s.stored(w, c) {
			out[pair{c, source}] = true
		}
	}
	return out
}

// stored are the clusters for which there is a credential that works.
func (s *sim) stored(w applytest.World, consumer string) []string {
	var out []string
	for _, secret := range w.List(consumer, secretKind, "") {
		if labels, _ := secret.Object["metadata"].(map[string]any)["labels"].(map[string]any); labels["istio/multiCluster"] != "true" {
			continue
		}
		data, _ := secret.Object["data"].(map[string]any)
		for _, v := range data {
			text, _ := v.(string)
			config, _ := base64.StdEncoding.DecodeString(text)
			if source, err := w.Reads(config); err == nil {
				out = append(out, source)
			}
		}
	}
	return out
}

func (s *sim) checkPairs(w applytest.World, when string) {
	if time.Since(s.watch.since) > 12*time.Hour {
		return // tokens end
	}
	var have map[string][]string
	for p := range s.watch.pairs {
		if !s.needed(w, p) || s.watch.dirty[p.consumer] || s.watch.dirty[p.source] {
			continue
		}
		if have == nil {
			have = map[string][]string{}
		}
		if _, ok := have[p.consumer]; !ok {
			have[p.consumer] = s.stored(w, p.consumer)
		}
		if !slices.Contains(have[p.consumer], p.source) {
			s.fail("credentials", "the istiod of %s needs to read %s, and can no more after %s", p.consumer, p.source, when)
			return
		}
	}
}

// needed says whether an istiod that reads a cluster is to go on doing so.
func (s *sim) needed(w applytest.World, p pair) bool {
	if s.watch.ends[p.source] {
		return false
	}
	_, list := injection(w, p.source)
	if slices.ContainsFunc(list, func(v applytest.Verdict) bool { return v.By == p.consumer }) {
		return true
	}
	if s.watch.ends[p.consumer] {
		return false
	}
	for _, in := range s.watch.intents {
		if !in.mesh.reads(p.consumer, p.source) {
			return false
		}
	}
	return true
}

// checkLock is that whoever has lost the lock, or never had it, writes nothing.
func (s *sim) checkLock(w applytest.Write, p *process) {
	ns := p.mesh.Namespace
	if w.Ref.Kind == "Lease" {
		if w.Verb != "delete" && w.After.GetDeletionTimestamp() == nil {
			p.locked[w.Cluster] = true
		} else {
			delete(p.locked, w.Cluster)
		}
		return
	}
	holder := s.holderOf(w.World, w.Cluster, ns)
	switch {
	case holder == p.holder:
	case w.Ref.Kind == "Namespace" && time.Since(s.spaces[w.Cluster]) < 2*time.Second: // two made it at once
	case !p.locked[w.Cluster] && time.Since(s.spaces[w.Cluster]) < 10*time.Second: // there was nowhere to lock when it began
	case p.locked[w.Cluster] && s.unaware(p, w.Cluster):
	case holder != "":
		s.fail("lock", "%s writes %s in %s, and %s holds the lock", p.holder, w.Ref, w.Cluster, holder)
	case w.Ref.Kind == "Namespace", w.World.Get(w.Cluster, object.NamespaceRef(ns)) == nil:
	case p.locked[w.Cluster]:
		s.fail("lock", "%s writes %s in %s, and has lost the lock", p.holder, w.Ref, w.Cluster)
	default:
		s.fail("lock", "%s writes %s in %s without a lock", p.holder, w.Ref, w.Cluster)
	}
}

// unaware says whether a process cannot know yet that somebody took its lock away: it
// is told at its next renewal, and renews nothing while it sleeps. Where renewals
// fail, it stops believing in the lock 25 s after the last that did not.
func (s *sim) unaware(p *process, cluster string) bool {
	gone := s.leaseGone[cluster]
	if p.asleep.After(gone) {
		gone = p.asleep
	}
	return !s.leaseGone[cluster].IsZero() && time.Since(gone) < 25*time.Second
}

// checkDelete is that nothing of others is deleted, and nothing that was not seen.
func (s *sim) checkDelete(w applytest.Write, p *process) {
	meta, _ := w.Before.Object["metadata"].(map[string]any)
	switch {
	case w.Ref.Kind == "Lease":
	case w.Ref.Kind == "EndpointSlice" && managed(meta, "kube-controller-manager"):
	case !managed(meta, object.FieldManager) && !managed(meta, "pilot-discovery"):
		s.fail("ownership", "%s deletes %s in %s, which is not ours", p.holder, w.Ref, w.Cluster)
	case !p.knows(w.Cluster, w.Ref):
		s.fail("ownership", "%s deletes %s in %s, which it has not seen", p.holder, w.Ref, w.Cluster)
	}
}

// A recordCache parses each record once.
type recordCache map[applytest.Object]*parsed

type parsed struct {
	record.Record
	refs map[object.Ref]bool
}

func (c recordCache) of(o applytest.Object) *parsed {
	if o == nil {
		return nil
	}
	if r, ok := c[o]; ok {
		return r
	}
	data, _ := o.Object["data"].(map[string]any)
	text, _ := data["record.json"].(string)
	r := &parsed{refs: map[object.Ref]bool{}}
	if json.Unmarshal([]byte(text), &r.Record) != nil {
		r = nil
	} else {
		for _, one := range r.Objects {
			r.refs[one.Ref] = true
		}
	}
	c[o] = r
	return r
}

// checkRecord is that all of ours is on record.
func (s *sim) checkRecord(w applytest.Write) {
	if s.watch.dirty[w.Cluster] {
		return // somebody may have taken the record away
	}
	recorded := func(ref object.Ref) bool {
		for _, ns := range namespaces {
			if r := s.records.of(w.World.Get(w.Cluster, record.Ref(ns))); r != nil && r.refs[ref] {
				return true
			}
		}
		return false
	}
	exempt := func(ref object.Ref) bool {
		return ref.Kind == "Namespace" && slices.Contains(namespaces, ref.Name) || ref.Kind == "ConfigMap" && ref.Name == "setup-mesh" || ref.Kind == "Lease"
	}
	if w.Ref.Kind == "ConfigMap" && w.Ref.Name == "setup-mesh" {
		if r := s.records.of(w.After); r != nil && s.log != nil {
			for _, m := range r.Members {
				s.logf("      member %s (%s) %s %s %v", m.Name, m.Context, m.UID, m.Role, m.Primaries)
			}
		}
		if w.After != nil {
			if r := s.records.of(w.After); r == nil {
				s.fail("record", "that of %s cannot be read", w.Cluster)
			} else if what := s.keys.leak(w.After.Object["data"].(map[string]any)["record.json"].(string)); what != "" {
				s.fail("secrets", "%s is in the record of %s", what, w.Cluster)
			}
		}
		w.World.Each(w.Cluster, func(o applytest.Object) {
			ref := object.RefOf(o)
			if ours(o) && !exempt(ref) && !recorded(ref) && o.GetDeletionTimestamp() == nil && !(w.After == nil && object.IsCRD(ref)) {
				s.fail("record", "%s in %s is ours, and not in the record that is written", ref, w.Cluster)
			}
		})
		return
	}
	if w.After != nil && ours(w.After) && !exempt(w.Ref) && w.After.GetDeletionTimestamp() == nil && !recorded(w.Ref) {
		s.fail("record", "%s in %s is made, and not on record", w.Ref, w.Cluster)
	}
}
