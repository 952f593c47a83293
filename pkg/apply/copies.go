package apply

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

// isCopy says whether a Service is a copy of ours. One that somebody has made
// their own is none.
func isCopy(o *unstructured.Unstructured) bool {
	return object.Ours(o) && o.GetAnnotations()[object.AnnotationSharedFrom] != "" && !takenOver(o)
}

// isOurNamespace says whether a namespace came with copies of ours, and goes with
// them.
func isOurNamespace(o *unstructured.Unstructured) bool {
	return object.Ours(o) && o.GetAnnotations()[object.AnnotationCreated] != "" && !takenOver(o)
}

// takenOver says whether somebody else says what o should be: by server-side
// apply, by kubectl apply (which need not own anything but its annotation where
// the two agree), or by having changed its spec.
func takenOver(o *unstructured.Unstructured) bool {
	return slices.ContainsFunc(o.GetManagedFields(), func(m metav1.ManagedFieldsEntry) bool {
		return m.Manager != object.FieldManager && m.Subresource == "" && (m.Operation == metav1.ManagedFieldsOperationApply ||
			object.Owns(m, "spec") || object.Owns(m, "metadata", "annotations", "kubectl.kubernetes.io/last-applied-configuration"))
	})
}
