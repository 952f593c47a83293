package apply

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

func TestMovableGateway(t *testing.T) {
	labels := func(network string) map[string]any {
		m := map[string]any{"istio": "eastwestgateway"}
		if network != "" {
			m[labelNetwork] = network
		}
		return m
	}
	deployment := func(selector map[string]any) map[string]any {
		return map[string]any{"kind": "Deployment", "spec": map[string]any{
			"selector": map[string]any{"matchLabels": selector},
			"template": map[string]any{"metadata": map[string]any{"labels": labels("n")}},
		}}
	}
	service := func(selector map[string]any) map[string]any {
		return map[string]any{"kind": "Service", "metadata": map[string]any{"labels": labels("n")}, "spec": map[string]any{"selector": selector}}
	}
	account := map[string]any{"kind": "ServiceAccount", "metadata": map[string]any{"labels": labels("n")}}
	tests := map[string]struct{ in, want map[string]any }{
		"a Deployment's pods keep the label":           {deployment(labels("n")), deployment(labels(""))},
		"a Service keeps the label":                    {service(labels("n")), service(labels(""))},
		"what selects nothing is left as it is":        {account, account},
		"a selector without a network is as it should": {service(labels("")), service(labels(""))},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			in := &unstructured.Unstructured{Object: tt.in}
			before := in.DeepCopy()
			got := movableGateway(in)
			if diff := cmp.Diff(tt.want, got.Object); diff != "" {
				t.Errorf("object (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(before, in); diff != "" {
				t.Errorf("the rendered object was changed (-before +after):\n%s", diff)
			}
		})
	}
}
