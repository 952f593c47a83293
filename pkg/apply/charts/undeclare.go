package charts

import (
	"strings"
)

// undeclare removes the fields that somebody else writes, or that mean nothing,
// so that applying the objects again changes nothing:
//
//   - failurePolicy of every webhook of a ValidatingWebhookConfiguration. The
//     charts declare Ignore; istiod makes it Fail once it answers, and applying
//     Ignore again would open the gate on every run. Absent, the API server
//     makes it Fail, and istiod goes on from there.
//     https://github.com/istio/istio/blob/release-1.31/pkg/webhooks/validation/controller/controller.go
//   - spec.replicas of what a HorizontalPodAutoscaler among the objects scales.
//   - status and metadata.creationTimestamp, which only a server sets, and
//     empty labels and annotations.
//
// caBundle needs no such care: the charts leave it out unless the user gives
// one, and then it is the user's.
func undeclare(objects []Object) {
	scaled := map[string]bool{}
	for _, o := range objects {
		if o.GetKind() == "HorizontalPodAutoscaler" {
			kind, _ := lookup(o.Object, "spec", "scaleTargetRef", "kind").(string)
			name, _ := lookup(o.Object, "spec", "scaleTargetRef", "name").(string)
			scaled[scaleKey(kind, o.GetNamespace(), name)] = true
		}
	}
	for _, o := range objects {
		if o.GetKind() == "ValidatingWebhookConfiguration" {
			webhooks, _ := o.Object["webhooks"].([]any)
			for _, w := range webhooks {
				if w, ok := w.(map[string]any); ok {
					delete(w, "failurePolicy")
				}
			}
		}
		if spec, ok := o.Object["spec"].(map[string]any); ok && scaled[scaleKey(o.GetKind(), o.GetNamespace(), o.GetName())] {
			delete(spec, "replicas")
		}
		delete(o.Object, "status")
		if metadata, ok := o.Object["metadata"].(map[string]any); ok {
			delete(metadata, "creationTimestamp")
			for _, key := range []string{"labels", "annotations"} {
				if m, ok := metadata[key].(map[string]any); ok && len(m) == 0 {
					delete(metadata, key)
				}
			}
		}
		if o.GetKind() != "CustomResourceDefinition" {
			dropNull(o.Object)
		}
	}
}

func scaleKey(parts ...string) string { return strings.Join(parts, "/") }

// dropNull removes the keys of maps whose value is null: to a server-side apply
// they are fields that we own and that hold nothing.
func dropNull(v any) {
	switch v := v.(type) {
	case map[string]any:
		for key, child := range v {
			if child == nil {
				delete(v, key)
			} else {
				dropNull(child)
			}
		}
	case []any:
		for _, child := range v {
			dropNull(child)
		}
	}
}
