package apply

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
)

// wants collects the objects of a cluster that no chart renders.
type wants struct {
	desired *Desired
	cluster *DesiredCluster
	err     error // the first
}

func (w *wants) add(about order.Subject, o *unstructured.Unstructured, late Late) {
	it, err := newItem(about, w.desired.MeshID, o, late)
	if err != nil && w.err == nil {
		w.err = err
	}
	if err == nil {
		w.cluster.Items = append(w.cluster.Items, it)
	}
}
