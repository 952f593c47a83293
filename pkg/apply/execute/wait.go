package execute

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/setup-mesh/setup-mesh/pkg/apply/desired"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/observe"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
	"github.com/setup-mesh/setup-mesh/pkg/apply/world"
)

// probeInterval is the time between two questions where nothing can be watched.
const probeInterval = 150 * time.Millisecond

// poll is [pollEvery] of [probeInterval].
func poll(ctx context.Context, r *reporter, ask func(ctx context.Context) (reason string, err error)) error {
	return pollEvery(ctx, probeInterval, r, ask)
}

// pollEvery asks until there is no reason to wait left, or an error that waiting
// longer does not change. The reason goes to r, and into the error when ctx ends
// first.
func pollEvery(ctx context.Context, every time.Duration, r *reporter, ask func(ctx context.Context) (reason string, err error)) error {
	reason := ""
	err := wait.PollUntilContextCancel(ctx, every, true, func(ctx context.Context) (bool, error) {
		now, err := ask(ctx)
		if err != nil {
			return false, err
		}
		if now != reason {
			reason = now
			r.waiting(reason)
		}
		return now == "", nil
	})
	if ctx.Err() != nil && reason != "" {
		return fmt.Errorf("%s: %w", reason, context.Cause(ctx))
	}
	return err
}

// waitFor waits until cond holds for the object at ref; reasons go to r, and
// the last one into the error when ctx ends first.
func waitFor(ctx context.Context, l *world.Connected, ref object.Ref, r *reporter, cond func(*unstructured.Unstructured) (bool, string)) error {
	last := ""
	return l.Cluster.Wait(ctx, ref, func(o *unstructured.Unstructured) (bool, string) {
		done, reason := cond(o)
		if !done && reason != "" && reason != last {
			last = reason
			r.waiting(reason)
		}
		return done, reason
	})
}

// waitAbsent waits until an object that was deleted is gone.
func waitAbsent(ctx context.Context, l *world.Connected, ref object.Ref, r *reporter) error {
	return waitFor(ctx, l, ref, r, func(o *unstructured.Unstructured) (bool, string) {
		if o == nil {
			return true, ""
		}
		return false, fmt.Sprintf("%s is being deleted%s", ref, holders(o))
	})
}

// holders says what keeps an object from going away.
func holders(o *unstructured.Unstructured) string {
	var why []string
	if f := o.GetFinalizers(); len(f) > 0 {
		why = append(why, "finalizers "+strings.Join(f, ", "))
	}
	conditions, _, _ := unstructured.NestedSlice(o.Object, "status", "conditions")
	for _, c := range conditions {
		m, _ := c.(map[string]any)
		if t, _ := m["type"].(string); m["status"] == "True" && strings.HasPrefix(t, "Namespace") {
			why = append(why, fmt.Sprint(m["message"]))
		}
	}
	if len(why) == 0 {
		return ""
	}
	return ": " + strings.Join(why, "; ")
}

// waitIstiod waits until istiod runs, and its validation webhook refuses what
// istiod itself uses as the probe of it; where values turn validation off there
// is no webhook to wait for.
func waitIstiod(ctx context.Context, l *world.Connected, c *plan.Cluster, r *reporter) error {
	if err := waitReady(ctx, l, object.IstiodRef(l.Namespace), r); err != nil {
		return err
	}
	if c.Removing(order.Endpoints) { // it was a remote cluster, and others stand behind the Service
		if err := waitOwnEndpoints(ctx, l, r); err != nil {
			return err
		}
	}
	ref := object.ValidatorRef(l.Namespace)
	if !c.Wants(ref) {
		return nil
	}
	if err := waitFor(ctx, l, ref, r, func(o *unstructured.Unstructured) (bool, string) {
		return webhookFilled(o), "istiod: waiting for the CA of its webhook"
	}); err != nil {
		return err
	}
	return waitProbe(ctx, l, r)
}

