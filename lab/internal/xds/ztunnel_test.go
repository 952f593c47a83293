package xds

import (
	"maps"
	"slices"
	"testing"

	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/types/known/anypb"
	"istio.io/istio/pkg/workloadapi"
)

func addressNamed(t *testing.T, name string) *discovery.Resource {
	t.Helper()
	a, err := anypb.New(&workloadapi.Address{Type: &workloadapi.Address_Workload{Workload: &workloadapi.Workload{Uid: name}}})
	if err != nil {
		t.Fatal(err)
	}
	return &discovery.Resource{Name: name, Resource: a}
}

// TestAddressesOfAZtunnel goes through what an istiod says one after the other.
func TestAddressesOfAZtunnel(t *testing.T) {
	steps := []struct {
		says *discovery.DeltaDiscoveryResponse
		want []string
	}{
		{&discovery.DeltaDiscoveryResponse{Resources: []*discovery.Resource{addressNamed(t, "a"), addressNamed(t, "b")}}, []string{"a", "b"}},
		{&discovery.DeltaDiscoveryResponse{Resources: []*discovery.Resource{addressNamed(t, "c")}}, []string{"a", "b", "c"}}, // a and b are as they were
		{&discovery.DeltaDiscoveryResponse{RemovedResources: []string{"a", "never there"}}, []string{"b", "c"}},
		// What has gone and is there again in one answer is there.
		{&discovery.DeltaDiscoveryResponse{RemovedResources: []string{"b"}, Resources: []*discovery.Resource{addressNamed(t, "b")}}, []string{"b", "c"}},
	}
	known := Addresses{}
	for i, step := range steps {
		var err error
		if known, err = known.with(step.says); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(step.want, slices.Sorted(maps.Keys(known))); diff != "" {
			t.Errorf("step %d (-want +got):\n%s", i, diff)
		}
	}
}
