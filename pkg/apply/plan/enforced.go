package plan

import (
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/setup-mesh/setup-mesh/pkg/apply/compare"
	"github.com/setup-mesh/setup-mesh/pkg/apply/desired"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

// AksEnforcer excludes the namespaces of AKS from every webhook, and does so again
// as soon as somebody takes that back: setting it back would never end. It
// does not touch which of the user's namespaces are injected.
// https://learn.microsoft.com/azure/aks/faq#can-admission-controller-webhooks-impact-kube-system-and-internal-aks-namespaces-
const AksEnforcer = "admissionsenforcer"

// enforced says whether a difference is one that is accepted as it is: the
// enforcer of AKS has added conditions to a webhook's namespaceSelector, and
// taken none of ours away.
func enforced(want, live *unstructured.Unstructured, f compare.Field) bool {
	if !object.IsWebhook(object.RefOf(live)) || !strings.Contains(f.Path, "namespaceSelector") {
		return false
	}
	if by := ChangedBy(live, []compare.Field{f}); len(by) != 1 || by[0] != AksEnforcer {
		return false
	}
	theirs := selectors(live)
	for name, conditions := range selectors(want) {
		for condition := range conditions {
			if !theirs[name][condition] {
				return false
			}
		}
	}
	return true
}

// selectors are the conditions of the namespaceSelector of each webhook, by its
// name.
func selectors(o *unstructured.Unstructured) map[string]map[string]bool {
	out := map[string]map[string]bool{}
	hooks, _, _ := unstructured.NestedSlice(o.Object, "webhooks")
	for _, h := range hooks {
		hook, _ := h.(map[string]any)
		name, _ := hook["name"].(string)
		out[name] = map[string]bool{}
		labels, _, _ := unstructured.NestedMap(hook, "namespaceSelector", "matchLabels")
		for k, v := range labels {
			out[name][condition([]any{k, v})] = true
		}
		expressions, _, _ := unstructured.NestedSlice(hook, "namespaceSelector", "matchExpressions")
		for _, e := range expressions {
			out[name][condition(e)] = true
		}
	}
	return out
}

// condition is a comparable form of a part of a selector.
func condition(v any) string {
	h, _ := desired.HashOf(v) // plain JSON can be encoded
	return h
}