func webhookFilled(o *unstructured.Unstructured) bool {
	if o == nil {
		return false
	}
	hooks, _, _ := unstructured.NestedSlice(o.Object, "webhooks")
	for _, h := range hooks {
		m, _ := h.(map[string]any)
		if ca, _, _ := unstructured.NestedString(m, "clientConfig", "caBundle"); ca == "" {
			return false
		}
	}
	return len(hooks) > 0
}

// waitProbe waits until istiod's validation refuses the probe. Nothing can be
// watched for that: the API server calls the webhook when somebody writes.
func waitProbe(ctx context.Context, l *world.Connected, r *reporter) error {
	return poll(ctx, r, func(ctx context.Context) (string, error) {
		_, err := l.Cluster.Try(ctx, desired.ProbeGateway(l.Namespace))
		switch object.ClassOf(err) {
		case object.Denied:
			return "", nil
		case object.Forbidden, object.Unauthorized:
			return "", err
		}
		if err == nil {
			return "istiod: its webhook does not validate yet", nil
		}
		return "istiod: waiting for its webhook", nil
	})
}

// waitGateway waits until the east-west gateway has an address, one that can be
// resolved where remote clusters need it, and runs. The error of one that has
// none carries the Service's last event.
func waitGateway(ctx context.Context, l *world.Connected, c *plan.Cluster, r *reporter) error {
	ref := object.GatewayServiceRef(c.Namespace)
	var service *unstructured.Unstructured
	err := waitFor(ctx, l, ref, r, func(o *unstructured.Unstructured) (bool, string) {
		if service = o; o == nil {
			return false, fmt.Sprintf("%s does not exist", ref)
		}
		reach := world.ReachOf(o, l.Address, nil)
		pending := len(reach.Hosts) == 0 && world.NodeSelector(o) == nil && reach.Nowhere == ""
		return !pending, fmt.Sprintf("%s has no address yet", ref)
	})
	if err != nil {
		return fmt.Errorf("%w%s", err, lastEvent(context.WithoutCancel(ctx), l, ref))
	}
	if err := waitReach(ctx, l, c, service, r); err != nil {
		return err
	}
	ref.Group, ref.Kind = "apps", "Deployment"
	return waitReady(ctx, l, ref, r)
}

// resolveInterval is the time between two questions to a name server.
const resolveInterval = time.Second

// waitReach waits until the gateway's host names have addresses: a cloud takes
// minutes to publish a new one. An address that there never will be is an error.
func waitReach(ctx context.Context, l *world.Connected, c *plan.Cluster, service *unstructured.Unstructured, r *reporter) error {
	var reach world.Reach
	err := wait.PollUntilContextCancel(ctx, resolveInterval, true, func(ctx context.Context) (bool, error) {
		reach = l.GatewayReach(ctx, service)
		class := object.ClassOf(reach.Err)
		switch {
		case class == object.Forbidden, class == object.Unauthorized:
			return false, reach.Err
		case reach.Err != nil:
			r.waiting(reach.Err.Error())
			return false, nil
		case len(reach.Hosts) == 0:
			return false, nowhere(c, reach)
		}
		return true, nil
	})
	if ctx.Err() != nil && reach.Err != nil {
		return fmt.Errorf("%w: %w", reach.Err, context.Cause(ctx))
	}
	return err
}

// nowhere is the error about a gateway that nobody outside can reach.
func nowhere(c *plan.Cluster, reach world.Reach) error {
	return &object.Error{
		Class: object.Invalid, Context: c.Context, Op: "find the address of", Ref: object.GatewayServiceRef(c.Namespace),
		Message: cmp.Or(reach.Nowhere, "none of the nodes that its annotation selects has an address of type ExternalIP"),
		Hint:    "set contexts." + c.Context + ".gateway.addresses to those at which other clusters reach it",
	}
}

// lastEvent quotes the newest event about ref.
func lastEvent(ctx context.Context, l *world.Connected, ref object.Ref) string {
	message := observe.LastEvent(ctx, l, ref)
	if message == "" {
		return "; no event says why"
	}
	return fmt.Sprintf("; last event: %q", message)
}
