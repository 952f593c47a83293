package verify

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/world"
	"github.com/setup-mesh/setup-mesh/pkg/topology"
)

// Times are how long a verification waits.
type Times struct {
	Pods   time.Duration // for the pods to be ready
	Settle time.Duration // for all pairs to be answered, from when the pods are ready
	Remove time.Duration // for the namespaces to be gone
}

// Run verifies a mesh, and takes out what it has put in: also when ctx ends, unless o
// says otherwise. tell is called with what is being done, and may be nil. Whatever goes
// wrong is in the report.
func Run(ctx context.Context, m *topology.Mesh, open func(context string) (Cluster, error), o Options, times Times, tell func(string)) *Report {
	if tell == nil {
		tell = func(string) {}
	}
	v := opened(m, open)
	v.options = o
	tell(fmt.Sprintf("putting helloworld and a client into namespace %s of each cluster", o.Namespace))
	v.put(ctx, times.Pods)
	if slices.Contains(v.errs, nil) {
		tell("calling")
		v.call(ctx, times.Settle)
		v.ask(ctx)
	}
	report := v.report()
	if ctx.Err() != nil {
		report.interrupt()
	}
	if o.Keep {
		report.Kept = true
		return report
	}
	tell("taking it out")
	report.problems(v.remove(context.WithoutCancel(ctx), times.Remove))
	if ctx.Err() != nil {
		report.Interrupted = true
	}
	return report
}

// Clean takes out what verifications of a mesh have left in whatever namespace, such as
// one that was killed.
func Clean(ctx context.Context, m *topology.Mesh, open func(context string) (Cluster, error), times Times) []Problem {
	v := opened(m, open)
	return append(v.unopened(), v.remove(ctx, times.Remove)...)
}

// opened has a client for each cluster. It asks none.
func opened(m *topology.Mesh, open func(context string) (Cluster, error)) *verification {
	v := &verification{mesh: m, places: make([]*place, len(m.Clusters)), errs: make([]error, len(m.Clusters))}
	for i, c := range m.Clusters {
		one, err := open(c.Context)
		v.places[i], v.errs[i] = &place{Cluster: one, name: c.Name, home: c.Namespace, remote: c.Remote(), alone: len(m.Clusters) == 1}, err
	}
	return v
}

// unopened are the clusters of which it is not known whether something is left in them.
func (v *verification) unopened() []Problem {
	var out []Problem
	for i, p := range v.places {
		if err := v.errs[i]; err != nil {
			out = append(out, Problem{From: p.name, Message: fmt.Sprintf("%s was not looked at: %v", p.name, err), Hint: object.HintOf(err)})
		}
	}
	return out
}

// A verification is under way. All slices are by cluster, in the order of the mesh.
type verification struct {
	mesh     *topology.Mesh
	options  Options
	places   []*place
	errs     []error // why a cluster takes no part
	n        int     // calls of each client
	called   []called
	sent     []map[string]upstream // by address, nil where the proxy does not say
	before   []map[served]int      // likewise, what ztunnels had let in before the calls
	served   []map[served]int      // likewise, by caller
	gateways []map[string]bool
}

// each does something for every cluster that takes part, all at once.
func (v *verification) each(f func(i int, p *place)) {
	var g sync.WaitGroup
	for i, p := range v.places {
		if v.errs[i] == nil {
			g.Go(func() { f(i, p) })
		}
	}
	g.Wait()
}

func (v *verification) put(ctx context.Context, limit time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	v.each(func(i int, p *place) { v.errs[i] = p.put(ctx, v.options, v.mesh.ID, i) })
}

// callsFor makes it all but certain that each of so many pods is called.
func callsFor(pods int) int { return min(max(16, 8*pods), 400) }

// call has every client call, again and again until all is as the topology says.
func (v *verification) call(ctx context.Context, settle time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, settle)
	defer cancel()
	pods := 0
	for i, p := range v.places {
		if v.errs[i] == nil {
			pods += len(p.servers)
		}
	}
	v.n, v.called, v.before = callsFor(pods), make([]called, len(v.places)), make([]map[served]int, len(v.places))
	if v.options.Ambient {
		v.each(func(i int, p *place) { v.before[i], _ = p.connections(ctx, v.options) }) // nil is not known
	}
	expected := pairsOf(v.mesh)
	for {
		v.each(func(i int, p *place) {
			// A round that the deadline has cut short says less than a whole one.
			if got := p.call(ctx, v.options, v.n); ctx.Err() == nil || v.called[i].answers == nil {
				v.called[i] = got
			}
		})
		if v.asExpected(expected) {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Second):
		}
	}
}

