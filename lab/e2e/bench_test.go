package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/setup-mesh/setup-mesh/lab"
)

// BenchmarkMesh times the first apply of a mesh, and a plan and an apply that find nothing to change, on real istiods.
// Three clusters with istioctl 1.31, by hand: 35-39 s, 6 s and 18 s on two cores.
func BenchmarkMesh(b *testing.B) {
	needsLab(b)
	for _, clusters := range []int{3, 8} {
		b.Run(fmt.Sprintf("clusters=%d", clusters), func(b *testing.B) { benchmarkMesh(b, clusters) })
	}
}

func benchmarkMesh(b *testing.B, clusters int) {
	u := benchUser(b, clusters, false)
	for b.Loop() {
		measure(b, "first-apply", u.run(b, 0, "apply", "--yes"))
		measure(b, "no-op-plan", u.run(b, 0, "plan", "--detailed-exitcode"))
		measure(b, "no-op-apply", u.run(b, 0, "apply", "--yes"))
		measure(b, "status", u.run(b, 0, "status"))
		measure(b, "teardown", u.run(b, 0, "teardown", "--yes"))
	}
	b.ReportMetric(0, "ns/op") // of five commands together: it says nothing
}

// BenchmarkWithoutIstiods times what the tool itself does of a first apply, up to where all that is left waits for an
// istiod, and a plan of what is there then.
func BenchmarkWithoutIstiods(b *testing.B) {
	needsLab(b)
	for _, clusters := range []int{3, 8} {
		b.Run(fmt.Sprintf("clusters=%d", clusters), func(b *testing.B) {
			u := benchUser(b, clusters, true)
			for b.Loop() {
				run := u.start(b, "apply", "--yes")
				for steps := map[string]int{}; steps["certificate:"] < clusters || steps["CRDs:"] < clusters ||
					steps["configuration:"] < clusters || steps["control plane:"] < clusters; {
					steps[run.waitForOne(b, "certificate:", "CRDs:", "configuration:", "control plane:")]++
				}
				took := time.Since(run.began)
				if err := run.cmd.Process.Signal(syscall.SIGINT); err != nil {
					b.Fatal(err)
				}
				r := wantCode(b, 130, run.end(b))
				r.took = took
				measure(b, "first-apply", r)
				measure(b, "plan", u.run(b, 2, "plan", "--detailed-exitcode"))
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}

// benchUser has a work directory for a mesh of all clusters of a new lab, in turns on two networks.
func benchUser(b *testing.B, clusters int, noIstiods bool) *user {
	b.Helper()
	l := startLab(b, lab.Options{Clusters: clusters, NoIstiods: noIstiods})
	u := newUser(b, l.Kubeconfig())
	u.run(b, 0, "prep", "--mesh-id", "mymeshname", "--org", "example.com")
	var contexts []string
	for i, context := range lab.DefaultContexts(clusters) {
		contexts = append(contexts, fmt.Sprintf("%s: {network: network-%d}", context, i%2))
	}
	u.topology(b, contexts...)
	return u
}

// measure reports how long a command took, the most memory that it had, and the requests that it sent.
func measure(b *testing.B, name string, r result) {
	b.Helper()
	b.ReportMetric(r.took.Seconds(), name+"-s")
	b.ReportMetric(float64(r.maxRSS)/(1<<20), name+"-MiB")
	sent := stats(r)
	if sent.Requests > 0 {
		b.ReportMetric(float64(sent.Requests), name+"-requests")
		b.ReportMetric(float64(sent.Bytes)/(1<<20), name+"-received-MiB")
	}
	fmt.Fprintf(os.Stderr, "%-24s %-12s %6.2f s  %5d MiB  %5d requests  %6.1f MiB received\n",
		b.Name(), name, r.took.Seconds(), r.maxRSS>>20, sent.Requests, float64(sent.Bytes)/(1<<20))
}

// A traffic is what a command sent and received, as it says itself.
type traffic struct {
	Requests int64 `json:"requests"`
	Bytes    int64 `json:"bytes"`
}

func stats(r result) traffic {
	var sent traffic
	for line := range strings.Lines(r.stderr) {
		if strings.HasPrefix(line, `{"requests":`) && json.Unmarshal([]byte(line), &sent) == nil {
			return sent
		}
	}
	return traffic{}
}
