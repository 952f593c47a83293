package record

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
)

func TestRecordRoundTrip(t *testing.T) {
	in := &Record{
		Format: RecordFormat, Mesh: "m", Cluster: "a",
		Members:  []Member{{Name: "a", Context: "arn:aws:eks:a/b", UID: "1", Network: "n", Namespace: "istio-system", Role: RolePrimary}, {Name: "b"}},
		Manifest: map[string]any{"profile": "default", "values": map[string]any{"pilot": map[string]any{"traceSampling": 1.5}}},
		Objects:  []Recorded{{Ref: object.Ref{Kind: "ConfigMap", Namespace: "istio-system", Name: "b"}, Subject: order.Subject{Component: order.RemoteAccess, Part: order.Grant, Peer: "b"}}, {Ref: object.Ref{Kind: "ConfigMap", Namespace: "istio-system", Name: "a"}, Subject: order.Subject{Component: order.ControlPlane, Part: order.Config}, Hash: "h"}},
	}
	o, err := in.Object("istio-system")
	if err != nil {
		t.Fatal(err)
	}
	if object.RefOf(o) != Ref("istio-system") || o.GetLabels()[object.LabelMesh] != "m" {
		t.Errorf("the record is %s with labels %v", object.RefOf(o), o.GetLabels())
	}
	out, err := Parse(o)
	if err != nil {
		t.Fatal(err)
	}
	if out.Objects[0].Name != "a" {
		t.Errorf("objects are not sorted: %v", out.Objects)
	}
	if diff := cmp.Diff(in, out); diff != "" {
		t.Errorf("after a round trip (-want +got):\n%s", diff)
	}
	again, err := out.Object("istio-system")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(o, again); diff != "" {
		t.Errorf("written again (-want +got):\n%s", diff)
	}
}

func recordText(text string) *unstructured.Unstructured {
	return object.New("v1", "ConfigMap", "ns", "setup-mesh", nil, map[string]any{"data": map[string]any{recordKey: text}})
}

func TestParseRecordErrors(t *testing.T) {
	tests := map[string]struct {
		in      *unstructured.Unstructured
		wantErr string
	}{
		"no data":       {object.New("v1", "ConfigMap", "ns", "setup-mesh", nil, nil), "read the record in ConfigMap ns/setup-mesh: unexpected end of JSON input"},
		"data no map":   {object.New("v1", "ConfigMap", "ns", "setup-mesh", nil, map[string]any{"data": "x"}), `read the record in ConfigMap ns/setup-mesh: .data.record.json accessor error: x is of the type string, expected map[string]interface{}`},
		"no JSON":       {recordText("{"), "read the record in ConfigMap ns/setup-mesh: unexpected end of JSON input"},
		"of the future": {recordText(`{"format": "setup-mesh.io/record/v2"}`), `read the record in ConfigMap ns/setup-mesh: its format is "setup-mesh.io/record/v2", and this setup-mesh reads "setup-mesh.io/record/v1"`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r, err := Parse(tt.in)
			if err == nil || err.Error() != tt.wantErr || r != nil {
				t.Errorf("got %v, %v\nwant %s", r, err, tt.wantErr)
			}
		})
	}
}

// A record is searched as a sorted list, in whatever order somebody has stored it.
func TestOf(t *testing.T) {
	r, err := Parse(recordText(`{"format": "setup-mesh.io/record/v1", "objects": [
		{"kind": "Secret", "namespace": "ns", "name": "b", "hash": "2"}, {"kind": "Secret", "namespace": "ns", "name": "a", "hash": "1"},
		{"group": "apps", "kind": "Deployment", "namespace": "ns", "name": "a", "hash": "3"}, {"kind": "Namespace", "name": "ns", "hash": "4"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	var nothing *Record
	got := []string{
		r.Hash(object.SecretRef("ns", "a")), r.Hash(object.SecretRef("ns", "b")), r.Hash(object.Ref{Group: "apps", Kind: "Deployment", Namespace: "ns", Name: "a"}),
		r.Hash(object.NamespaceRef("ns")), r.Hash(object.SecretRef("ns", "c")), nothing.Hash(object.SecretRef("ns", "a")),
	}
	if diff := cmp.Diff([]string{"1", "2", "3", "4", "", ""}, got); diff != "" {
		t.Errorf("hashes (-want +got):\n%s", diff)
	}
}
