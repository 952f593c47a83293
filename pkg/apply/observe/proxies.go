package observe

import (
	"context"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/setup-mesh/setup-mesh/pkg/apply/world"
)

// AskProxies asks the proxies of all pods of a cluster that run, connected to an istiod
// or not, for what [SampleProxies] asks some.
func AskProxies(ctx context.Context, l *world.Connected) ([]Workload, error) {
	names := map[string]bool{}
	err := l.Cluster.Each(ctx, schema.GroupKind{Kind: "Pod"}, "", func(pod *unstructured.Unstructured) {
		phase, _, _ := unstructured.NestedString(pod.Object, "status", "phase")
		if _, ok := proxyEnv(pod); ok && phase == "Running" && pod.GetDeletionTimestamp() == nil {
			names[pod.GetName()+"."+pod.GetNamespace()] = true
		}
	})
	if err != nil {
		return nil, err
	}
	all := make([]string, 0, len(names))
	for name := range names {
		all = append(all, name)
	}
	slices.Sort(all)
	return askWorkloads(ctx, l, all), nil
}
