package observe

import (
	"errors"
	"fmt"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/setup-mesh/setup-mesh/pkg/apply/applytest"
	"github.com/setup-mesh/setup-mesh/pkg/apply/desired"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
	"github.com/setup-mesh/setup-mesh/pkg/apply/record"
	"github.com/setup-mesh/setup-mesh/pkg/apply/world"
)

// A user who may not read is told so once, whatever it is.
func TestUnreadable(t *testing.T) {
	l := &world.Live{Member: record.Member{Name: "a", Context: "kind-a", Namespace: "istio-system"}, Objects: map[object.Ref]world.Observed{}}
	if err := unreadable(t.Context(), &world.Connected{Live: l}); err != nil {
		t.Errorf("of what was read: %v", err)
	}
	l.Objects[object.SecretRef("istio-system", "x")] = world.Observed{Err: &object.Error{Class: object.Unreachable, Op: "read Secret", Message: "EOF"}}
	if err := unreadable(t.Context(), &world.Connected{Live: l}); err == nil || err.Error() != "read Secret: EOF" {
		t.Errorf("of what is not reached: %v", err)
	}
	for i := range 20 { // maps have no order, and the same mistake says the same each time
		l.Objects[object.SecretRef("istio-system", fmt.Sprintf("y%d", i))] = world.Observed{Err: &object.Error{Class: object.Unreachable, Op: "read Secret", Message: fmt.Sprint(i)}}
	}
	if err := unreadable(t.Context(), &world.Connected{Live: l}); err == nil || err.Error() != "read Secret: EOF" {
		t.Errorf("of several that are not reached: %v", err)
	}
	if err := errors.New("no such context"); !errors.Is(unconnected(t.Context(), &world.Connected{Live: l}, err, nil), err) {
		t.Error("another error is told")
	}
}

func TestServedKind(t *testing.T) {
	crd := object.New("apiextensions.k8s.io/v1", "CustomResourceDefinition", "", "gateways.networking.istio.io", nil, map[string]any{"spec": map[string]any{
		"group": "networking.istio.io", "names": map[string]any{"kind": "Gateway"},
		"versions": []any{map[string]any{"name": "v1alpha3"}, map[string]any{"name": "v1", "storage": true}, map[string]any{"name": "v1beta1"}, "broken"},
	}})
	want := schema.GroupKind{Group: "networking.istio.io", Kind: "Gateway"}
	if got := ServedKind(crd); got != want {
		t.Errorf("servedKind = %v, want %v", got, want)
	}
}

func TestDepartedMembers(t *testing.T) {
	d := &desired.Desired{MeshID: "m"}
	here := record.Member{Name: "a", Context: "kind-a", UID: "1"}
	gone := record.Member{Name: "gone", Context: "kind-gone", UID: "9"}
	also := record.Member{Name: "also", Context: "kind-also", UID: "8"}
	tests := map[string]struct {
		clusters []*world.Live
		want     []record.Member
	}{
		"nobody left":        {[]*world.Live{{Member: here, Record: &record.Record{Mesh: "m", Members: []record.Member{here}}}}, nil},
		"two left, by name":  {[]*world.Live{{Member: here, Record: &record.Record{Mesh: "m", Members: []record.Member{here, gone, also}}}}, []record.Member{also, gone}},
		"known to two":       {[]*world.Live{{Member: here, Record: &record.Record{Mesh: "m", Members: []record.Member{gone}}}, {Record: &record.Record{Mesh: "m", Members: []record.Member{gone}}}}, []record.Member{gone}},
		"a renamed context":  {[]*world.Live{{Member: here, Record: &record.Record{Mesh: "m", Members: []record.Member{{Name: "a", Context: "before", UID: "1"}}}}}, nil},
		"a context in use":   {[]*world.Live{{Member: here, Record: &record.Record{Mesh: "m", Members: []record.Member{{Name: "x", Context: "kind-a", UID: "7"}}}}}, nil},
		"never reached":      {[]*world.Live{{Member: here, Record: &record.Record{Mesh: "m", Members: []record.Member{{Name: "typo", Context: "kind-typo"}}}}}, nil},
		"not of this mesh":   {[]*world.Live{{Member: here, Record: &record.Record{Mesh: "theirs", Members: []record.Member{gone}}}}, nil},
		"no record is there": {[]*world.Live{{Member: here}}, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, DepartedMembers(&world.World{Clusters: tt.clusters}, d)); diff != "" {
				t.Errorf("departed (-want +got):\n%s", diff)
			}
		})
	}
}

// Of what is as wanted, a hundred clusters hold the wanted object, not each its own.
func TestReadListsShares(t *testing.T) {
	fleet := applytest.New(1)
	defer fleet.Close()
	fleet.Add("a")
	run, ctx := fleet.Run(t.Context())
	cluster, err := run.Open("a")
	if err != nil {
		t.Fatal(err)
	}
	refs := map[object.Ref]*desired.Item{}
	for _, name := range []string{"as-wanted", "changed"} {
		o := object.New("v1", "ConfigMap", "default", name, nil, map[string]any{"data": map[string]any{"k": "v"}})
		it, err := desired.NewItem(order.Subject{}, "m", o, nil)
		if err != nil {
			t.Fatal(err)
		}
		refs[it.Ref] = it
		live := it.Object.DeepCopy()
		if name == "changed" {
			live.Object["data"] = map[string]any{"k": "other"}
		}
		if _, err := cluster.Apply(ctx, live, object.ApplyOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	l := &world.Connected{Live: &world.Live{Objects: map[object.Ref]world.Observed{}}, Cluster: cluster}
	if err := readLists(ctx, l, refs, "m"); err != nil {
		t.Fatal(err)
	}
	got := map[string]bool{}
	for ref, it := range refs {
		live := l.Object(ref).Object["data"]
		got[ref.Name] = reflect.ValueOf(live).UnsafePointer() == reflect.ValueOf(it.Object.Object["data"]).UnsafePointer()
	}
	if diff := cmp.Diff(map[string]bool{"as-wanted": true, "changed": false}, got); diff != "" {
		t.Errorf("whose data is the wanted one (-want +got):\n%s", diff)
	}
}
