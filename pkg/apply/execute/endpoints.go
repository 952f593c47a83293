package execute

import (
	"context"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/world"
)

// waitOwnEndpoints waits until a cluster's own istiod stands behind its Service.
func waitOwnEndpoints(ctx context.Context, l *world.Connected, r *reporter) error {
	return poll(ctx, r, func(ctx context.Context) (string, error) {
		slices, err := ownSlices(ctx, l)
		if err != nil {
			return err.Error(), nil
		}
		for _, s := range slices {
			if hasReadyEndpoint(s) {
				return "", nil
			}
		}
		return "istiod: waiting for its endpoints", nil
	})
}

// ownSlices are the EndpointSlices that Kubernetes made for istiod's Service.
func ownSlices(ctx context.Context, l *world.Connected) ([]*unstructured.Unstructured, error) {
	all, err := l.Cluster.List(ctx, schema.GroupKind{Group: "discovery.k8s.io", Kind: "EndpointSlice"}, l.Namespace, "kubernetes.io/service-name="+object.IstiodService)
	var out []*unstructured.Unstructured
	for _, s := range all {
		if by := s.GetLabels()["endpointslice.kubernetes.io/managed-by"]; strings.HasSuffix(by, ".k8s.io") {
			out = append(out, s)
		}
	}
	return out, err
}

func hasReadyEndpoint(slice *unstructured.Unstructured) bool {
	list, _, _ := unstructured.NestedSlice(slice.Object, "endpoints")
	for _, e := range list {
		m, _ := e.(map[string]any)
		if ready, found, _ := unstructured.NestedBool(m, "conditions", "ready"); ready || !found {
			return true
		}
	}
	return false
}

// dropOwnEndpoints takes the endpoints away that Kubernetes made for a Service
// which has lost its selector: it leaves them, and copies Endpoints without one.
// https://kubernetes.io/docs/concepts/services-networking/service/#services-without-selectors
func dropOwnEndpoints(ctx context.Context, l *world.Connected) error {
	legacy := object.Ref{Kind: "Endpoints", Namespace: l.Namespace, Name: object.IstiodService}
	return wait.PollUntilContextCancel(ctx, probeInterval, true, func(ctx context.Context) (bool, error) {
		if err := l.Cluster.Delete(ctx, legacy, object.DeleteOptions{}); err != nil {
			return false, err
		}
		slices, err := ownSlices(ctx, l)
		if err != nil {
			return false, err
		}
		for _, s := range slices {
			if err := l.Cluster.Delete(ctx, object.RefOf(s), object.DeleteOptions{UID: string(s.GetUID())}); err != nil {
				return false, err
			}
		}
		return len(slices) == 0, nil
	})
}
