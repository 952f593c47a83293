package simulate

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/setup-mesh/setup-mesh/pkg/apply/applytest"
	"github.com/setup-mesh/setup-mesh/pkg/apply/desired"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
)

// A sim is a history while it happens.
type sim struct {
	h        history
	fleet    *applytest.Fleet
	names    []string          // of clusters
	meshes   []mesh            // as the users want them now
	contexts map[string]string // the kubeconfig: to clusters
	ever     map[string]string // all contexts that there were
	expired  map[string]int    // contexts whose login does not work for so many rounds
	renames  int
	smooth   bool      // no faults in this round
	log      io.Writer // nil for none

	// mu guards what hooks and watchers use. They are called while the fleet is
	// locked: whoever holds mu must not call the fleet.
	mu        sync.Mutex
	failed    *failure
	struck    int // faults that came true
	faults    []fault
	processes map[int]*process
	asked     map[uint64]int
	read      map[string]*desired.Desired // by the files
	good      map[intermediate]validity   // intermediates that were verified
	minted    map[minting]int
	planted   map[placed]string // what is others', by UID
	plantedAt map[placed]time.Time
	skew      map[string]time.Duration
	abandoned map[placedIn]bool // clusters that nobody of a mesh knows of
	told      map[told]bool     // that a record has named, once
	untrusted bool              // somebody took a CA away while an istiod started
	raced     bool              // two applied different files at once
	lost      bool              // somebody deleted a record
	given     map[identity]bool // that users ever gave
	applied   map[string]string // by mesh: the files with which the last apply of it was complete
	leaseGone map[string]time.Time
	spaces    map[string]time.Time // when a namespace was last made in a cluster
	keys      keyring
	records   recordCache
	watch     watch
}

// merger is that of all fleets: histories make much the same objects.
var merger = sync.OnceValue(applytest.NewMerger)

// A failure is an invariant that did not hold.
type failure struct {
	invariant, detail string
	round             int
}

func (f *failure) Error() string { return f.invariant + ": " + f.detail }

func newSim(h history, log io.Writer) *sim {
	s := &sim{
		h: h, fleet: merger().Fleet(h.Seed), contexts: map[string]string{}, expired: map[string]int{}, ever: map[string]string{},
		processes: map[int]*process{}, asked: map[uint64]int{}, read: map[string]*desired.Desired{}, good: map[intermediate]validity{}, minted: map[minting]int{}, planted: map[placed]string{}, plantedAt: map[placed]time.Time{},
		skew: map[string]time.Duration{}, abandoned: map[placedIn]bool{}, told: map[told]bool{}, given: map[identity]bool{}, applied: map[string]string{},
		leaseGone: map[string]time.Time{}, spaces: map[string]time.Time{}, records: recordCache{},
	}
	s.log = log
	for _, m := range h.Start {
		s.meshes = append(s.meshes, m.clone())
	}
	for range h.Size {
		s.newCluster()
	}
	s.fleet.OnRequest(s.request)
	s.fleet.OnWrite(s.wrote)
	s.fleet.OnIdentity(s.identified)
	return s
}

func (s *sim) newCluster() string {
	i := len(s.names)
	name := clusterName(i)
	s.names = append(s.names, name)
	c := s.fleet.Add(name)
	s.contexts[name], s.ever[name] = name, name
	slow := s.h.Slow[i]
	c.Set(func(set *applytest.Settings) {
		set.TokenCap = 365 * 24 * time.Hour
		d := &set.Delays
		d.Endpoints = 0 // so that there is an endpoint at every moment of a rollout
		d.Balancer += 4 * slow
		d.Ready += slow
		d.Discovery += slow / 2
		d.Ending += 3 * slow
	})
	return name
}

func (s *sim) contextNames() []string { return slices.Sorted(maps.Keys(s.contexts)) }

// context makes a context of the kubeconfig lead to a cluster, "" for nowhere.
func (s *sim) context(name, cluster string) {
	s.fleet.Context(name, cluster)
	if cluster == "" {
		delete(s.contexts, name)
		return
	}
	s.contexts[name], s.ever[name] = cluster, cluster
}

func (s *sim) logf(format string, args ...any) {
	if s.log != nil {
		fmt.Fprintf(s.log, "%9.3f "+format+"\n", append([]any{time.Since(began).Seconds()}, args...)...)
	}
}

// fail keeps the first failure.
func (s *sim) fail(invariant, format string, args ...any) {
	if s.failed == nil {
		s.failed = &failure{invariant: invariant, detail: fmt.Sprintf(format, args...)}
		s.logf("FAILED %s", s.failed)
	}
}

// judge fails while nothing holds mu.
func (s *sim) judge(invariant, format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail(invariant, format, args...)
}

func (s *sim) broken() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.failed != nil
}

// must is for what hands do. That it cannot be done is no failure.
func (s *sim) must(err error) {
	if err != nil {
		s.logf("  (not done: %v)", err)
	}
}

// run has a whole history happen, and returns what broke.
func (s *sim) run(ctx context.Context) *failure {
	defer s.fleet.Close()
	for i, r := range s.h.Rounds {
		s.logf("ROUND %d", i)
		s.round(ctx, r)
		if s.failed != nil {
			s.failed.round = i
			break
		}
	}
	if s.failed == nil {
		s.logf("END")
		s.end(ctx)
		if s.failed != nil {
			s.failed.round = len(s.h.Rounds)
		}
	}
	for _, p := range s.processes {
		p.kill()
	}
	time.Sleep(time.Minute) // for what is still under way
	return s.failed
}

