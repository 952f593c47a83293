//go:build unix

package simulate

import (
	"context"
	"fmt"
	"runtime"
	"runtime/pprof"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/setup-mesh/setup-mesh/pkg/apply/applytest"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
	"github.com/setup-mesh/setup-mesh/pkg/apply/world"
)

// BenchmarkClusters is how long a plan of nothing, a first apply, a plan with nothing
// to change and an apply of it take in a [benchMesh] with Istio's own charts, and
// what they ask of each cluster. The processor's time is that of all threads, clusters
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

func benchClusters(b *testing.B, n int) {
	empty := liveHeap()
	m := newBenchMesh(b, n)
	var requests atomic.Int64
	m.fleet.OnRequest(func(r applytest.Request) applytest.Fault {
		if !r.Done {
			requests.Add(1)
		}
		return ""
	})
	measure := func(what string, f func(ctx context.Context, clients *world.Clients)) {
		clients, ctx := m.clients()
		requests.Store(0)
		start, used := time.Now(), processorTime(b)
		pprof.Do(ctx, pprof.Labels("phase", what), func(ctx context.Context) { f(ctx, clients) })
		b.ReportMetric(time.Since(start).Seconds(), what+"-s")
		b.ReportMetric((processorTime(b) - used).Seconds(), what+"-cpu-s")
		b.ReportMetric(float64(requests.Load())/float64(n), what+"-req/cluster")
	}
	var last *plan.Plan
	measure("first-plan", func(ctx context.Context, clients *world.Clients) { m.plan(ctx, clients) })
	measure("first-apply", m.apply)
	measure("no-op-plan", func(ctx context.Context, clients *world.Clients) {
		if last = m.plan(ctx, clients); last.Pending() {
			b.Fatal("something is pending")
		}
	})
	measure("no-op-apply", m.apply)
	m.fleet.Close()
	m.fleet = nil
	b.ReportMetric(liveHeap()-empty, "no-op-plan-live-MiB")
	runtime.KeepAlive(last)
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
