package observe

import (
	"context"
	"errors"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/world"
)

// ErrNotTried is wrapped where it is not known whether pods are injected.
var ErrNotTried = errors.New("could not try whether pods are injected")

// ErrNotInjected is wrapped where a pod is admitted as it is: no webhook is called for it.
var ErrNotInjected = errors.New("no webhook injects the pods of namespace")

// TryInjection says why the API server cannot have the pod injected; nil is that
// it can. A user who may not make pods is told nothing, which is an error
// wrapping [ErrNotTried]: what is not known is not well.
func TryInjection(ctx context.Context, l *world.Connected, pod *unstructured.Unstructured) error {
	o, err := try(ctx, l, pod, ErrNotTried)
	if err != nil {
		return err
	}
	containers, _, _ := unstructured.NestedSlice(o.Object, "spec", "containers")
	for _, e := range containers {
		if m, _ := e.(map[string]any); m["name"] == proxyContainer && m["image"] != autoImage {
			return nil
		}
	}
	return fmt.Errorf("%w %s", ErrNotInjected, pod.GetNamespace())
}

// ErrNotValidated is wrapped where it is not known whether mistakes are refused.
var ErrNotValidated = errors.New("could not try whether an invalid Gateway is refused")

// ErrAccepted is that nobody refuses a mistake.
var ErrAccepted = errors.New("an invalid Gateway is accepted: no webhook refuses it")

// TryValidation says why the API server does not have a mistake refused by a webhook;
// nil is that it does. A user who may not make such objects is told nothing, which is
// an error wrapping [ErrNotValidated].
func TryValidation(ctx context.Context, l *world.Connected, mistake *unstructured.Unstructured) error {
	switch _, err := try(ctx, l, mistake, ErrNotValidated); {
	case err == nil:
		return ErrAccepted
	case object.ClassOf(err) == object.Denied:
		return nil
	default:
		return err
	}
}

// try has the API server create what is never made. Where the user may not create
// it, the error wraps unknown.
func try(ctx context.Context, l *world.Connected, o *unstructured.Unstructured, unknown error) (*unstructured.Unstructured, error) {
	out, err := l.Cluster.Try(ctx, o)
	if object.ClassOf(err) == object.Forbidden {
		allowed, askErr := l.Cluster.Allowed(ctx, []object.Access{object.AccessTo("create", object.RefOf(o))})
		if askErr == nil && !allowed[0] {
			return nil, fmt.Errorf("%w: %w", unknown, err)
		}
	}
	return out, err
}

// What injection by the gateway template replaces:
// https://istio.io/latest/docs/setup/additional-setup/gateway/#deploying-a-gateway
const (
	proxyContainer = "istio-proxy"
	autoImage      = "auto"
)

// ProbePod is injected as gateways are, and never made. It asks for no more than
// the strictest policies allow, so that nothing but injection refuses it:
// https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted
func ProbePod(namespace, account string) *unstructured.Unstructured {
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
