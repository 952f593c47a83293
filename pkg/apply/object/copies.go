package object

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// IsCopy says whether a Service is a copy of ours. One that somebody has made
// their own does not count.
func IsCopy(o *unstructured.Unstructured) bool {
	return Ours(o) && o.GetAnnotations()[AnnotationSharedFrom] != "" && !TakenOver(o)
}

// IsOurNamespace says whether a namespace was created by us, and goes when nothing of
// others is in it.
func IsOurNamespace(o *unstructured.Unstructured) bool {
	return Ours(o) && o.GetAnnotations()[AnnotationCreated] != "" && !TakenOver(o)
}

// Labels says whether a label of a namespace, which may be nil, is ours.
func Labels(o *unstructured.Unstructured, label string) bool {
	return OwnsApplied(o, "metadata", "labels", label)
}

// IsLabelled says whether a namespace, which may be nil, is one of users that we label, so
// that its pods are in the mesh.
func IsLabelled(o *unstructured.Unstructured) bool {
	return Labels(o, LabelInjection) || Labels(o, LabelDataplane)
}

// TakenOver says whether somebody else says what o should be: by server-side
// apply, by kubectl apply (which need not own anything but its annotation where
// the two agree), or by having changed its spec.
func TakenOver(o *unstructured.Unstructured) bool {
	return slices.ContainsFunc(o.GetManagedFields(), func(m metav1.ManagedFieldsEntry) bool {
		return m.Manager != FieldManager && m.Subresource == "" && (m.Operation == metav1.ManagedFieldsOperationApply ||
			Owns(m, "spec") || Owns(m, "metadata", "annotations", "kubectl.kubernetes.io/last-applied-configuration"))
	})
}
