package xds

import (
	"context"
	"fmt"
	"maps"

	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/structpb"
	"istio.io/istio/pkg/workloadapi"
)

// AddressType is what ztunnels ask for: workloads and services.
const AddressType = "type.googleapis.com/istio.workload.Address"

// Addresses are the workloads and services that a ztunnel knows, by the names that istiod gives them. They do not change.
type Addresses map[string]*workloadapi.Address

// ZtunnelNode is how the ztunnel of a cluster introduces itself, by the cluster's name and network.
// https://github.com/istio/ztunnel/blob/1.31.0/src/xds/client.rs
func ZtunnelNode(namespace, cluster, network string) (*core.Node, error) {
	metadata, err := structpb.NewStruct(map[string]any{
		"NAME": "ztunnel-lab", "NAMESPACE": namespace, "INSTANCE_IPS": "127.0.0.1", "NODE_NAME": "node-of-the-lab",
		"CLUSTER_ID": cluster, "NETWORK": network, "ISTIO_VERSION": "1.31.0",
	})
	if err != nil {
		return nil, fmt.Errorf("describe a ztunnel of %s: %w", cluster, err)
	}
	return &core.Node{
		Id: fmt.Sprintf("ztunnel~127.0.0.1~ztunnel-lab.%s~%s.svc.cluster.local", namespace, namespace), Metadata: metadata,
	}, nil
}

// FollowAddresses asks an istiod for all workloads and services, as the ztunnel of node, until ctx is done or the connection
// ends. It calls told with all that is known after each answer, and ends when that returns true.
// https://www.envoyproxy.io/docs/envoy/v1.36.0/api-docs/xds_protocol#incremental-xds
func FollowAddresses(ctx context.Context, conn *grpc.ClientConn, node *core.Node, told func(Addresses) bool) error {
	stream, err := discovery.NewAggregatedDiscoveryServiceClient(conn).DeltaAggregatedResources(ctx)
	if err != nil {
		return fmt.Errorf("ask istiod as a ztunnel: %w", err)
	}
	known := Addresses{}
	for ask := (&discovery.DeltaDiscoveryRequest{Node: node, TypeUrl: AddressType}); ; {
		if err := stream.Send(ask); err != nil {
			return fmt.Errorf("ask istiod as a ztunnel: %w", err)
		}
		answer, err := stream.Recv()
		if err != nil {
			return fmt.Errorf("listen to istiod as a ztunnel: %w", err)
		}
		if known, err = known.with(answer); err != nil {
			return err
		}
		if told(known) {
			return nil
		}
		ask = &discovery.DeltaDiscoveryRequest{TypeUrl: AddressType, ResponseNonce: answer.Nonce}
	}
}

// with are the addresses after an answer, which says what is new and what is gone.
func (a Addresses) with(answer *discovery.DeltaDiscoveryResponse) (Addresses, error) {
	out := maps.Clone(a)
	for _, name := range answer.RemovedResources {
		delete(out, name)
	}
	for _, r := range answer.Resources {
		one := &workloadapi.Address{}
		if err := r.Resource.UnmarshalTo(one); err != nil {
			return nil, fmt.Errorf("decode %s of istiod's: %w", r.Name, err)
		}
		out[r.Name] = one
	}
	return out, nil
}
