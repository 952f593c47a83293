package execute

import (
	"cmp"
	"context"
	"strings"

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
	reads := p.Discovers(c)
	reason, hint := "", ""
	err := wait.PollUntilContextCancel(ctx, probeInterval, true, func(ctx context.Context) (bool, error) {
		pods, err := observe.ReadPods(ctx, l)
		if class := object.ClassOf(err); class == object.Forbidden || class == object.Unauthorized {
			return false, err
		}
		now := ""
		views := observe.AskIstiods(ctx, l, pods, observe.More{})
		if err != nil {
			now = err.Error()
		} else if missing := observe.Undiscovered(c.Name, reads, c.Reads, views); len(missing) > 0 {
			now, hint = listReasons(missing), ""
			for _, name := range object.SortedKeys(missing) {
				hint = cmp.Or(hint, check.ReachHint(p.World, c, name, views))
			}
		}
		if now != reason {
			reason = now
			r.waiting(reason)
		}
		return now == "", nil
	})
	if ctx.Err() != nil {
		return &object.Error{
			Class: object.Timeout, Context: c.Context, Op: "discover the other clusters", Message: reason, Hint: hint, Err: context.Cause(ctx),
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
