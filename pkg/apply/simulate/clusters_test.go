//go:build unix

package simulate

import (
	"context"
	"crypto/rand"
	"fmt"
	"runtime"
	"runtime/pprof"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/setup-mesh/setup-mesh/pkg/apply"
	"github.com/setup-mesh/setup-mesh/pkg/apply/applytest"
	"github.com/setup-mesh/setup-mesh/pkg/apply/ask"
	"github.com/setup-mesh/setup-mesh/pkg/apply/charts"
	"github.com/setup-mesh/setup-mesh/pkg/apply/check"
	"github.com/setup-mesh/setup-mesh/pkg/apply/desired"
	"github.com/setup-mesh/setup-mesh/pkg/apply/execute"
	"github.com/setup-mesh/setup-mesh/pkg/apply/observe"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
	"github.com/setup-mesh/setup-mesh/pkg/apply/world"
	"github.com/setup-mesh/setup-mesh/pkg/certs"
	"github.com/setup-mesh/setup-mesh/pkg/topology"
	"github.com/setup-mesh/setup-mesh/pkg/topology/manifest"
)

// BenchmarkClusters is a mesh of n clusters in memory, on n/10 networks with one
// remote cluster each, with Istio's own charts: how long a plan of nothing, a
// first apply, a plan with nothing to change and an apply of it take, and what
// they ask of each cluster. The processor's time is that of all threads, clusters
// in memory included; no-op-plan-live-MiB is what a plan holds when these are
// gone. In a profile of the processor, the label
// "phase" tells these apart.
//
//	make bench-clusters
func BenchmarkClusters(b *testing.B) {
	for _, n := range []int{10, 30, 100} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for range b.N {
				benchClusters(b, n)
			}
		})
	}
}

// benchDelays are none but where an istiod would else look again after every single
// remote secret, which costs more than all that is measured.
var benchDelays = applytest.Delays{Discovery: time.Second, Istiod: time.Second, Mount: time.Minute}

func benchClusters(b *testing.B, n int) {
	empty := liveHeap()
	fleet := applytest.New(1)
	var file strings.Builder
	file.WriteString("mesh_id: m\ncontexts:\n")
	for i := range n {
		name := fmt.Sprintf("c%03d", i)
		c := fleet.Add(name)
		c.Set(func(s *applytest.Settings) { s.Delays = benchDelays })
		primaries := ""
		if i%10 == 9 {
			primaries = fmt.Sprintf(", primaries: [c%03d]", i-1)
		}
		fmt.Fprintf(&file, "  %s: {network: n%d%s}\n", name, i/10, primaries)
	}
	var requests atomic.Int64
	fleet.OnRequest(func(r applytest.Request) applytest.Fault {
		if !r.Done {
			requests.Add(1)
		}
		return ""
	})
	wanted := benchWanted(b, file.String())
	measure := func(what string, f func(ctx context.Context, clients *world.Clients)) {
		run, ctx := fleet.Run(context.Background())
		requests.Store(0)
		start, used := time.Now(), processorTime(b)
		pprof.Do(ctx, pprof.Labels("phase", what), func(ctx context.Context) {
			f(ctx, &world.Clients{Opener: run, Resolver: noNames{}})
		})
		b.ReportMetric(time.Since(start).Seconds(), what+"-s")
		b.ReportMetric((processorTime(b) - used).Seconds(), what+"-cpu-s")
		b.ReportMetric(float64(requests.Load())/float64(n), what+"-req/cluster")
	}
	newPlan := func(ctx context.Context, clients *world.Clients) *plan.Plan {
		return checkedPlan(ctx, b, wanted, clients)
	}
	carryOut := func(ctx context.Context, clients *world.Clients) {
		p := newPlan(ctx, clients)
		if len(p.Refusals) > 0 {
			b.Fatal(p.Refusals[0])
		}
		r := execute.Apply(ctx, p, clients, execute.Options{Now: time.Now(), Random: rand.Reader, Holder: "b", Parallelism: 24})
		for _, c := range r.Clusters {
			for _, f := range c.Failures {
				b.Fatal(c.Cluster, f)
			}
		}
	}
	var last *plan.Plan
	measure("first-plan", func(ctx context.Context, clients *world.Clients) { newPlan(ctx, clients) })
	measure("first-apply", carryOut)
	measure("no-op-plan", func(ctx context.Context, clients *world.Clients) {
		if last = newPlan(ctx, clients); last.Pending() {
			b.Fatal("something is pending")
		}
	})
	measure("no-op-apply", carryOut)
	fleet.Close()
	fleet = nil
	b.ReportMetric(liveHeap()-empty, "no-op-plan-live-MiB")
	runtime.KeepAlive(last)
}

// checkedPlan is what `setup-mesh plan` makes: by Istio's own charts, with what speaks
// against it.
func checkedPlan(ctx context.Context, tb testing.TB, wanted desired.Wanted, clients *world.Clients) *plan.Plan {
	d, err := apply.NewDesired(wanted, charts.New())
	if err != nil {
		tb.Fatal(err)
	}
	w, err := observe.Observe(ctx, clients, d, observe.Options{Now: time.Now()})
	if err != nil {
		tb.Fatal(err)
	}
	p := apply.NewPlan(d, w, plan.Options{})
	return check.With(p, check.Preflight(p, ask.Inspect(ctx, p, clients)))
}

// processorTime is what the process has used so far, in user mode.
func processorTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano())
}

// liveHeap is what is reachable now, in MiB.
func liveHeap() float64 {
	runtime.GC()
	runtime.GC() // what finalizers and pools held on to
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc) / (1 << 20)
}

func benchWanted(b testing.TB, file string) desired.Wanted {
	m, err := topology.ParseMesh("topology.yaml", []byte(file), nil)
	if err != nil {
		b.Fatal(err)
	}
	base, err := manifest.ParseBase("base.yaml", manifest.Template())
	if err != nil {
		b.Fatal(err)
	}
	cert, key, err := certs.NewRoot(rand.Reader, time.Now(), "m", "example.com")
	if err != nil {
		b.Fatal(err)
	}
	root, err := certs.ParseRoot(cert, &key)
	if err != nil {
		b.Fatal(err)
	}
	return desired.Wanted{Mesh: m, Base: base, Root: root}
}
