package plan

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/setup-mesh/setup-mesh/pkg/apply/desired"
	"github.com/setup-mesh/setup-mesh/pkg/apply/internal/fixture"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
	"github.com/setup-mesh/setup-mesh/pkg/apply/record"
	"github.com/setup-mesh/setup-mesh/pkg/apply/world"
	"github.com/setup-mesh/setup-mesh/pkg/topology/manifest"
)

// TestRecordAfter checks what is remembered of each outcome.
func TestRecordAfter(t *testing.T) {
	keep := Change{Subject: order.Subject{Component: order.ControlPlane}, Object: fixture.ConfigMap("keep"), Action: Keep, Wanted: "new"}
	create := Change{Subject: order.Subject{Component: order.ControlPlane}, Object: fixture.ConfigMap("create"), Action: Create, Wanted: "new"}
	update := Change{Subject: order.Subject{Component: order.ControlPlane}, Object: fixture.ConfigMap("update"), Action: Update, Wanted: "new"}
	remove := Change{Subject: order.Subject{Component: order.ControlPlane}, Object: fixture.ConfigMap("delete"), Action: Delete}
	unknown := Change{Subject: order.Subject{Component: order.ControlPlane}, Object: fixture.ConfigMap("unknown"), Action: Unknown, Blocked: "forbidden"}
	bookkept := Change{Subject: order.Subject{Component: order.Bookkeeping}, Object: record.Ref("istio-system"), Action: Create}
	remote := func(c Change, blocked string) Change {
		c.Component, c.Blocked = order.RemoteAccess, blocked
		return c
	}
	before := &record.Record{Manifest: map[string]any{"profile": "before"}, Objects: []record.Recorded{
		{Ref: fixture.ConfigMap("delete"), Hash: "old"}, {Ref: fixture.ConfigMap("unknown"), Hash: "old"}, {Ref: fixture.ConfigMap("update"), Hash: "old"},
	}} // sorted, as records are
	all := func(Change) bool { return true }
	none := func(Change) bool { return false }
	tests := map[string]struct {
		changes []Change
		before  *record.Record
		done    func(Change) bool
		want    []string // name, component, hash
		profile any      // of the manifest on record
	}{
		"all is done": {
			[]Change{keep, create, update, remove, bookkept}, before, all,
			[]string{"create IstioControlPlane new", "keep IstioControlPlane new", "update IstioControlPlane new"}, "now",
		},
		"nothing is done: what was about to change has no hash, and is compared again": {
			[]Change{keep, create, update, remove, bookkept}, before, none,
			[]string{"create IstioControlPlane ", "delete IstioControlPlane ", "keep IstioControlPlane new", "update IstioControlPlane "}, "before",
		},
		"nothing is done in a new cluster": {
			[]Change{create}, nil, none,
			[]string{"create IstioControlPlane "}, nil,
		},
		"what could not be read stays on record": {
			[]Change{keep, unknown}, before, all,
			[]string{"keep IstioControlPlane new", "unknown IstioControlPlane old"}, "before",
		},
		"what could not be created is not there": {
			[]Change{keep, remote(create, "b is not reached")}, before, all,
			[]string{"keep IstioControlPlane new"}, "now",
		},
		"what could not be updated is as before": {
			[]Change{keep, remote(update, "b is not reached")}, before, all,
			[]string{"keep IstioControlPlane new", "update remote access old"}, "now",
		},
		"remote access that failed does not hold up the IstioControlPlane": {
			[]Change{keep, remote(create, "")}, before, none,
			[]string{"create remote access ", "keep IstioControlPlane new"}, "now",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c := &Cluster{
				Member: record.Member{Name: "a"}, Changes: tt.changes, Live: &world.Live{Record: tt.before},
				Desired: &desired.Cluster{Manifest: &manifest.Manifest{Spec: map[string]any{"profile": "now"}}},
			}
			members := []record.Member{{Name: "a"}}
			r := c.RecordAfter("m", members, tt.done)
			var got []string
			for _, o := range r.Objects {
				got = append(got, o.Name+" "+string(o.Component)+" "+o.Hash)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("objects (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.profile, r.Manifest["profile"]); diff != "" {
				t.Errorf("manifest (-want +got):\n%s", diff)
			}
			if r.Format != record.RecordFormat || r.Mesh != "m" || r.Cluster != "a" || !cmp.Equal(r.Members, members) {
				t.Errorf("record = %+v", r)
			}
		})
	}
}