// round is one round.
func (s *sim) round(ctx context.Context, r round) {
	before := s.meshes[r.Mesh].clone()
	for name, n := range s.expired {
		if s.expired[name] = n - 1; n <= 1 {
			delete(s.expired, name)
		}
	}
	// A plan for another namespace is refused, unless nothing tells that there is one.
	s.meshes[r.Mesh].Namespace = s.settled(s.meshes[r.Mesh])
	s.smooth = len(r.Faults)+len(r.During)+len(r.Outside) == 0 && len(s.expired) == 0
	for _, e := range r.Edits {
		s.do(e, r.Mesh)
	}
	for _, d := range r.Outside {
		s.perform(d)
	}
	if len(r.Outside) > 0 {
		time.Sleep(15 * time.Second)
	}
	m := s.meshes[r.Mesh].clone()
	if s.log != nil {
		s.logf("  edits %v\n%s%s", r.Edits, indent(m.topology()), indent(m.base()))
	}
	if len(m.Members) == 0 {
		return
	}
	intents := []intent{{m, r.Teardown}}
	if r.Rival != nil && r.Rival.Old && len(before.Members) > 0 {
		intents = append(intents, intent{before, false})
		s.lost, s.raced = true, true // one may take in what the other has let go
	}
	s.workloads()
	s.arm(intents)
	s.mu.Lock()
	s.faults = r.Faults
	s.mu.Unlock()
	s.act(ctx, r, m, before)
	s.mu.Lock()
	s.faults = nil
	s.mu.Unlock()
	s.rest(r.Pause)
}

// act has the apply of a round happen, and all that goes on beside it.
func (s *sim) act(ctx context.Context, r round, m, before mesh) {
	var wg sync.WaitGroup
	done := make(chan struct{})
	beside := func(at time.Duration, f func()) {
		wg.Go(func() {
			t := time.NewTimer(at)
			defer t.Stop()
			select {
			case <-t.C:
				f()
			case <-done:
			}
		})
	}
	first := s.process(ctx, "first", m, r.Teardown)
	for _, d := range r.During {
		beside(d.At, func() { s.perform(d) })
	}
	if r.Rival != nil {
		beside(r.Rival.At, func() {
			wanted := m
			if r.Rival.Old && len(before.Members) > 0 {
				wanted = before
			}
			s.apply(s.process(ctx, "rival", wanted, false), options{timeout: r.Timeout, adopt: r.Adopt})
		})
	}
	if r.Asleep != nil {
		beside(r.Asleep.At, func() { s.nap(first, r.Asleep.For) })
	}
	beside(0, func() { s.look(done) })
	o := s.apply(first, options{timeout: r.Timeout, adopt: r.Adopt})
	s.applied[m.ID] = ""
	if o.report != nil && o.report.Complete() && !r.Teardown {
		s.applied[m.ID] = m.files()
	}
	// A teardown forgets the members of which it could not take all: it has said so.
	s.lost = s.lost || r.Teardown && (o.report == nil || !o.report.Complete())
	if r.Renew && !r.Teardown {
		s.apply(s.process(ctx, "renewer", m, false), options{timeout: r.Timeout, access: &plan.Access{Change: plan.RenewTokens}})
	}
	close(done)
	wg.Wait()
}

// look checks the invariants now and then.
func (s *sim) look(done <-chan struct{}) {
	tick := time.NewTicker(2 * time.Second)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			s.fleet.Look(func(w applytest.World) { s.check(w, "later") })
		case <-done:
			return
		}
	}
}

// rest lets time go by, in which what was done has its consequences.
func (s *sim) rest(pause time.Duration) {
	for step := time.Second; pause > 0 && !s.broken(); step *= 4 {
		time.Sleep(min(step, pause))
		pause -= step
		s.fleet.Look(func(w applytest.World) { s.check(w, "after the apply") })
	}
	s.fleet.Look(func(w applytest.World) { s.checkPlanted(w) })
}

// nap suspends a process.
func (s *sim) nap(p *process, length time.Duration) {
	s.logf("  %s falls asleep for %v", p.holder, length)
	s.mu.Lock()
	p.asleep = time.Now().Add(length)
	s.mu.Unlock()
	p.run.Suspend()
	time.Sleep(length)
	p.run.Resume()
}

func (s *sim) checkPlanted(w applytest.World) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for p, uid := range s.planted {
		if o := w.Get(p.cluster, p.ref); o == nil || string(o.GetUID()) != uid {
			s.fail("ownership", "%s in %s is gone, and was not ours", p.ref, p.cluster)
		}
	}
}

func indent(text string) string {
	return "    | " + strings.ReplaceAll(strings.TrimRight(text, "\n"), "\n", "\n    | ") + "\n"
}

// holderOf is who has the lock of a namespace, "" for nobody.
func (s *sim) holderOf(w applytest.World, cluster, namespace string) string {
	lease := w.Get(cluster, leaseRef(namespace))
	if lease == nil {
		return ""
	}
	spec, _ := lease.Object["spec"].(map[string]any)
	renewed, _ := spec["renewTime"].(string)
	at, _ := time.Parse(time.RFC3339, renewed)
	if !at.Add(30 * time.Second).After(time.Now().Add(s.skew[cluster])) {
		return ""
	}
	holder, _ := spec["holderIdentity"].(string)
	return holder
}

// ours says whether we made an object, or what is left of that.
func ours(o applytest.Object) bool {
	meta, _ := o.Object["metadata"].(map[string]any)
	labels, _ := meta["labels"].(map[string]any)
	_, labelled := labels[object.LabelMesh]
	return labelled && managed(meta, object.FieldManager)
}

func managed(meta map[string]any, by string) bool {
	list, _ := meta["managedFields"].([]any)
	for _, e := range list {
		if m, _ := e.(map[string]any); m["manager"] == by {
			return true
		}
	}
	return false
}
