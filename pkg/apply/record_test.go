package apply

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
	"github.com/setup-mesh/setup-mesh/pkg/apply/record"
	"github.com/setup-mesh/setup-mesh/pkg/topology/manifest"
)

func configMap(name string) object.Ref {
	return object.Ref{Kind: "ConfigMap", Namespace: "istio-system", Name: name}
}

func recordText(text string) *unstructured.Unstructured {
	return object.New("v1", "ConfigMap", "ns", "setup-mesh", nil, map[string]any{"data": map[string]any{"record.json": text}})
}

// FuzzParseRecord looks for records that a plan chokes on: whoever may write
// ConfigMaps in a member decides what they hold.
func FuzzParseRecord(f *testing.F) {
	f.Add(`{"format":"setup-mesh.io/record/v1","mesh":"m","cluster":"a","members":[{"name":"a","context":"kind-a","uid":"uid-a"},{"name":"x","context":"y","uid":"z"}],"objects":[{"version":"v1","kind":"Secret","name":"x","component":"gateway"}]}`)
	f.Add(`{"format":"setup-mesh.io/record/v1","mesh":"m","manifest":{"values":[null,{"name":null}]},"members":[{}],"objects":[{},{}]}`)
	f.Add(`{"format":"setup-mesh.io/record/v1"}`)
	f.Fuzz(func(t *testing.T, text string) {
		r, err := record.Parse(recordText(text))
		if err != nil {
			if !strings.HasPrefix(err.Error(), "read the record in ConfigMap ns/setup-mesh: ") {
				t.Errorf("the error does not say what was read: %v", err)
			}
			return
		}
		d := WantedMesh(t, OneNetwork, TestBase)
		w := EmptyWorld(d)
		w.Clusters[0].Record = r
		departedMembers(w, d)
		p := NewPlan(d, w, PlanOptions{})
		if _, err := p.Save(); err != nil {
			t.Errorf("the plan cannot be saved: %v", err)
		}
	})
}

// TestRecordAfter checks what is remembered of each outcome.
func TestRecordAfter(t *testing.T) {
	keep := Change{Subject: order.Subject{Component: order.ControlPlane}, Object: configMap("keep"), Action: Keep, Wanted: "new"}
	create := Change{Subject: order.Subject{Component: order.ControlPlane}, Object: configMap("create"), Action: Create, Wanted: "new"}
	update := Change{Subject: order.Subject{Component: order.ControlPlane}, Object: configMap("update"), Action: Update, Wanted: "new"}
	remove := Change{Subject: order.Subject{Component: order.ControlPlane}, Object: configMap("delete"), Action: Delete}
	unknown := Change{Subject: order.Subject{Component: order.ControlPlane}, Object: configMap("unknown"), Action: Unknown, Blocked: "forbidden"}
	bookkept := Change{Subject: order.Subject{Component: order.Bookkeeping}, Object: record.Ref("istio-system"), Action: Create}
	remote := func(c Change, blocked string) Change {
		c.Component, c.Blocked = order.RemoteAccess, blocked
		return c
	}
	before := &record.Record{Manifest: map[string]any{"profile": "before"}, Objects: []record.Recorded{
		{Ref: configMap("update"), Hash: "old"}, {Ref: configMap("delete"), Hash: "old"}, {Ref: configMap("unknown"), Hash: "old"},
	}}
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
			c := &ClusterPlan{
				Member: record.Member{Name: "a"}, Changes: tt.changes, Live: &Live{Record: tt.before},
				Desired: &DesiredCluster{Manifest: &manifest.Manifest{Spec: map[string]any{"profile": "now"}}},
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
