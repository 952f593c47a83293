package execute

import (
	"context"
	"errors"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/observe"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
	"github.com/setup-mesh/setup-mesh/pkg/apply/world"
)

// established is how long an API server may take until it has the kind of a CRD that was
// applied: mostly it takes less than a second.
const established = 30 * time.Second

// put applies an object of c. Where its CRD is one of the plan, it was applied before, and is
// waited for.
func put(ctx context.Context, l *world.Connected, c *plan.Cluster, o *unstructured.Unstructured, options object.ApplyOptions) (*unstructured.Unstructured, error) {
	applied, err := l.Cluster.Apply(ctx, o, options)
	if !errors.Is(err, object.ErrNoKind) || !defines(c, object.RefOf(o).GroupKind()) {
		return applied, err
	}
	waiting, end := context.WithTimeout(ctx, established)
	defer end()
	_ = wait.PollUntilContextCancel(waiting, probeInterval, false, func(context.Context) (bool, error) {
		applied, err = l.Cluster.Apply(ctx, o, options)
		return !errors.Is(err, object.ErrNoKind), nil
	}) // what the server said last counts
	return applied, err
}

// defines says whether the CRD of a kind is one of the plan.
func defines(c *plan.Cluster, kind schema.GroupKind) bool {
	return slices.ContainsFunc(c.Changes, func(ch plan.Change) bool {
		return object.IsCRD(ch.Object) && ch.Item != nil && observe.ServedKind(ch.Item.Object) == kind
	})
}
