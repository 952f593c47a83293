package apply

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/setup-mesh/setup-mesh/pkg/apply/desired"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
	"github.com/setup-mesh/setup-mesh/pkg/apply/world"
	"github.com/setup-mesh/setup-mesh/pkg/certs"
)

const rotated = "mesh_id: m\ncontexts: {kind-a: {network: n1, name: a}, kind-b: {network: n2, name: b}, kind-r: {network: n2, name: r, primaries: [kind-b]}}\n"

// inPhase is a mesh of which the root is on its way to another one; "" is a mesh with the
// old one and no rotation.
func inPhase(t *testing.T, p certs.Phase) *desired.Desired {
	t.Helper()
	d := WantedMesh(t, rotated, TestBase)
	if p == "" {
		return d
	}
	r, err := certs.NewRotation(p, testRoot(), otherRoot())
	if err != nil {
		t.Fatal(err)
	}
	d.Rotation, d.Root = r, r.Root()
	for _, c := range d.Clusters {
		for _, it := range c.Items {
			if i, ok := it.Late.(*desired.Intermediate); ok {
				i.Root = d.Root
			}
		}
	}
	return d
}

// Nothing signs for a cluster before all clusters are seen to trust it, and nothing is
// dropped before no cluster is seen to need it.
func TestOrderOfRotation(t *testing.T) {
	clusters := []string{"a", "b", "r"}
	tests := map[string]struct {
		from, to certs.Phase
		first    string // what is proved in all clusters before any certificate is put
	}{
		"trust in both":        {"", certs.TrustBoth, ""},
		"the new one signs":    {certs.TrustBoth, certs.SignNew, "trust"},
		"the old one goes":     {certs.SignNew, certs.NewOnly, "certificates"},
		"back: both again":     {certs.NewOnly, certs.SignNew, ""},
		"back: the old signs":  {certs.SignNew, certs.TrustBoth, "trust"},
		"back: the new goes":   {certs.TrustBoth, certs.OldOnly, "certificates"},
		"two steps at once":    {certs.OldOnly, certs.SignNew, "trust"},
		"nothing is under way": {certs.SignNew, certs.SignNew, "-"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			p := NewPlan(inPhase(t, tt.to), appliedWorld(t, inPhase(t, tt.from)), plan.Options{})
			g := graphOf(t, p)
			var want, got []string
			for _, c := range clusters {
				if tt.first != "" && tt.first != "-" {
					want = append(want, c+": prove "+tt.first)
					g.wantBefore(t, [2]string{c + ": prove " + tt.first, "a: put certificate"}, [2]string{c + ": prove " + tt.first, "b: put certificate"})
				}
			}
			for _, name := range g.names() {
				if strings.HasSuffix(name, "prove trust") || strings.HasSuffix(name, "prove certificates") {
					got = append(got, name)
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("proofs (-want +got):\n%s", diff)
			}
			if g.has("a: put certificate") != (tt.first != "-") {
				t.Errorf("steps: %v", g.names())
			}
			if len(p.Refusals) > 0 {
				t.Errorf("refused: %+v", p.Refusals)
			}
		})
	}
}

// A cluster that comes while the root is on its way is given what the others have; those
// are seen to trust it first.
func TestClusterArrivesInRotation(t *testing.T) {
	d := inPhase(t, certs.SignNew)
	w := appliedWorld(t, d)
	for _, name := range []string{"b", "r"} {
		l := w.Cluster(name)
		l.Record, l.Objects = nil, map[object.Ref]world.Observed{}
	}
	g := graphOf(t, NewPlan(d, w, plan.Options{}))
	g.wantBefore(t, [2]string{"a: prove trust", "b: put certificate"})
	for _, name := range []string{"b: prove trust", "r: prove trust"} {
		if g.before(t, name, "b: put certificate") {
			t.Errorf("the first istiod waits for %s, which waits for it", name)
		}
	}
}

// An istiod that somebody deleted comes back at once: the proxies that the next step waits
// for may need it.
func TestIstiodIsBackBeforeTheNextStep(t *testing.T) {
	w := appliedWorld(t, inPhase(t, certs.TrustBoth))
	delete(w.Cluster("a").Objects, object.IstiodRef("istio-system"))
	g := graphOf(t, NewPlan(inPhase(t, certs.SignNew), w, plan.Options{}))
	for _, first := range []string{"a: prove trust", "a: put certificate"} {
		if g.before(t, first, "a: put control plane") || g.before(t, first, "a: prove istiod") {
			t.Errorf("the istiod waits for %s", first)
		}
	}
}

// A cluster that is not reached stops every step that others might not survive.
func TestRotationWaitsForAllClusters(t *testing.T) {
	for to, blocked := range map[certs.Phase]bool{certs.SignNew: true, certs.TrustBoth: false} {
		from := map[certs.Phase]certs.Phase{certs.SignNew: certs.TrustBoth, certs.TrustBoth: ""}[to]
		w := appliedWorld(t, inPhase(t, from))
		w.Cluster("r").Unreached = errors.New("i/o timeout")
		p := NewPlan(inPhase(t, to), w, plan.Options{})
		why := ""
		for _, s := range p.Steps {
			if s.Cluster == "a" && s.Part == "certificate" && s.Kind == plan.Put {
				why = s.Blocked
			}
		}
		if want := map[bool]string{true: "r is not reached"}[blocked]; why != want {
			t.Errorf("%s: blocked %q, want %q", to, why, want)
		}
	}
}

// Outside of a rotation no root is changed, and who holds the files of it is told.
func TestRootChangesInARotationOnly(t *testing.T) {
	tests := map[string]struct {
		live, want certs.Phase
		message    string
		hint       string
	}{
		"a rotation that this directory does not know": {certs.TrustBoth, "", "the cluster trusts root OLD and NEW, but the work directory holds root OLD",
			"a rotation of the root was begun: go on in the work directory that holds its certs/rotation.json, which says how far it is"},
		"another root": {certs.NewOnly, "", "the cluster trusts root NEW, but the work directory holds root OLD",
			"restore this mesh's certs/root-cert.pem; a running istiod ignores a different root. To change it: setup-mesh certs rotate-root"},
		"a step that istiod would not take": {certs.NewOnly, certs.OldOnly, "the cluster trusts root NEW, but the work directory holds root OLD",
			"restore this mesh's certs/root-cert.pem; a running istiod ignores a different root. To change it: setup-mesh certs rotate-root"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			p := NewPlan(inPhase(t, tt.want), appliedWorld(t, inPhase(t, tt.live)), plan.Options{})
			named := strings.NewReplacer("OLD", testRoot().Short(), "NEW", otherRoot().Short())
			found := false
			for _, f := range p.Refusals {
				found = found || f.Cluster == "a" && f.Message == named.Replace(tt.message) && f.Hint == tt.hint
			}
			if !found {
				t.Errorf("refusals: %+v", p.Refusals)
			}
		})
	}
}
