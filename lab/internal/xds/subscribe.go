package xds

import (
	"context"
	"fmt"
	"slices"

	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
)

// wildcards are the kinds of which all is asked for, and first.
var wildcards = []string{ClusterType, ListenerType, TrustType}

// Follow asks an istiod as the proxy of node until ctx is done or the connection ends, and calls changed with what is
// known after each answer. s is what the proxy knew before.
func Follow(ctx context.Context, conn *grpc.ClientConn, node *core.Node, s State, changed func(State)) error {
	stream, err := discovery.NewAggregatedDiscoveryServiceClient(conn).StreamAggregatedResources(ctx)
	if err != nil {
		return fmt.Errorf("ask istiod: %w", err)
	}
	asked := map[string]*discovery.DiscoveryRequest{}
	ask := func(r *discovery.DiscoveryRequest) error {
		asked[r.TypeUrl] = r
		return stream.Send(r)
	}
	for _, kind := range wildcards {
		if err := ask(&discovery.DiscoveryRequest{Node: node, TypeUrl: kind}); err != nil {
			return fmt.Errorf("ask istiod: %w", err)
		}
	}
	for {
		answer, err := stream.Recv()
		if err != nil {
			return fmt.Errorf("ask istiod: %w", err)
		}
		next, err := s.With(answer)
		reply := &discovery.DiscoveryRequest{
			Node: node, TypeUrl: answer.TypeUrl, ResponseNonce: answer.Nonce, VersionInfo: answer.VersionInfo, ResourceNames: next.Wanted(answer.TypeUrl),
		}
		if err != nil { // refused
			reply.VersionInfo, reply.ErrorDetail = "", &status.Status{Message: err.Error()}
			next = s
		}
		s = next
		if err := ask(reply); err != nil {
			return fmt.Errorf("answer istiod: %w", err)
		}
		for _, kind := range []string{EndpointType, RouteType} {
			if r, changes := again(asked[kind], node, kind, s.Wanted(kind)); changes {
				if err := ask(r); err != nil {
					return fmt.Errorf("ask istiod: %w", err)
				}
			}
		}
		changed(s)
	}
}

// again is the next request for a kind, if other names are wanted than those asked for last.
func again(last *discovery.DiscoveryRequest, node *core.Node, kind string, names []string) (*discovery.DiscoveryRequest, bool) {
	if slices.Equal(last.GetResourceNames(), names) {
		return nil, false
	}
	return &discovery.DiscoveryRequest{
		Node: node, TypeUrl: kind, ResponseNonce: last.GetResponseNonce(), VersionInfo: last.GetVersionInfo(), ResourceNames: names,
	}, true
}
