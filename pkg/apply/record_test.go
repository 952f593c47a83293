package apply

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/setup-mesh/setup-mesh/pkg/apply/kube"
	"github.com/setup-mesh/setup-mesh/pkg/topology/manifest"
)

func configMap(name string) kube.Ref {
	return kube.Ref{Version: "v1", Kind: "ConfigMap", Namespace: "istio-system", Name: name}
}

func TestRecordRoundTrip(t *testing.T) {
	in := &Record{
		Format: recordFormat, Mesh: "m", Cluster: "a",
		Members:  []Member{{Name: "a", Context: "arn:aws:eks:a/b", UID: "1", Network: "n", Namespace: "istio-system", Role: RolePrimary}, {Name: "b"}},
		Manifest: map[string]any{"profile": "default", "values": map[string]any{"pilot": map[string]any{"traceSampling": 1.5}}},
		Objects:  []Recorded{{Ref: configMap("b"), Component: Gateway}, {Ref: configMap("a"), Component: ControlPlane, Hash: "h"}},
	}
	o, err := in.object("istio-system")
	if err != nil {
		t.Fatal(err)
	}
	if kube.RefOf(o) != recordRef("istio-system") || o.GetLabels()[labelMesh] != "m" {
		t.Errorf("the record is %s with labels %v", kube.RefOf(o), o.GetLabels())
	}
	out, err := ParseRecord(o)
	if err != nil {
		t.Fatal(err)
	}
	if out.Objects[0].Name != "a" {
		t.Errorf("objects are not sorted: %v", out.Objects)
	}
	if diff := cmp.Diff(in, out); diff != "" {
		t.Errorf("after a round trip (-want +got):\n%s", diff)
	}
	again, err := out.object("istio-system")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(o, again); diff != "" {
		t.Errorf("written again (-want +got):\n%s", diff)
	}
}

func recordText(text string) *unstructured.Unstructured {
	return object("v1", "ConfigMap", "ns", "setup-mesh", nil, map[string]any{"data": map[string]any{recordKey: text}})
}

func TestParseRecordErrors(t *testing.T) {
	tests := map[string]struct {
		in      *unstructured.Unstructured
		wantErr string
	}{
		"no data":       {object("v1", "ConfigMap", "ns", "setup-mesh", nil, nil), "read the record in ConfigMap ns/setup-mesh: unexpected end of JSON input"},
		"data no map":   {object("v1", "ConfigMap", "ns", "setup-mesh", nil, map[string]any{"data": "x"}), `read the record in ConfigMap ns/setup-mesh: .data.record.json accessor error: x is of the type string, expected map[string]interface{}`},
		"no JSON":       {recordText("{"), "read the record in ConfigMap ns/setup-mesh: unexpected end of JSON input"},
		"of the future": {recordText(`{"format": "setup-mesh.io/record/v2"}`), `read the record in ConfigMap ns/setup-mesh: its format is "setup-mesh.io/record/v2", and this setup-mesh reads "setup-mesh.io/record/v1"`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r, err := ParseRecord(tt.in)
			if err == nil || err.Error() != tt.wantErr || r != nil {
				t.Errorf("got %v, %v\nwant %s", r, err, tt.wantErr)
			}
		})
	}
}

// FuzzParseRecord looks for records that a plan chokes on: whoever may write
// ConfigMaps in a member decides what they hold.
func FuzzParseRecord(f *testing.F) {
	f.Add(`{"format":"setup-mesh.io/record/v1","mesh":"m","cluster":"a","members":[{"name":"a","context":"kind-a","uid":"uid-a"},{"name":"x","context":"y","uid":"z"}],"objects":[{"version":"v1","kind":"Secret","name":"x","component":"gateway"}]}`)
	f.Add(`{"format":"setup-mesh.io/record/v1","mesh":"m","manifest":{"values":[null,{"name":null}]},"members":[{}],"objects":[{},{}]}`)
	f.Add(`{"format":"setup-mesh.io/record/v1"}`)
	f.Fuzz(func(t *testing.T, text string) {
		r, err := ParseRecord(recordText(text))
		if err != nil {
			if !strings.HasPrefix(err.Error(), "read the record in ConfigMap ns/setup-mesh: ") {
				t.Errorf("the error does not say what was read: %v", err)
			}
			return
		}
		d := wantedMesh(t, oneNetwork, testBase)
		w := emptyWorld(d)
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
	keep := Change{Component: ControlPlane, Object: configMap("keep"), Action: Keep, Wanted: "new"}
	create := Change{Component: ControlPlane, Object: configMap("create"), Action: Create, Wanted: "new"}
	update := Change{Component: ControlPlane, Object: configMap("update"), Action: Update, Wanted: "new"}
	remove := Change{Component: ControlPlane, Object: configMap("delete"), Action: Delete}
	unknown := Change{Component: ControlPlane, Object: configMap("unknown"), Action: Unknown, Blocked: "forbidden"}
	record := Change{Component: Bookkeeping, Object: recordRef("istio-system"), Action: Create}
	remote := func(c Change, blocked string) Change {
		c.Component, c.Blocked = RemoteAccess, blocked
		return c
	}
	before := &Record{Manifest: map[string]any{"profile": "before"}, Objects: []Recorded{
		{Ref: configMap("update"), Hash: "old"}, {Ref: configMap("delete"), Hash: "old"}, {Ref: configMap("unknown"), Hash: "old"},
	}}
	all := func(Change) bool { return true }
	none := func(Change) bool { return false }
	tests := map[string]struct {
		changes []Change
		before  *Record
		done    func(Change) bool
		want    []string // name, component, hash
		profile any      // of the manifest on record
	}{
		"all is done": {
			[]Change{keep, create, update, remove, record}, before, all,
			[]string{"create IstioControlPlane new", "keep IstioControlPlane new", "update IstioControlPlane new"}, "now",
		},
		"nothing is done: what was about to be created has no hash": {
			[]Change{keep, create, update, remove, record}, before, none,
			[]string{"create IstioControlPlane ", "delete IstioControlPlane old", "keep IstioControlPlane new", "update IstioControlPlane old"}, "before",
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
				Member: Member{Name: "a"}, Changes: tt.changes, live: &Live{Record: tt.before},
				desired: &DesiredCluster{Manifest: &manifest.Manifest{Spec: map[string]any{"profile": "now"}}},
			}
			members := []Member{{Name: "a"}}
			r := c.recordAfter("m", members, tt.done)
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
			if r.Format != recordFormat || r.Mesh != "m" || r.Cluster != "a" || !cmp.Equal(r.Members, members) {
				t.Errorf("record = %+v", r)
			}
		})
	}
}
