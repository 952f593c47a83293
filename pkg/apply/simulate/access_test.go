package simulate

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/setup-mesh/setup-mesh/pkg/apply"
	"github.com/setup-mesh/setup-mesh/pkg/apply/applytest"
	"github.com/setup-mesh/setup-mesh/pkg/apply/ask"
	"github.com/setup-mesh/setup-mesh/pkg/apply/charts"
	"github.com/setup-mesh/setup-mesh/pkg/apply/check"
	"github.com/setup-mesh/setup-mesh/pkg/apply/desired"
	"github.com/setup-mesh/setup-mesh/pkg/apply/execute"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/observe"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
	"github.com/setup-mesh/setup-mesh/pkg/apply/world"
)

const accessMesh = "mesh_id: m\ncontexts: {a: {network: one}, b: {network: two}, r: {network: one, primaries: [a]}}\n"

// An accessSim is a mesh whose tokens are renewed.
type accessSim struct {
	t       *testing.T
	fleet   *applytest.Fleet
	desired *desired.Desired
	dead    []string // credentials that an API server refused right after a write

}

// TestRenewalKilled kills a renewal of all tokens before and after each of its writes. At
// no moment is there a stored token that does not work, and what is run next ends what
// is left.
func TestRenewalKilled(t *testing.T) {
	var d *desired.Desired
	synctest.Test(t, func(t *testing.T) { // of the same time as what follows
		var err error
		if d, err = apply.NewDesired(benchWanted(t, accessMesh), charts.New()); err != nil {
			t.Fatal(err)
		}
	})
	renew := &plan.Access{Change: plan.RenewTokens}
	at, stride := 0, 1
	if testing.Short() {
		stride = 4
	}
	for killed := true; killed; at += stride {
		for _, next := range []*plan.Access{nil, renew} {
			synctest.Test(t, func(t *testing.T) {
				s := &accessSim{t: t, fleet: applytest.New(1), desired: d}
				defer s.fleet.Close()
				for _, name := range []string{"a", "b", "r"} {
					s.fleet.Add(name)
				}
				s.must(s.run(nil, -1))
				s.fleet.OnWrite(s.wrote)
				before := s.stored()
				killed = !s.run(renew, at).Complete()
				time.Sleep(2 * time.Minute) // until the locks have run out
				if killed {
					s.must(s.run(next, -1))
				}
				s.settled(before, next != nil || !killed)
				if len(s.dead) > 0 || t.Failed() {
					t.Fatalf("killed at %d: %v", at, s.dead)
				}
			})
		}
	}
	t.Logf("%d moments", at)
}

// run carries out one plan, and kills it at a write: even ones before they have their
// effect, odd ones after it.
func (s *accessSim) run(access *plan.Access, at int) *execute.Report {
	s.t.Helper()
	run, ctx := s.fleet.Run(s.t.Context())
	n := 0
	s.fleet.OnRequest(func(r applytest.Request) applytest.Fault {
		if r.Run != run.Number() || !r.Writes || r.DryRun || r.Verb == "renew" {
			return applytest.None
		}
		if n++; n-1 == at {
			return applytest.Kill
		}
		return applytest.None
	})
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	clients := &world.Clients{Opener: run, Resolver: noNames{}}
	w, err := observe.Observe(ctx, clients, s.desired, observe.Options{Now: time.Now()})
	if err != nil {
		s.t.Fatal(err)
	}
	p := apply.NewPlan(s.desired, w, plan.Options{Access: access})
	p = check.With(p, check.Preflight(p, ask.Inspect(ctx, p, clients)))
	if len(p.Refusals) > 0 {
		s.t.Fatalf("refused: %+v", p.Refusals)
	}
	return execute.Apply(ctx, p, clients, execute.Options{Now: time.Now(), Random: rand.Reader, Holder: "us", Parallelism: 1})
}

func (s *accessSim) must(r *execute.Report) {
	s.t.Helper()
	if r.Complete() {
		return
	}
	for _, c := range r.Clusters {
		s.t.Errorf("%s: %+v", c.Cluster, c)
	}
	s.t.Fatalf("not complete: %v", r.Interrupted)
}

// pairsOfAccess are those of [accessMesh].
func pairsOfAccess() []desired.Pair {
	return []desired.Pair{{Consumer: "a", Source: "b"}, {Consumer: "a", Source: "r"}, {Consumer: "b", Source: "a"}, {Consumer: "b", Source: "r"}}
}

func credentialIn(w applytest.World, p desired.Pair) []byte {
	secret := w.Get(p.Consumer, object.SecretRef("istio-system", object.RemoteSecretPrefix+p.Source))
	data, _ := secret.Object["data"].(map[string]any)
	text, _ := data[p.Source].(string)
	config, _ := base64.StdEncoding.DecodeString(text)
	return config
}

func (s *accessSim) wrote(w applytest.Write) {
	for _, p := range pairsOfAccess() {
		if _, err := w.World.Reads(credentialIn(w.World, p)); err != nil {
			s.dead = append(s.dead, p.Consumer+" for "+p.Source+" after "+w.Verb+" of "+w.Ref.String())
		}
	}
}

// stored are the credentials of all pairs.
func (s *accessSim) stored() map[desired.Pair]string {
	out := map[desired.Pair]string{}
	s.fleet.Look(func(w applytest.World) {
		for _, p := range pairsOfAccess() {
			out[p] = string(credentialIn(w, p))
		}
	})
	return out
}

// settled wants one grant for each pair, tokens that work and, where they were renewed, none
// that was there before.
func (s *accessSim) settled(before map[desired.Pair]string, renewed bool) {
	s.t.Helper()
	if r := s.run(nil, -1); !r.Complete() || len(r.Steps) == 0 {
		s.t.Errorf("the next apply: %+v", r)
	} else if c, u, d := r.Changed(); c+u+d > 0 {
		s.t.Errorf("the next apply changes %d, %d, %d objects", c, u, d)
	}
	now := s.stored()
	s.fleet.Look(func(w applytest.World) {
		for _, p := range pairsOfAccess() {
			var grants []string
			for _, o := range w.List(p.Source, secretKind, "istio-system") {
				if name, ok := strings.CutPrefix(object.RefOf(o).Name, object.GrantPrefix); ok && strings.Split(name, ".")[0] == p.Consumer {
					grants = append(grants, name)
				}
			}
			_, err := w.Reads([]byte(now[p]))
			_, old := w.Reads([]byte(before[p]))
			if len(grants) != 1 || err != nil || renewed && (old == nil || now[p] == before[p]) {
				s.t.Errorf("%v: grants %v, its token: %v, the one before: %v", p, grants, err, old)
			}
		}
		slices.Sort(s.dead)
	})
}
