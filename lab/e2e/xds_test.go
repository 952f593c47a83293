package e2e

import (
	"context"
	"fmt"
	"slices"
	"testing"

	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpoint "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/setup-mesh/setup-mesh/lab/internal/xds"
)

// A sidecar is a proxy that asks its istiod for endpoints, as an Envoy beside a workload does.
type sidecar struct {
	cluster, network string // names in the mesh
	namespace, pod   string
	ip               string
}

func (s sidecar) node() (*core.Node, error) {
	metadata, err := structpb.NewStruct(map[string]any{
		"CLUSTER_ID": s.cluster, "NETWORK": s.network, "NAMESPACE": s.namespace, "ISTIO_VERSION": "1.31.0",
		"LABELS": map[string]any{"app": s.pod}, "GENERATOR": "",
	})
	return &core.Node{
		Id:       fmt.Sprintf("sidecar~%s~%s.%s~%s.svc.cluster.local", s.ip, s.pod, s.namespace, s.namespace),
		Metadata: metadata,
	}, err
}

// wantEndpoints waits until istiod pushes exactly these endpoints of a service to the sidecar, sorted "address:port"s.
func (s sidecar) wantEndpoints(t testing.TB, istiod, service string, want []string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var got []string
	err := s.watch(ctx, istiod, service, func(addresses []string) bool {
		got = addresses
		return slices.Equal(got, want)
	})
	if err != nil {
		t.Errorf("a sidecar in %s is told %v, and not %v: %v", s.cluster, got, want, err)
	}
}

// watch reads what istiod pushes of the endpoints of a service until done is content.
func (s sidecar) watch(ctx context.Context, istiod, service string, done func([]string) bool) error {
	node, err := s.node()
	if err != nil {
		return err
	}
	return subscribe(ctx, istiod, &discovery.DiscoveryRequest{Node: node, TypeUrl: xds.EndpointType, ResourceNames: []string{service}},
		func(answer *discovery.DiscoveryResponse) (bool, error) {
			addresses, err := parseEndpoints(answer)
			return err == nil && done(addresses), err
		})
}

// subscribe asks an istiod for resources as an Envoy does, and reads its answers until done is content.
func subscribe(ctx context.Context, istiod string, ask *discovery.DiscoveryRequest, done func(*discovery.DiscoveryResponse) (bool, error)) error {
	conn, err := grpc.NewClient("passthrough:///"+istiod, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithNoProxy())
	if err != nil {
		return err
	}
	defer conn.Close()
	stream, err := discovery.NewAggregatedDiscoveryServiceClient(conn).StreamAggregatedResources(ctx)
	if err != nil {
		return err
	}
	for {
		if err := stream.Send(ask); err != nil {
			return err
		}
		answer, err := stream.Recv()
		if err != nil {
			return err
		}
		if ok, err := done(answer); ok || err != nil {
			return err
		}
		ask.VersionInfo, ask.ResponseNonce = answer.VersionInfo, answer.Nonce // accepts the answer
	}
}

func parseEndpoints(answer *discovery.DiscoveryResponse) ([]string, error) {
	var out []string
	for _, r := range answer.Resources {
		var a endpoint.ClusterLoadAssignment
		if err := r.UnmarshalTo(&a); err != nil {
			return nil, err
		}
		for _, l := range a.Endpoints {
			for _, e := range l.LbEndpoints {
				at := e.GetEndpoint().GetAddress().GetSocketAddress()
				out = append(out, fmt.Sprintf("%s:%d", at.GetAddress(), at.GetPortValue()))
			}
		}
	}
	slices.Sort(out)
	return out, nil
}
