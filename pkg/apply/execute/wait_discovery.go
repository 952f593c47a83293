package execute

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/setup-mesh/setup-mesh/pkg/apply/check"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/observe"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
	"github.com/setup-mesh/setup-mesh/pkg/apply/world"
)

// waitDiscovery waits until every istiod of c reads exactly the clusters that
// it should. The error of one that does not get there says at which addresses
// it tries.
func waitDiscovery(ctx context.Context, l *world.Connected, p *plan.Plan, c *plan.Cluster, r *reporter) error {
	reads, renewed := p.Discovers(c), time.Now()
	return waitIstiods(ctx, l, "discover the other clusters", observe.More{}, r, func(views []observe.IstiodView) (reason, hint string) {
		missing := observe.Undiscovered(c.Name, reads, c.Reads, views)
		if len(missing) > 0 {
			renewed = time.Now()
		} else if p.Renews() && time.Since(renewed) < settleTime {
			return "its istiods take the new tokens", ""
		}
		for _, name := range object.SortedKeys(missing) {
			hint = cmp.Or(hint, check.ReachHint(p.World, c, name, views))
		}
		return listReasons(missing), hint
	})
}

// waitGatewayKnown waits until every istiod of a cluster knows all addresses of the
// gateway of peer and, if alone, sends nowhere else.
func waitGatewayKnown(ctx context.Context, l *world.Connected, c, peer *plan.Cluster, alone bool, r *reporter) error {
	switch reach := peer.Live.Reach; {
	case reach.Err != nil:
		return reach.Err
	case len(reach.Hosts) == 0:
		return nowhere(peer, reach)
	}
	judge := check.GatewayUnknown
	if alone {
		judge = check.GatewayUnlike
	}
	what := "learn where the gateway of " + peer.Name + " is"
	return waitIstiods(ctx, l, what, observe.More{Gateways: true}, r, func(views []observe.IstiodView) (reason, hint string) {
		if len(views) == 0 {
			return "no istiod runs", "kubectl --context " + c.Context + " -n " + c.Namespace + " describe deployment " + object.IstiodService
		}
		for _, v := range views {
			if v.GatewaysErr != nil {
				reason = fmt.Sprintf("%s did not say where it sends: %v", v.Pod, v.GatewaysErr)
			} else if why := judge(peer, v.Gateways); why != "" {
				reason = fmt.Sprintf("%s does not send to the gateway of %s: %s", v.Pod, peer.Name, why)
			}
		}
		return reason, check.ForgetfulHint(c)
	})
}

// waitIstiods asks the istiods at l until judge, which is told what all that run say, has
// no reason left to wait. The last reason and its hint are in the error when ctx ends
// first.
func waitIstiods(ctx context.Context, l *world.Connected, what string, more observe.More, r *reporter, judge func([]observe.IstiodView) (reason, hint string)) error {
	reason, hint := "", ""
	err := wait.PollUntilContextCancel(ctx, probeInterval, true, func(ctx context.Context) (bool, error) {
		pods, err := observe.ReadPods(ctx, l)
		if class := object.ClassOf(err); class == object.Forbidden || class == object.Unauthorized {
			return false, err
		}
		now := ""
		if err != nil {
			now, hint = err.Error(), ""
		} else {
			now, hint = judge(observe.AskIstiods(ctx, l, pods, more))
		}
		if now != reason {
			reason = now
			r.waiting(reason)
		}
		return now == "", nil
	})
	if ctx.Err() != nil {
		return &object.Error{
			Class: object.Timeout, Context: l.Context, Op: what, Message: reason, Hint: hint, Err: context.Cause(ctx),
		}
	}
	return err
}

func listReasons(missing map[string]string) string {
	var out []string
	for _, name := range object.SortedKeys(missing) {
		out = append(out, name+": "+missing[name])
	}
	return strings.Join(out, "; ")
}
