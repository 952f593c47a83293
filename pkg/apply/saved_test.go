package apply

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/setup-mesh/setup-mesh/pkg/apply/internal/fixture"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
	"github.com/setup-mesh/setup-mesh/pkg/apply/world"
)

func saved(t *testing.T, p *plan.Plan) *plan.SavedPlan {
	t.Helper()
	b, err := p.Save()
	if err != nil {
		t.Fatal(err)
	}
	s, err := plan.ParseSaved(b)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestStale(t *testing.T) {
	service := object.Ref{Kind: "Service", Namespace: "istio-system", Name: "istiod"}
	tests := map[string]struct {
		moved func(w *world.World)
		plan  func(p *plan.Plan)
		want  []string
	}{
		"nothing moved": {},
		"addresses and dates are no matter": {
			moved: func(w *world.World) { w.Now = w.Now.AddDate(0, 0, 1) },
			plan:  func(p *plan.Plan) { p.Clusters[0].Gateway = world.GatewayAddress{Host: "192.0.2.1", Port: 15443} },
		},
		"an object appeared": {
			moved: func(w *world.World) { w.Clusters[0].Objects[service] = w.Clusters[1].Objects[service] },
			want:  []string{"a: Service istio-system/istiod: keep now, create in the plan"},
		},
		"an object went away": {
			moved: func(w *world.World) { w.Clusters[1].Objects[service] = world.Observed{} },
			want:  []string{"b: Service istio-system/istiod: create now, keep in the plan"},
		},
		"an object was replaced": {
			moved: func(w *world.World) {
				w.Clusters[1].Objects[service] = world.Observed{Object: fixture.ManagedBy(w.Clusters[1].Object(service), "uid-new", object.FieldManager)}
			},
			want: []string{"b: Service istio-system/istiod has changed since the plan was made"},
		},
		"a cluster is down": {
			moved: func(w *world.World) { w.Clusters[1].Unreached = errors.New("i/o timeout") },
			want:  []string{"b: was reachable then, and is not now"},
		},
		"other files": {
			plan: func(p *plan.Plan) { p.Inputs = "other" },
			want: []string{"the files in the work directory, or setup-mesh itself, have changed since the plan was made"},
		},
		"a cluster is in the way of another": {
			plan: func(p *plan.Plan) { p.Clusters[0].Name = "x" },
			want: []string{"x: was not part of the plan", "a: is no longer part of the mesh"},
		},
		"a context leads to another cluster, and all else is alike": {
			plan: func(p *plan.Plan) { p.Clusters[0].UID = "uid-other" },
			want: []string{"a: context kind-a now points to a different cluster"},
		},
		"another plan altogether": {
			plan: func(p *plan.Plan) { p.Teardown = true },
			want: []string{"it was made by another command, or with other flags"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			d := WantedMesh(t, OneNetwork, TestBase)
			w := appliedWorld(t, d)
			w.Clusters[0].Objects[service] = world.Observed{} // so that there is something to do
			s := saved(t, NewPlan(d, w, plan.Options{}))
			if tt.moved != nil {
				tt.moved(w)
			}
			now := NewPlan(d, w, plan.Options{})
			if tt.plan != nil {
				tt.plan(now)
			}
			if diff := cmp.Diff(tt.want, s.Stale(now)); diff != "" {
				t.Errorf("stale (-want +got):\n%s", diff)
			}
		})
	}
}

// A plan is the same when made again, and holds no secret.
func TestSave(t *testing.T) {
	d := WantedMesh(t, OneNetwork, TestBase)
	w := appliedWorld(t, d)
	w.Now = testNow.AddDate(0, 9, 0) // all is due
	first, err := NewPlan(d, w, plan.Options{}).Save()
	if err != nil {
		t.Fatal(err)
	}
	second, err := NewPlan(d, w, plan.Options{}).Save()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(first), string(second)); diff != "" {
		t.Errorf("made twice (-first +second):\n%s", diff)
	}
	for _, secret := range []string{"token of", "PRIVATE KEY", "LS0tLS1CRUdJTi"} {
		if strings.Contains(string(first), secret) {
			t.Errorf("the plan holds %q", secret)
		}
	}
	if !json.Valid(first) {
		t.Error("it is no JSON")
	}
}

// An address that was edited between plan and apply is named: traffic would go there.
func TestStaleAddresses(t *testing.T) {
	tests := map[string]struct{ was, is, want string }{
		"an address more":       {"", "addresses: [192.0.2.1]", "its gateway.addresses were (none) then, and are 192.0.2.1:15443 now"},
		"another address":       {"addresses: [192.0.2.1]", "addresses: ['2001:db8::1', gw.example.com]", "its gateway.addresses were 192.0.2.1:15443 then, and are [2001:db8::1]:15443, gw.example.com:15443 now"},
		"another port":          {"addresses: [192.0.2.1]", "addresses: [192.0.2.1], port: 443", "its gateway.addresses were 192.0.2.1:15443 then, and are 192.0.2.1:443 now"},
		"no address any longer": {"addresses: [192.0.2.1]", "", "its gateway.addresses were 192.0.2.1:15443 then, and are (none) now"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			planned := func(gateway string) *plan.Plan {
				d := WantedMesh(t, "mesh_id: m\ncontexts: {kind-east: {network: n1, name: east, gateway: {"+gateway+"}}, kind-west: {network: n2, name: west}}\n", TestBase)
				p := NewPlan(d, EmptyWorld(d), plan.Options{})
				p.Inputs = gateway // stands for a digest of the files
				return p
			}
			want := []string{"the files in the work directory, or setup-mesh itself, have changed since the plan was made", "east: " + tt.want}
			if diff := cmp.Diff(want, saved(t, planned(tt.was)).Stale(planned(tt.is))); diff != "" {
				t.Errorf("stale (-want +got):\n%s", diff)
			}
		})
	}
}
