package apply

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

// waitServed waits until the primaries of a remote cluster do for it what a
// control plane of its own would: its webhook has their CA, its pods get the
// root certificate, and its API server reaches them to have pods injected.
// https://istio.io/latest/docs/setup/install/multicluster/primary-remote/
func waitServed(ctx context.Context, l *connected, c *ClusterPlan, r *reporter) error {
	who := strings.Join(c.Primaries, ", ")
	if err := waitFor(ctx, l, rootConfigMapRef(l.Namespace), r, func(o *unstructured.Unstructured) (bool, string) {
		return o != nil, "root certificate: waiting for " + who + " to write it"
	}); err != nil {
		return err
	}
	if ref := injectorRef(l.Namespace); c.wants(ref) {
		if err := waitFor(ctx, l, ref, r, func(o *unstructured.Unstructured) (bool, string) {
			return webhookFilled(o), "injection webhook: waiting for " + who + " to fill in its CA"
		}); err != nil {
			return err
		}
		return waitInjection(ctx, l, c, r)
	}
	return nil
}

// waitInjection waits until a pod would be injected. Nothing can be watched for
// that: the API server calls the webhook when somebody makes a pod.
func waitInjection(ctx context.Context, l *connected, c *ClusterPlan, r *reporter) error {
	return pollInjection(ctx, l, probePod(c.Namespace, c.probeAccount()), "injection by "+strings.Join(c.Primaries, ", "), r)
}

func pollInjection(ctx context.Context, l *connected, pod *unstructured.Unstructured, what string, r *reporter) error {
	return poll(ctx, r, func(ctx context.Context) (string, error) {
		err := tryInjection(ctx, l, pod)
		switch {
		case err == nil:
			return "", nil
		case errors.Is(err, errNotTried):
			return "", err
		}
		return what + ": " + err.Error(), nil
	})
}

// errNotTried is wrapped where it is not known whether pods are injected.
var errNotTried = errors.New("whether pods are injected could not be tried")

// tryInjection says why the API server cannot have the pod injected; nil is that
// it can. A user who may not make pods is told nothing, which is an error
// wrapping [errNotTried]: what is not known is not well.
func tryInjection(ctx context.Context, l *connected, pod *unstructured.Unstructured) error {
	o, err := l.cluster.Try(ctx, pod)
	if object.ClassOf(err) == object.Forbidden {
		ref := object.RefOf(pod)
		allowed, askErr := l.cluster.Allowed(ctx, []object.Access{object.AccessTo("create", ref)})
		if askErr == nil && !allowed[0] {
			return fmt.Errorf("%w: %w", errNotTried, err)
		}
	}
	if err != nil {
		return err
	}
	containers, _, _ := unstructured.NestedSlice(o.Object, "spec", "containers")
	for _, e := range containers {
		if m, _ := e.(map[string]any); m["name"] == proxyContainer && m["image"] != autoImage {
			return nil
		}
	}
	return fmt.Errorf("the pods of namespace %s are not injected: is it labelled istio-injection=disabled?", pod.GetNamespace())
}

// What injection by the gateway template replaces:
// https://istio.io/latest/docs/setup/additional-setup/gateway/#deploying-a-gateway
const (
	proxyContainer = "istio-proxy"
	autoImage      = "auto"
)

// probeAccount is the account of a pod that is tried: one that is there.
func (c *ClusterPlan) probeAccount() string {
	if c.wants(accountRef(c.Namespace, c.Desired.Account)) {
		return c.Desired.Account
	}
	return "default"
}

// probePod is injected as gateways are, and never made. It asks for no more than
// the strictest policies allow, so that nothing but injection refuses it:
// https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted
func probePod(namespace, account string) *unstructured.Unstructured {
	return object.New("v1", "Pod", namespace, "setup-mesh-injection-probe", map[string]any{
		"labels":      map[string]any{"sidecar.istio.io/inject": "true"},
		"annotations": map[string]any{"inject.istio.io/templates": "gateway"},
	}, map[string]any{"spec": map[string]any{
		"serviceAccountName":           account,
		"automountServiceAccountToken": false,
		"securityContext":              map[string]any{"runAsNonRoot": true, "seccompProfile": map[string]any{"type": "RuntimeDefault"}},
		"containers": []any{map[string]any{
			"name": proxyContainer, "image": autoImage,
			"securityContext": map[string]any{
				"allowPrivilegeEscalation": false, "runAsNonRoot": true,
				"capabilities": map[string]any{"drop": []any{"ALL"}},
			},
		}},
	}})
}
