package simulate

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/setup-mesh/setup-mesh/pkg/apply/applytest"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

// A fault befalls some of the requests of a round.
type fault struct {
	Cluster int // index of the cluster, -1 for all
	Class   string
	While   string `json:",omitempty"` // "observe", "apply" or "" for both
	Odds    int    // one in so many requests; what is asked again is another one
	What    applytest.Fault
	After   bool          `json:",omitempty"` // the request has its effect
	From    time.Duration `json:",omitempty"` // after the start of the phase
	For     time.Duration
}

// Classes of requests.
const (
	anything = "any"
	reading  = "read"
	writing  = "write"
	deleting = "delete"
	locking  = "lock"
)

func randomFault(r *rand.Rand) fault {
	f := fault{Cluster: r.IntN(most+2) - 2, For: time.Hour}
	kinds := []applytest.Fault{
		applytest.Unreachable, applytest.TimedOut, applytest.Unauthorized, applytest.Forbidden, applytest.Conflict, applytest.Broken, applytest.Kill, applytest.Kill,
	}
	f.What = kinds[r.IntN(len(kinds))]
	f.Class = []string{anything, reading, writing, writing, deleting, locking}[r.IntN(6)]
	f.While = []string{"", "observe", "apply", "apply", "apply"}[r.IntN(5)]
	f.Odds = []int{1, 3, 10, 30, 100}[r.IntN(5)]
	f.After = r.IntN(3) == 0
	if r.IntN(2) == 0 {
		f.From = time.Duration(r.IntN(15000)) * time.Millisecond
	}
	if r.IntN(2) == 0 {
		f.For = time.Duration(500+r.IntN(30000)) * time.Millisecond
	}
	if f.What == applytest.Kill {
		f.Class, f.While, f.Odds = writing, "apply", []int{5, 20, 60}[r.IntN(3)]
	}
	return f
}

func (f fault) takes(s *sim, req applytest.Request, p *process, chance uint64) bool {
	switch {
	case f.Cluster >= 0 && (f.Cluster >= len(s.names) || s.names[f.Cluster] != req.Cluster),
		f.While != "" && f.While != p.phase, f.After != req.Done, !f.covers(req):
		return false
	}
	since := time.Since(p.since)
	return since >= f.From && since < f.From+f.For && chance%uint64(f.Odds) == 0
}

func (f fault) covers(req applytest.Request) bool {
	lock := req.Verb == "lock" || req.Verb == "renew" || req.Verb == "unlock"
	switch f.Class {
	case reading:
		return !req.Writes && !lock
	case writing:
		return req.Writes
	case deleting:
		return req.Verb == "delete"
	case locking:
		return lock
	}
	return true
}

// A process is one run of the program, as the simulator knows it.
type process struct {
	number int
	holder string
	mesh   mesh // that it applies
	ends   bool // it is a teardown
	phase  string
	since  time.Time // when the phase began
	asleep time.Time // until when
	seen   map[placed]bool
	listed map[placed]bool // refs without a name
	locked map[string]bool // clusters of which it has the lock
	run    *applytest.Run
	ctx    context.Context
}

// request is what happens to every request of every process.
func (s *sim) request(req applytest.Request) applytest.Fault {
	s.mu.Lock()
	p := s.processes[req.Run]
	key := keyOf(req)
	s.asked[key]++
	chance := mix(key + mix(s.h.Seed) + uint64(s.asked[key])*0x9e3779b97f4a7c15)
	asleep := time.Until(p.asleep)
	s.mu.Unlock()
	if asleep > 0 {
		time.Sleep(asleep)
		return applytest.TimedOut // nobody is at the other end after so long
	}
	if !req.Done {
		// All requests are answered in an order that only depends on the seed.
		time.Sleep(time.Millisecond + time.Duration(chance%20_000_000))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failed != nil {
		return applytest.Kill
	}
	if s.expired[req.Context] > 0 && !req.Done {
		return applytest.Unauthorized
	}
	for i, f := range s.faults {
		if f.takes(s, req, p, mix(chance+uint64(i)*7919)) {
			s.struck++
			s.logf("  fault: %s (%s) in %s, done %v: %s", req.Verb, req.Ref, req.Cluster, req.Done, f.What)
			return f.What
		}
	}
	if req.Done {
		p.noted(req)
	}
	return applytest.None
}

// noted remembers what a process has read.
func (p *process) noted(req applytest.Request) {
	switch req.Verb {
	case "get", "wait", "apply":
		p.seen[placed{req.Cluster, req.Ref}] = true
	case "list", "each":
		p.listed[placed{req.Cluster, req.Ref}] = true
	}
}

// knows says whether a process has seen an object, or that it is there.
func (p *process) knows(cluster string, ref object.Ref) bool {
	return p.seen[placed{cluster, ref}] || p.listed[placed{cluster, object.Of(ref.GroupKind(), ref.Namespace)}] ||
		p.listed[placed{cluster, object.Of(ref.GroupKind(), "")}]
}

// keyOf is a number that depends on nothing but what is asked, and by whom.
func keyOf(req applytest.Request) uint64 {
	h := uint64(14695981039346656037)
	for _, text := range []string{req.Cluster, req.Verb, req.Ref.Group, req.Ref.Kind, req.Ref.Namespace, req.Ref.Name} {
		for i := range len(text) {
			h = (h ^ uint64(text[i])) * 1099511628211
		}
		h = (h ^ 255) * 1099511628211
	}
	h = mix(h + uint64(req.Run)<<32)
	if req.DryRun {
		h = mix(h + 1)
	}
	if req.Done {
		h = mix(h + 2)
	}
	return h
}

// mix is the finalizer of splitmix64.
func mix(z uint64) uint64 {
	z += 0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// kill ends a process, if it has not ended.
func (p *process) kill() { p.run.Kill() }
