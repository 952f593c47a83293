package xds

import (
	"testing"

	cluster "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	endpoint "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listener "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	route "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	hcm "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
)

func answer(t *testing.T, kind string, resources ...proto.Message) *discovery.DiscoveryResponse {
	t.Helper()
	out := &discovery.DiscoveryResponse{TypeUrl: kind}
	for _, r := range resources {
		a, err := anypb.New(r)
		if err != nil {
			t.Fatal(err)
		}
		out.Resources = append(out.Resources, a)
	}
	return out
}

func eds(name string) *cluster.Cluster {
	return &cluster.Cluster{Name: name, ClusterDiscoveryType: &cluster.Cluster_Type{Type: cluster.Cluster_EDS}}
}

// TestStateOfAProxy goes through what an istiod says one after the other.
func TestStateOfAProxy(t *testing.T) {
	http, err := anypb.New(&hcm.HttpConnectionManager{RouteSpecifier: &hcm.HttpConnectionManager_Rds{Rds: &hcm.Rds{RouteConfigName: "5000"}}})
	if err != nil {
		t.Fatal(err)
	}
	outbound := &listener.Listener{Name: "0.0.0.0_5000", FilterChains: []*listener.FilterChain{{
		Filters: []*listener.Filter{{ConfigType: &listener.Filter_TypedConfig{TypedConfig: http}}}}}}
	steps := []struct {
		says              *discovery.DiscoveryResponse
		endpoints, routes []string // wanted then
		known             int      // endpoints
		ready             bool
	}{
		{answer(t, ClusterType, eds("a"), eds("b"), &cluster.Cluster{Name: "PassthroughCluster"}), []string{"a", "b"}, nil, 0, false},
		{answer(t, ListenerType, outbound), []string{"a", "b"}, []string{"5000"}, 0, false},
		{answer(t, EndpointType, &endpoint.ClusterLoadAssignment{ClusterName: "a"}, &endpoint.ClusterLoadAssignment{ClusterName: "b"}),
			[]string{"a", "b"}, []string{"5000"}, 2, false},
		{answer(t, RouteType, &route.RouteConfiguration{Name: "5000"}), []string{"a", "b"}, []string{"5000"}, 2, true},
		{answer(t, EndpointType, &endpoint.ClusterLoadAssignment{ClusterName: "a"}), []string{"a", "b"}, []string{"5000"}, 2, true}, // b is as it was
		{answer(t, ClusterType, eds("b")), []string{"b"}, []string{"5000"}, 1, true},
		{answer(t, ListenerType), []string{"b"}, nil, 1, true},
	}
	var s State
	for i, step := range steps {
		before := s
		if s, err = s.With(step.says); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(step.endpoints, s.Wanted(EndpointType)); diff != "" {
			t.Errorf("step %d: endpoints to ask for (-want +got):\n%s", i, diff)
		}
		if diff := cmp.Diff(step.routes, s.Wanted(RouteType)); diff != "" {
			t.Errorf("step %d: routes to ask for (-want +got):\n%s", i, diff)
		}
		if len(s.Endpoints) != step.known || s.Ready() != step.ready {
			t.Errorf("step %d: %d endpoints, ready %v; want %d, %v", i, len(s.Endpoints), s.Ready(), step.known, step.ready)
		}
		if i == 4 && !cmp.Equal(before.Wanted(EndpointType), []string{"a", "b"}) {
			t.Error("an answer has changed the state before it")
		}
	}
}

func TestWrongResourceIsRefused(t *testing.T) {
	s, err := State{}.With(answer(t, ClusterType, &route.RouteConfiguration{Name: "5000"}))
	if err == nil || len(s.Clusters) != 0 {
		t.Errorf("error %v, clusters %v", err, s.Clusters)
	}
}
