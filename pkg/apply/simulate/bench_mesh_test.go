package simulate

import (
	"context"
	"crypto/rand"
	"fmt"
	"math"
	"runtime/debug"
	"strings"
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

// A benchMesh is a mesh of n clusters in memory, on n/10 networks with one remote
// cluster each.
type benchMesh struct {
	b      *testing.B
	n      int
	fleet  *applytest.Fleet
	wanted desired.Wanted
	file   string // topology.yaml
	cert   []byte // of the root, which is every API server's CA too
	key    certs.Secret
}

// benchDelays are none but where an istiod would else look again after every single
// remote secret, which costs more than all that is measured.
var benchDelays = applytest.Delays{Discovery: time.Second, Istiod: time.Second, Mount: time.Minute}

// newBenchMesh also sets garbage to be collected as in the command, and not as in
// histories: a hundred clusters are more than these may hold.
func newBenchMesh(b *testing.B, n int) *benchMesh {
	percent, limit := debug.SetGCPercent(100), debug.SetMemoryLimit(math.MaxInt64)
	b.Cleanup(func() {
		debug.SetGCPercent(percent)
		debug.SetMemoryLimit(limit)
	})
	m := &benchMesh{b: b, n: n, fleet: applytest.New(1)}
	var file strings.Builder
	file.WriteString("mesh_id: m\ncontexts:\n")
	for i := range n {
		name := fmt.Sprintf("c%03d", i)
		m.fleet.Add(name).Set(func(s *applytest.Settings) { s.Delays, s.TokenCap = benchDelays, 2*desired.TokenLifetime })
		primaries := ""
		if i%10 == 9 {
			primaries = fmt.Sprintf(", primaries: [c%03d]", i-1)
		}
		fmt.Fprintf(&file, "  %s: {network: n%d%s, apiServer: {server: 'https://%s.applytest:6443', caFile: %s}}\n", name, i/10, primaries, name, benchCA)
	}
	m.file = file.String()
	m.wanted, m.cert, m.key = benchFiles(b, m.file)
	m.wanted.CAs = map[string][]byte{}
	for _, c := range m.wanted.Mesh.Clusters {
		m.wanted.CAs[c.Context] = m.cert
	}
	return m
}

// benchCA is the file with the CA of all API servers.
const benchCA = "certs/root-cert.pem"

func (m *benchMesh) must(err error) {
	m.b.Helper()
	if err != nil {
		m.b.Fatal(err)
	}
}

// clients are those of one more process.
func (m *benchMesh) clients() (*world.Clients, context.Context) {
	run, ctx := m.fleet.Run(context.Background())
	return &world.Clients{Opener: run, Resolver: noNames{}}, ctx
}

func (m *benchMesh) plan(ctx context.Context, clients *world.Clients) *plan.Plan {
	return checkedPlan(ctx, m.b, m.wanted, clients)
}

func (m *benchMesh) apply(ctx context.Context, clients *world.Clients) {
	p := m.plan(ctx, clients)
	if len(p.Refusals) > 0 {
		m.b.Fatal(p.Refusals[0])
	}
	r := execute.Apply(ctx, p, clients, execute.Options{Now: time.Now(), Random: rand.Reader, Holder: "b", Parallelism: 24})
	for _, c := range r.Clusters {
		for _, f := range c.Failures {
			m.b.Fatal(c.Cluster, f)
		}
	}
}

// benchWanted is what topology.yaml wants, with the base.yaml that prep writes.
func benchWanted(tb testing.TB, file string) desired.Wanted {
	w, _, _ := benchFiles(tb, file)
	return w
}

// benchFiles also returns the root that is made for it.
func benchFiles(tb testing.TB, file string) (w desired.Wanted, cert []byte, key certs.Secret) {
	mesh, err := topology.ParseMesh("topology.yaml", []byte(file), nil)
	if err != nil {
		tb.Fatal(err)
	}
	base, err := manifest.ParseBase("base.yaml", manifest.Template())
	if err != nil {
		tb.Fatal(err)
	}
	cert, key, err = certs.NewRoot(rand.Reader, time.Now(), "m", "example.com")
	if err != nil {
		tb.Fatal(err)
	}
	root, err := certs.ParseRoot(cert, &key)
	if err != nil {
		tb.Fatal(err)
	}
	return desired.Wanted{Mesh: mesh, Base: base, Root: root}, cert, key
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
