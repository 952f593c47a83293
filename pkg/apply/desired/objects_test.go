package desired

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/topology"
)

func TestMovableGateway(t *testing.T) {
	labels := func(network string) map[string]any {
		m := map[string]any{"istio": "eastwestgateway"}
		if network != "" {
			m[object.LabelNetwork] = network
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
	elsewhere := topology.Gateway{Addresses: []string{"192.0.2.1"}, Port: 15443}
	unlabelled := service(labels(""))
	unlabelled["metadata"] = map[string]any{"labels": labels("")}
	tests := map[string]struct {
		in      map[string]any
		address topology.Gateway
		want    map[string]any
	}{
		"a Deployment's pods keep the label":                   {deployment(labels("n")), topology.Gateway{}, deployment(labels(""))},
		"a Service keeps the label":                            {service(labels("n")), topology.Gateway{}, service(labels(""))},
		"what selects nothing is left as it is":                {account, topology.Gateway{}, account},
		"a selector without a network is as it should":         {service(labels("")), topology.Gateway{}, service(labels(""))},
		"a Service whose addresses are not the gateway's":      {service(labels("n")), elsewhere, unlabelled},
		"the pods behind it are on their network all the same": {deployment(labels("n")), elsewhere, deployment(labels(""))},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			in := &unstructured.Unstructured{Object: tt.in}
			before := in.DeepCopy()
			got := movableGateway(in, tt.address)
			if diff := cmp.Diff(tt.want, got.Object); diff != "" {
				t.Errorf("object (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(before, in); diff != "" {
				t.Errorf("the rendered object was changed (-before +after):\n%s", diff)
			}
		})
	}
}
