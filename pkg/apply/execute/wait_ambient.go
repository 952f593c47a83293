package execute

import (
	"context"
	"fmt"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/setup-mesh/setup-mesh/pkg/apply/desired"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
	"github.com/setup-mesh/setup-mesh/pkg/apply/world"
)

// waitNodes waits until what enrolled pods need runs on every node.
func waitNodes(ctx context.Context, l *world.Connected, c *plan.Cluster, r *reporter) error {
	g, ctx := errgroup.WithContext(ctx)
	for _, it := range c.DaemonSets() {
		g.Go(func() error { return waitReady(ctx, l, it.Ref, r) })
	}
	return g.Wait()
}

// program makes or changes an ambient gateway that istiods of other clusters are not to find
// yet, and waits until they may.
func (x *execution) program(ctx context.Context, c *plan.Cluster, r *reporter) error {
	l := x.at(c)
	if ch := c.Introduces(); ch != nil {
		if err := x.held(c.Name); err != nil {
			return err
		}
		// What is under way is finished, also when the user interrupts.
		if _, err := put(context.WithoutCancel(ctx), l, c, desired.Unfound(ch.Item.Object), object.ApplyOptions{Force: l.Object(ch.Object) != nil}); err != nil {
			return err
		}
	}
	return waitProgrammed(ctx, l, c, r)
}

// waitProgrammed waits until the ambient gateway is reached where it says. The workload and
// the Service are istiod's; a Service that cannot be reached from outside is an error. The
// error of one that has no address carries the Service's last event.
func waitProgrammed(ctx context.Context, l *world.Connected, c *plan.Cluster, r *reporter) error {
	ref, service := object.AmbientGatewayRef(c.Namespace), object.AmbientGatewayServiceRef(c.Namespace)
	err := pollEvery(ctx, resolveInterval, r, func(ctx context.Context) (string, error) {
		gateway, err := whole(l.Cluster.Get(ctx, ref))
		if err != nil {
			return "", err
		}
		behind, err := whole(l.Cluster.Get(ctx, service))
		if err != nil {
			return "", err
		}
		state := world.AmbientGatewayState(gateway, behind, len(l.Address.Addresses) > 0)
		if state.Never {
			return "", &object.Error{
				Class: object.Invalid, Context: c.Context, Op: "find the address of", Ref: service, Message: state.Waits, Hint: state.Remedy(l.Live),
			}
		}
		return state.Waits, nil
	})
	if err != nil {
		return fmt.Errorf("%w%s", err, lastEvent(context.WithoutCancel(ctx), l, service))
	}
	return waitReady(ctx, l, object.AmbientWorkloadRef(c.Namespace), r)
}

// whole is what was read, nil for what is not there. What is asked again anyway is an error
// only if asking does not help.
func whole(o *unstructured.Unstructured, err error) (*unstructured.Unstructured, error) {
	switch object.ClassOf(err) {
	case object.Forbidden, object.Unauthorized:
		return nil, err
	}
	if err != nil {
		return nil, nil //nolint:nilerr // it is waited for, and looked at again
	}
	return o, nil
}
