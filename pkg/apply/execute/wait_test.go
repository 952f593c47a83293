package execute

import (
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

func TestHolders(t *testing.T) {
	ns := object.New("v1", "Namespace", "", "istio-system", nil, map[string]any{"status": map[string]any{"conditions": []any{
		map[string]any{"type": "NamespaceContentRemaining", "status": "True", "message": "Some resources are remaining: pods. has 1 resource instances"},
		map[string]any{"type": "NamespaceDeletionDiscoveryFailure", "status": "False", "message": "no"},
	}}})
	if got, want := holders(ns), ": Some resources are remaining: pods. has 1 resource instances"; got != want {
		t.Errorf("holders = %q, want %q", got, want)
	}
	ns.SetFinalizers([]string{"a/x", "b/y"})
	if got, want := holders(ns), ": finalizers a/x, b/y; Some resources are remaining: pods. has 1 resource instances"; got != want {
		t.Errorf("holders = %q, want %q", got, want)
	}
	if got := holders(object.New("v1", "Namespace", "", "x", nil, nil)); got != "" {
		t.Errorf("holders of one that nothing holds = %q", got)
	}
}

func TestWebhookFilled(t *testing.T) {
	hook := func(ca string) any { return map[string]any{"clientConfig": map[string]any{"caBundle": ca}} }
	config := func(hooks ...any) *unstructured.Unstructured {
		return object.New("v1", "ValidatingWebhookConfiguration", "", "x", nil, map[string]any{"webhooks": hooks})
	}
	tests := map[string]struct {
		o    *unstructured.Unstructured
		want bool
	}{
		"absent":       {nil, false},
		"no webhooks":  {config(), false},
		"filled":       {config(hook("x"), hook("y")), true},
		"one is empty": {config(hook("x"), hook("")), false},
		"one has none": {config(hook("x"), map[string]any{}), false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := webhookFilled(tt.o); got != tt.want {
				t.Errorf("webhookFilled = %v", got)
			}
		})
	}
}
