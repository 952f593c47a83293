package record

import (
	"encoding/json"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
)

const (
	recordName = "setup-mesh"
	recordKey  = "record.json"
	// RecordFormat is the version of a [Record]'s JSON.
	RecordFormat = "setup-mesh.io/record/v1"
)

// A Record is what a member remembers of the mesh. It holds no secret.
type Record struct {
	Format   string         `json:"format"`
	Mesh     string         `json:"mesh"`
	Cluster  string         `json:"cluster"` // the member that holds this record
	Members  []Member       `json:"members"` // all of the mesh, this one among them
	Manifest map[string]any `json:"manifest,omitempty"`
	Objects  []Recorded     `json:"objects"` // sorted by [object.CompareRefs]
}

// Label is on every record, and on everything that we make.
const Label = object.LabelMesh

// Recorded is an object that we put into the cluster, or were about to.
type Recorded struct {
	object.Ref
	order.Subject
	// Hash is the [desired.Item]'s when it was last applied to its end, "" while it is
	// not known to have been.
	Hash string `json:"hash,omitempty"`
	// SetBack are the field managers whose changes to the object applies have
	// undone since its Hash is what it is; sorted.
	SetBack []string `json:"setBack,omitempty"`
}

// Ref is the ConfigMap that holds the record of a cluster whose Istio is in
// namespace.
func Ref(namespace string) object.Ref {
	return object.Ref{Kind: "ConfigMap", Namespace: namespace, Name: recordName}
}

// Parse reads the ConfigMap that holds a record.
func Parse(o *unstructured.Unstructured) (*Record, error) {
	text, _, err := unstructured.NestedString(o.Object, "data", recordKey)
	if err != nil {
		return nil, fmt.Errorf("read the record in ConfigMap %s/%s: %w", o.GetNamespace(), o.GetName(), err)
	}
	var r Record
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		return nil, fmt.Errorf("read the record in ConfigMap %s/%s: %w", o.GetNamespace(), o.GetName(), err)
	}
	if r.Format != RecordFormat {
		return nil, fmt.Errorf("read the record in ConfigMap %s/%s: its format is %q, and this setup-mesh reads %q",
			o.GetNamespace(), o.GetName(), r.Format, RecordFormat)
	}
	r.Sort()
	return &r, nil
}

// Sort puts the objects of r in their order, in place.
func (r *Record) Sort() {
	slices.SortFunc(r.Objects, func(a, b Recorded) int { return object.CompareRefs(a.Ref, b.Ref) })
}

// Object is the ConfigMap that holds r, the objects of which it sorts in place.
func (r *Record) Object(namespace string) (*unstructured.Unstructured, error) {
	r.Sort()
	b, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("encode the record of %s: %w", r.Cluster, err)
	}
	return object.New("v1", "ConfigMap", namespace, recordName,
		map[string]any{"labels": map[string]any{object.LabelMesh: r.Mesh}},
		map[string]any{"data": map[string]any{recordKey: string(b)}}), nil
}

// Hash is what was last applied of ref, "" when that is not known.
func (r *Record) Hash(ref object.Ref) string { return r.Of(ref).Hash }

// Of is what is recorded of ref, zero for nothing.
func (r *Record) Of(ref object.Ref) Recorded {
	if r == nil {
		return Recorded{}
	}
	i, there := slices.BinarySearchFunc(r.Objects, ref, func(o Recorded, ref object.Ref) int { return object.CompareRefs(o.Ref, ref) })
	if !there {
		return Recorded{}
	}
	return r.Objects[i]
}
