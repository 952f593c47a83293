package desired

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
)

// Wants collects the objects of a cluster that no chart renders.
type Wants struct {
	Desired *Desired
	Cluster *Cluster
	Err     error // the first
}

// Add wants o, with content that an apply makes if late is not nil.
func (w *Wants) Add(about order.Subject, o *unstructured.Unstructured, late Late) {
	it, err := NewItem(about, w.Desired.MeshID, o, late)
	if err != nil && w.Err == nil {
		w.Err = err
	}
	if err == nil {
		w.Cluster.Items = append(w.Cluster.Items, it)
	}
}
