package execute

import (
	"context"
	"fmt"

	"github.com/setup-mesh/setup-mesh/pkg/apply/check"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/observe"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
	"github.com/setup-mesh/setup-mesh/pkg/apply/world"
	"github.com/setup-mesh/setup-mesh/pkg/certs"
)

// nodesTrust says which proxies of nodes of c may not know an istiod by root: those that were
// started before their namespace was given it. They do not say by which roots they know it,
// and older ones read these once.
// https://github.com/istio/ztunnel/pull/1775
func nodesTrust(ctx context.Context, l *world.Connected, c *plan.Cluster, root *certs.Root) (string, error) {
	for _, it := range c.DaemonSets() {
		if it.Part != order.NodeProxies {
			continue
		}
		given, err := observe.ReadGiven(ctx, l, it.Ref.Namespace)
		if err != nil {
			return "", err
		}
		if why := untold(c, given, root); why != "" {
			return why, nil
		}
	}
	return "", nil
}

func untold(c *plan.Cluster, given observe.Given, root *certs.Root) string {
	why, remedy, more := "", "", 0
	for _, p := range given.Pods {
		switch {
		case !root.In([]byte(given.PEM)):
			return fmt.Sprintf("namespace %s is not given root %s yet", p.Pod.Namespace, root.Short())
		case p.At.After(given.Since):
		case why != "":
			more++
		default:
			why = fmt.Sprintf("ztunnel %s/%s was started before root %s was there", p.Pod.Namespace, p.Pod.Name, root.Short())
			remedy = restart(c, p.Owner)
		}
	}
	if more > 0 {
		why += fmt.Sprintf(", and %d more", more)
	}
	return why + remedy
}

// restart is what ends what a proxy has until it is started again, in words that follow the
// reason.
func restart(c *plan.Cluster, owner object.Ref) string {
	if owner.Kind != "DaemonSet" {
		return ""
	}
	return ": " + check.Restart(c.Context, owner)
}
