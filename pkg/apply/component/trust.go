package component

import (
	"github.com/setup-mesh/setup-mesh/pkg/apply/desired"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
)

// trust is the certificate of a cluster: the intermediate with which its istiod
// signs. A remote cluster has none.
func trust() Component {
	return Component{
		title: order.Certificate,
		wants: func(w *desired.Wants) {
			c, ns := w.Cluster, w.Cluster.Member.Namespace
			w.Add(order.Subject{Component: order.Certificate, Part: order.Trust}, object.New("v1", "Secret", ns, object.Cacerts, nil, nil), &desired.Intermediate{
				Root: w.Desired.Root, ID: w.Desired.Identity(c.Member), Issued: w.Desired.Issued[c.Member.Name],
			})
		},
		ends:   replaced,
		Checks: trustChecks(),
	}
}
