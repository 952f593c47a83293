package execute

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/observe"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
	"github.com/setup-mesh/setup-mesh/pkg/apply/world"
)

// waitServed waits until a cluster is served, by its own istiod or by its primaries: its
// webhook has their CA, its pods get the root certificate, and its API server reaches
// them to have pods injected.
// https://istio.io/latest/docs/setup/install/multicluster/primary-remote/
func waitServed(ctx context.Context, l *world.Connected, c *plan.Cluster, r *reporter) error {
	who := injectors(c)
	if err := waitFor(ctx, l, object.RootConfigMapRef(l.Namespace), r, func(o *unstructured.Unstructured) (bool, string) {
		return o != nil, "root certificate: waiting for " + who + " to write it"
	}); err != nil {
		return err
	}
	if ref := object.InjectorRef(l.Namespace); c.Wants(ref) {
		if err := waitFor(ctx, l, ref, r, func(o *unstructured.Unstructured) (bool, string) {
			return webhookFilled(o), "injection webhook: waiting for " + who + " to fill in its CA"
		}); err != nil {
			return err
		}
		return waitInjection(ctx, l, c, r)
	}
	return nil
}

// injectors are who injects the pods of c.
func injectors(c *plan.Cluster) string {
	if c.Remote() {
		return strings.Join(c.Primaries, ", ")
	}
	return "istiod"
}

// waitInjection waits until a pod would be injected. Nothing can be watched for
// that: the API server calls the webhook when somebody makes a pod.
func waitInjection(ctx context.Context, l *world.Connected, c *plan.Cluster, r *reporter) error {
	return pollInjection(ctx, l, observe.ProbePod(c.Namespace, c.ProbeAccount()), "injection by "+injectors(c), r)
}

func pollInjection(ctx context.Context, l *world.Connected, pod *unstructured.Unstructured, what string, r *reporter) error {
	return poll(ctx, r, func(ctx context.Context) (string, error) {
		err := observe.TryInjection(ctx, l, pod)
		switch {
		case err == nil:
			return "", nil
		case errors.Is(err, observe.ErrNotTried):
			return "", err
		case errors.Is(err, observe.ErrNotInjected):
			return fmt.Sprintf("%s: %v: is it labelled istio-injection=disabled, or istio.io/rev?", what, err), nil
		}
		return what + ": " + err.Error(), nil
	})
}
