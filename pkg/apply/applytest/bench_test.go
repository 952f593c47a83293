package applytest_test

import (
	"fmt"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/setup-mesh/setup-mesh/pkg/apply/applytest"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

// A member's objects, in number and size about those of a primary cluster.
func member(cluster string) []*unstructured.Unstructured {
	d := deployment("istiod", "istiod", cluster)
	container := d.Object["spec"].(map[string]any)["template"].(map[string]any)["spec"].(map[string]any)["containers"].([]any)[0].(map[string]any)
	for i := range 25 {
		container["env"] = append(container["env"].([]any), map[string]any{"name": fmt.Sprintf("VARIABLE_%d", i), "value": "some value"})
	}
	container["ports"] = []any{map[string]any{"containerPort": int64(8080), "protocol": "TCP"}, map[string]any{"containerPort": int64(15010), "protocol": "TCP"}, map[string]any{"containerPort": int64(15017), "protocol": "TCP"}}
	out := []*unstructured.Unstructured{
		object.New("v1", "Namespace", "", ns, map[string]any{"labels": map[string]any{"topology.istio.io/network": "n"}}, nil),
		applytest.CRD(object.Ref{Group: "networking.istio.io", Kind: "Gateway"}.GroupKind()),
		applytest.CRD(object.Ref{Group: "networking.istio.io", Kind: "VirtualService"}.GroupKind()),
		cacerts(pem), service("istiod", "istiod", "ClusterIP", 443, 15010, 15012, 15014), injector(), d,
		service("istio-eastwestgateway", "gw", "LoadBalancer", 15021, 15443, 15012, 15017), deployment("istio-eastwestgateway", "gw", ""),
		object.New("networking.istio.io/v1", "Gateway", ns, object.IstiodGateway, nil, map[string]any{"spec": map[string]any{"selector": map[string]any{"a": "b"}}}),
		object.New("networking.istio.io/v1", "VirtualService", ns, object.IstiodRoutes, nil, map[string]any{"spec": map[string]any{"hosts": []any{"*"}}}),
	}
	out = append(out, reader()...)
	for i := range 6 {
		out = append(out, object.New("v1", "ConfigMap", ns, fmt.Sprintf("config-%d", i), map[string]any{"labels": map[string]any{"app": "x"}}, map[string]any{"data": map[string]any{"mesh": "some text", "other": "text"}}))
	}
	return out
}

// A history is what a property test runs thousands of: a few clusters, and ten
// runs that plan and apply everything, of which most changes little.
func BenchmarkHistory(b *testing.B) {
	b.ReportAllocs()
	merger := applytest.NewMerger()
	for b.Loop() {
		f := merger.Fleet(1)
		clusters := map[string]object.Cluster{}
		run, ctx := f.Run(b.Context())
		for i := range 4 {
			name := fmt.Sprintf("c%d", i)
			f.Add(name).Set(func(s *applytest.Settings) { s.Delays = applytest.Delays{} })
			clusters[name], _ = run.Open(name)
		}
		for round := range 10 {
			for name, c := range clusters {
				for i, o := range member(name) {
					if i > 14 && (i+round)%6 == 0 {
						o.SetAnnotations(map[string]string{"round": fmt.Sprint(round)})
					}
					_, _ = c.Get(ctx, object.RefOf(o))
					for _, dry := range []bool{true, false} {
						_, err := c.Apply(ctx, o, object.ApplyOptions{DryRun: dry})
						if err != nil && !(dry && object.Absent(err)) {
							b.Fatal(err)
						}
					}
				}
			}
		}
		f.Close()
	}
}
