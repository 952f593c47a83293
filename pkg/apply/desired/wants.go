package desired

import (
	"cmp"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
)

// Wants collects the objects of a cluster that no chart renders.
type Wants struct {
	Desired *Desired
	Cluster *Cluster
	Err     error // the first
}

// AddWhereNone wants o unless there is one that keeps says somebody has.
func (w *Wants) AddWhereNone(about order.Subject, o *unstructured.Unstructured, keeps func(want, live *unstructured.Unstructured) string) {
	it, err := NewItem(about, w.Desired.MeshID, o, nil)
	if err != nil {
		w.Err = cmp.Or(w.Err, err)
		return
	}
	it.Keeps = keeps
	w.Cluster.Items = append(w.Cluster.Items, it)
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
