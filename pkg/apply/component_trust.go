package apply

import (
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
)

// trust is the certificate of a cluster: the intermediate with which its istiod
// signs. A remote cluster has none.
func trust() component {
	return component{
		title: order.Certificate,
		wants: func(w *wants) {
			c, ns := w.cluster, w.cluster.Member.Namespace
			w.add(order.Subject{Component: order.Certificate, Part: order.Trust}, object.New("v1", "Secret", ns, object.Cacerts, nil, nil), &intermediate{
				root: w.desired.Root, id: w.desired.identity(c.Member),
			})
		},
		ends:   replaced,
		checks: trustChecks(),
	}
}