func (v *verification) asExpected(expected map[Pair]bool) bool {
	for pair, n := range v.answers() {
		if (n > 0) != expected[pair] {
			return false
		}
	}
	return !slices.ContainsFunc(v.called, func(c called) bool { return c.err != nil })
}

// answers are how many calls of each pair were answered in the last round. Clusters that
// take no part are in none, and those whose client could not be asked call nobody.
func (v *verification) answers() map[Pair]int {
	in := map[string]string{}
	for i, p := range v.places {
		for _, s := range p.servers {
			if v.errs[i] == nil {
				in[s.name] = p.name
			}
		}
	}
	out := map[Pair]int{}
	for i, from := range v.places {
		for j, to := range v.places {
			if v.errs[i] == nil && v.errs[j] == nil && !v.called[i].silent() {
				out[Pair{from.name, to.name}] = 0
			}
		}
	}
	for i, from := range v.places {
		if v.errs[i] != nil || v.called[i].silent() {
			continue
		}
		for pod, n := range v.called[i].answers {
			if to, ok := in[pod]; ok {
				out[Pair{from.name, to}] += n
			}
		}
	}
	return out
}

// askTime is how long proxies may take to say what they have seen.
const askTime = 20 * time.Second

// ask asks proxies what they have seen, and where gateways are.
func (v *verification) ask(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	v.sent, v.served = make([]map[string]upstream, len(v.places)), make([]map[served]int, len(v.places))
	v.gateways = make([]map[string]bool, len(v.places))
	v.each(func(i int, p *place) {
		// A proxy that tells nothing is no fault of the mesh: what it would have told is
		// unknown in the report.
		v.gateways[i] = p.gateways(ctx, v.mesh.Clusters[i], v.options.Ambient)
		if v.options.Ambient {
			v.sent[i], _, _ = p.toldByIstiod(ctx, v.options.Namespace, service)
			after, _ := p.connections(ctx, v.options)
			v.served[i] = since(v.before[i], after)
			return
		}
		v.sent[i], _ = p.upstreams(ctx, v.options)
		v.served[i], _ = p.requests(ctx, v.options)
	})
}

// gateways are the addresses of the cluster's east-west gateway, for sidecars or for ambient
// pods, as far as they are known.
func (p *place) gateways(ctx context.Context, c topology.Cluster, ambient bool) map[string]bool {
	out, ref := map[string]bool{}, object.GatewayServiceRef(c.Namespace)
	if ambient {
		ref = object.AmbientGatewayServiceRef(c.Namespace)
	}
	svc, err := p.Get(ctx, ref)
	if err != nil {
		svc = nil // topology.yaml may name its addresses all the same
	}
	for _, a := range slices.Concat(world.ReachOf(svc, c.Gateway, nil).Hosts, c.Gateway.Addresses) {
		out[a] = true
	}
	return out
}

func (v *verification) remove(ctx context.Context, limit time.Duration) []Problem {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	problems := make([]*Problem, len(v.places))
	var g sync.WaitGroup
	for i, p := range v.places {
		if p.Cluster == nil {
			continue // nothing was sent to it
		}
		g.Go(func() {
			if err := p.remove(ctx, v.mesh.ID, v.options.Namespace); err != nil {
				problems[i] = &Problem{From: p.name, Message: fmt.Sprintf("what was put into %s could not be taken out: %v", p.name, err),
					Hint: "setup-mesh verify --clean tries again; a namespace that stays Terminating says in its status what it waits for"}
			}
		})
	}
	g.Wait()
	var out []Problem
	for i, p := range problems {
		if p != nil && object.ClassOf(v.errs[i]) != object.Unreachable { // which is told already, and nothing was put into it
			out = append(out, *p)
		}
	}
	return out
}
