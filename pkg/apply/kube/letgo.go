package kube

import (
	"context"
	"encoding/json"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

// LetGo makes ref an object that we own nothing of. All fields keep their
// values, and so the object serves whoever else wants it: an apply without them
// would remove those that nobody but us owns. Only the labels and annotations
// with the given keys are removed. An object that is absent, or is not the one
// with that UID any more, is left alone.
// https://kubernetes.io/docs/reference/using-api/server-side-apply/#clearing-managedfields
func (c *Cluster) LetGo(ctx context.Context, ref object.Ref, uid string, keys ...string) error {
	err := c.do(ctx, "let go of", ref, func(r resources) error {
		var err error
		for range 3 {
			var o *unstructured.Unstructured
			if o, err = r.Get(ctx, ref.Name, metav1.GetOptions{}); err != nil || string(o.GetUID()) != uid {
				return err
			}
			var patch []byte
			if patch, err = disowning(o, keys); err != nil {
				return err
			}
			_, err = r.Patch(ctx, ref.Name, types.MergePatchType, patch, metav1.PatchOptions{FieldManager: object.FieldManager})
			if !apierrors.IsConflict(err) { // somebody else wrote in between
				return err
			}
		}
		return err
	})
	if object.ClassOf(err) == object.NotFound {
		return nil
	}
	return err
}

// disowning is the merge patch that takes us out of the managers of o.
func disowning(o *unstructured.Unstructured, keys []string) ([]byte, error) {
	entries, _, err := unstructured.NestedSlice(o.Object, "metadata", "managedFields")
	if err != nil {
		return nil, fmt.Errorf("read the managers: %w", err)
	}
	others := []any{}
	for _, e := range entries {
		if m, ok := e.(map[string]any); ok && m["manager"] != object.FieldManager {
			others = append(others, e)
		}
	}
	if len(others) == 0 {
		others = append(others, map[string]any{}) // an empty list would change nothing
	}
	removed := map[string]any{}
	for _, k := range keys {
		removed[k] = nil
	}
	return json.Marshal(map[string]any{"metadata": map[string]any{
		"resourceVersion": o.GetResourceVersion(), "managedFields": others, "labels": removed, "annotations": removed,
	}})
}
