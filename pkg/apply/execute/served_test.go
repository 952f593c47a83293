package execute

import (
	"context"
	"errors"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/setup-mesh/setup-mesh/pkg/apply/desired"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
	"github.com/setup-mesh/setup-mesh/pkg/apply/world"
)

// A late API server does not have a kind when it is asked first.
type late struct {
	object.Cluster
	left int
}

func (l *late) Apply(_ context.Context, o *unstructured.Unstructured, _ object.ApplyOptions) (*unstructured.Unstructured, error) {
	if l.left--; l.left >= 0 {
		return nil, &object.Error{Class: object.NotFound, Err: object.ErrNoKind}
	}
	return o, nil
}

// TestPutServed: the kind of a CRD that was just applied is waited for, and any other is not.
func TestPutServed(t *testing.T) {
	o := object.New(object.GatewayAPIGroup+"/v1", "Gateway", "x", "y", nil, nil)
	ref := object.Ref{Group: "apiextensions.k8s.io", Kind: "CustomResourceDefinition", Name: "gateways." + object.GatewayAPIGroup}
	crd := object.New("apiextensions.k8s.io/v1", ref.Kind, "", ref.Name, nil, map[string]any{"spec": map[string]any{"group": object.GatewayAPIGroup, "names": map[string]any{"kind": "Gateway"}}})
	with := &plan.Cluster{Changes: []plan.Change{{Object: ref, Item: &desired.Item{Object: crd}}}}
	if applied, err := put(t.Context(), &world.Connected{Cluster: &late{left: 2}}, with, o, object.ApplyOptions{}); applied != o || err != nil {
		t.Errorf("%v, %v", applied, err)
	}
	if _, err := put(t.Context(), &world.Connected{Cluster: &late{left: 1}}, &plan.Cluster{}, o, object.ApplyOptions{}); !errors.Is(err, object.ErrNoKind) {
		t.Error(err)
	}
}
