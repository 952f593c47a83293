package execute

import (
	"context"
	"fmt"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/setup-mesh/setup-mesh/pkg/apply/check"
	"github.com/setup-mesh/setup-mesh/pkg/apply/desired"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/observe"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
	"github.com/setup-mesh/setup-mesh/pkg/apply/world"
)

// changes carries out changes of one cluster, as many at once as there are
// slots. It goes on after a failure, and returns the first.
func (x *execution) changes(ctx context.Context, c *plan.Cluster, all []plan.Change, r *reporter) error {
	var g errgroup.Group
	for _, ch := range all {
		if err := x.slots.Acquire(ctx, 1); err != nil {
			_ = g.Wait() // ctx ended; that is the reason
			return context.Cause(ctx)
		}
		g.Go(func() error {
			defer x.slots.Release(1)
			if err := x.held(c.Name); err != nil {
				return err
			}
			// What is under way is finished, also when the user interrupts.
			uid, err := x.change(context.WithoutCancel(ctx), c, ch)
			if err != nil {
				return err
			}
			x.finished(c.Name, ch.Object, uid)
			r.advance()
			return nil
		})
	}
	return g.Wait()
}

// change carries out one change, and returns the UID of what was applied.
func (x *execution) change(ctx context.Context, c *plan.Cluster, ch plan.Change) (types.UID, error) {
	l := x.at(c)
	live := l.Object(ch.Object)
	switch {
	case ch.Action == plan.Delete:
		if err := x.unused(ctx, l, ch); err != nil {
			return "", err
		}
		// A workload stays visible until its pods are gone, and is waited for.
		return "", l.Cluster.Delete(ctx, ch.Object, object.DeleteOptions{UID: ch.UID, Foreground: desired.Workloads[ch.Object.Kind]})
	case ch.LetGo && ch.Object.Kind == "Service":
		return "", l.Cluster.LetGo(ctx, ch.Object, ch.UID, object.LabelMesh, object.AnnotationSharedFrom)
	case ch.LetGo: // gives up the fields that we own of an object that stays, and makes none that is gone
		bare := object.New(live.GetAPIVersion(), live.GetKind(), live.GetNamespace(), live.GetName(), map[string]any{"uid": ch.UID}, nil)
		_, err := l.Cluster.Apply(ctx, bare, object.ApplyOptions{})
		return "", err
	}
	o, err := x.complete(ctx, ch, live)
	if err != nil {
		return "", err
	}
	if ch.Replace {
		if err := l.Cluster.Delete(ctx, ch.Object, object.DeleteOptions{UID: ch.UID}); err != nil {
			return "", err
		}
	}
	// Drift in what is ours is set back; a namespace that is not stays as it
	// is, and says so by a conflict, unless it may be adopted.
	force := live != nil && (object.Ours(live) || ch.Object.Kind != "Namespace" || x.plan.Options.Adopt)
	applied, err := put(ctx, l, x.plan.Cluster(l.Name), o, object.ApplyOptions{Force: force})
	if err != nil {
		return "", err
	}
	if ch.Part == order.Service && plan.HasSelector(live) && !plan.HasSelector(o) {
		return applied.GetUID(), dropOwnEndpoints(ctx, l)
	}
	return applied.GetUID(), nil
}

// unused refuses to delete a namespace or a CRD if somebody has put something there
// since the plan was made: it would go too.
func (x *execution) unused(ctx context.Context, l *world.Connected, ch plan.Change) error {
	var others []object.Ref
	switch {
	case ch.Object.Kind == "Namespace":
		now := observe.ReadSpaces(ctx, l, []string{ch.Object.Name})
		if now.Err != nil {
			return now.Err
		}
		others = now.Foreign[ch.Object.Name]
	case object.IsCRD(ch.Object) && (!x.plan.Options.CRDs || object.IsGatewayAPI(ch.Object)):
		list, err := l.Cluster.List(ctx, observe.ServedKind(l.Object(ch.Object)), "", "")
		if err != nil && !object.Absent(err) {
			return err
		}
		for _, o := range list {
			if !object.Ours(o) {
				others = append(others, object.RefOf(o))
			}
		}
	}
	if len(others) > 0 {
		return &StaleError{Cluster: l.Name, Why: fmt.Sprintf("%s was not used when the plan was made, and now %s", ch.Object, check.CountRefs(others))}
	}
	return nil
}

// complete returns the object to apply for ch: what is known of it, and its
// late content, minted or kept.
func (x *execution) complete(ctx context.Context, ch plan.Change, live *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	if !ch.Mint {
		return desired.WantedObject(ch.Item, live), nil
	}
	c, err := ch.Item.Late.Mint(ctx, x.minter())
	if err != nil {
		return nil, fmt.Errorf("mint the content of %s: %w", ch.Object, err)
	}
	if c.Sends != "" && ch.Sends != "" && c.Sends != ch.Sends {
		return nil, &StaleError{Cluster: ch.Item.Late.Source(), Why: fmt.Sprintf("its gateway was at %s when the plan was made, and is at %s now", ch.Sends, c.Sends)}
	}
	if !c.Token.Expires.IsZero() {
		x.granted(ch.Item.Late.Source(), c.Token)
	}
	return c.Put(ch.Item.Object), nil
}

// minter is what minting needs in this run.
func (x *execution) minter() desired.Minter {
	return desired.Minter{World: x.plan.World, Clients: x.clients, UID: x.uid, CAs: &x.cas, Random: x.options.Random, Now: x.options.Now}
}

// granted takes note of a token of the cluster source.
func (x *execution) granted(source string, v desired.Validity) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if first, ok := x.tokens[source]; !ok || v.Expires.Before(first.Expires) {
		x.tokens[source] = v
	}
}
