package desired

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/setup-mesh/setup-mesh/pkg/apply/internal/fixture"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

// TestCopyOf compares the whole of what is sent.
func TestCopyOf(t *testing.T) {
	meta := func(o *unstructured.Unstructured, labels, notes map[string]string) *unstructured.Unstructured {
		o.SetLabels(labels)
		o.SetAnnotations(notes)
		return o
	}
	port := map[string]any{"name": "http", "port": int64(80), "targetPort": int64(80), "protocol": "TCP"}
	tests := map[string]struct {
		in     *unstructured.Unstructured
		labels map[string]any
		notes  map[string]any // beside the mark
		spec   map[string]any
	}{
		"a Service in its cluster": {
			in:   fixture.Service("cart", map[string]any{"clusterIPs": []any{"10.0.0.7"}, "sessionAffinity": "None", "ipFamilies": []any{"IPv4"}}),
			spec: map[string]any{"type": "ClusterIP", "selector": map[string]any{"app": "cart"}, "ports": []any{port}},
		},
		"a load balancer": {
			in: fixture.Service("cart", map[string]any{"type": "LoadBalancer", "loadBalancerIP": "192.0.2.1", "ports": []any{
				map[string]any{"name": "http", "port": int64(80), "targetPort": int64(80), "protocol": "TCP", "nodePort": int64(30080), "appProtocol": "http"},
			}}),
			spec: map[string]any{"type": "ClusterIP", "selector": map[string]any{"app": "cart"}, "ports": []any{
				map[string]any{"name": "http", "port": int64(80), "targetPort": int64(80), "protocol": "TCP", "appProtocol": "http"},
			}},
		},
		"a node port": {
			in:   fixture.Service("cart", map[string]any{"type": "NodePort", "externalTrafficPolicy": "Local"}),
			spec: map[string]any{"type": "ClusterIP", "selector": map[string]any{"app": "cart"}, "ports": []any{port}},
		},
		"a headless one": {
			in:   fixture.Service("cart", map[string]any{"clusterIP": "None"}),
			spec: map[string]any{"type": "ClusterIP", "clusterIP": "None", "selector": map[string]any{"app": "cart"}, "ports": []any{port}},
		},
		"another name": {
			in:   object.New("v1", "Service", fixture.Shop, "cart", nil, map[string]any{"spec": map[string]any{"type": "ExternalName", "externalName": "cart.example.com", "sessionAffinity": "None"}}),
			spec: map[string]any{"type": "ExternalName", "externalName": "cart.example.com"},
		},
		"what it says to Istio, and no more": {
			in: meta(fixture.Service("cart", nil),
				map[string]string{"app": "cart", object.LabelNetwork: "n", object.LabelMesh: "m"},
				map[string]string{"networking.istio.io/exportTo": ".", "kubectl.kubernetes.io/last-applied-configuration": "{}", "cloud.google.com/neg": "{}", object.AnnotationSharedFrom: "z"}),
			labels: map[string]any{"app": "cart"},
			notes:  map[string]any{"networking.istio.io/exportTo": "."},
			spec:   map[string]any{"type": "ClusterIP", "selector": map[string]any{"app": "cart"}, "ports": []any{port}},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			before := tt.in.DeepCopy()
			notes := map[string]any{object.AnnotationSharedFrom: "a"}
			for k, v := range tt.notes {
				notes[k] = v
			}
			labels := map[string]any{}
			for k, v := range tt.labels {
				labels[k] = v
			}
			want := map[string]any{
				"apiVersion": "v1", "kind": "Service", "spec": tt.spec,
				"metadata": map[string]any{"namespace": fixture.Shop, "name": "cart", "labels": labels, "annotations": notes},
			}
			if diff := cmp.Diff(want, copyOf(original{"a", tt.in}).Object); diff != "" {
				t.Errorf("copy (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(before, tt.in); diff != "" {
				t.Errorf("the original was changed (-before +after):\n%s", diff)
			}
		})
	}
}
