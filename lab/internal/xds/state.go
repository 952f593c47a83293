// Package xds speaks with istiods as a sidecar or gateway does, and keeps what they say.
package xds

import (
	"fmt"
	"maps"
	"slices"

	cluster "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	endpoint "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listener "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	route "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	hcm "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	tcp "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/tcp_proxy/v3"
	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	mesh "istio.io/api/mesh/v1alpha1"
)

// The kinds of resources that proxies ask for.
const (
	ClusterType  = "type.googleapis.com/envoy.config.cluster.v3.Cluster"
	EndpointType = "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment"
	ListenerType = "type.googleapis.com/envoy.config.listener.v3.Listener"
	RouteType    = "type.googleapis.com/envoy.config.route.v3.RouteConfiguration"
	TrustType    = "type.googleapis.com/istio.mesh.v1alpha1.ProxyConfig"
)

// A State is what a proxy has been told, by name. It does not change: [State.With] returns another.
type State struct {
	Clusters  map[string]*cluster.Cluster
	Endpoints map[string]*endpoint.ClusterLoadAssignment
	Listeners map[string]*listener.Listener
	Routes    map[string]*route.RouteConfiguration
	Trust     []string // PEM of roots beside that of the proxy's own certificate

	answered map[string]bool // by type
}

// With is the state after an answer. Answers about clusters and listeners are complete; those about endpoints and
// routes may leave out what has not changed.
// https://www.envoyproxy.io/docs/envoy/v1.36.0/api-docs/xds_protocol#grouping-resources-into-responses
func (s State) With(answer *discovery.DiscoveryResponse) (State, error) {
	s.answered = maps.Clone(s.answered)
	if s.answered == nil {
		s.answered = map[string]bool{}
	}
	s.answered[answer.TypeUrl] = true
	var err error
	switch answer.TypeUrl {
	case ClusterType:
		s.Clusters, err = decode(answer.Resources, nil, (*cluster.Cluster).GetName)
		s.Endpoints = keep(s.Endpoints, s.Wanted(EndpointType))
	case EndpointType:
		s.Endpoints, err = decode(answer.Resources, s.Endpoints, (*endpoint.ClusterLoadAssignment).GetClusterName)
	case ListenerType:
		s.Listeners, err = decode(answer.Resources, nil, (*listener.Listener).GetName)
		s.Routes = keep(s.Routes, s.Wanted(RouteType))
	case RouteType:
		s.Routes, err = decode(answer.Resources, s.Routes, (*route.RouteConfiguration).GetName)
	case TrustType:
		s.Trust, err = trust(answer.Resources)
	}
	return s, err
}

// Wanted are the names to ask for, sorted; nil for a kind of which all are wanted.
func (s State) Wanted(kind string) []string {
	names := map[string]bool{}
	switch kind {
	case EndpointType:
		for _, c := range s.Clusters {
			if c.GetType() == cluster.Cluster_EDS {
				names[EndpointsOf(c)] = true
			}
		}
	case RouteType:
		for _, l := range s.Listeners {
			for _, c := range append(l.FilterChains, l.DefaultFilterChain) {
				if m := HTTP(c); m.GetRds() != nil {
					names[m.GetRds().RouteConfigName] = true
				}
			}
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// Ready says whether all has been answered that was asked for: there are listeners, and what they lead to.
func (s State) Ready() bool {
	ready := s.answered[ClusterType] && s.answered[ListenerType]
	for _, kind := range []string{EndpointType, RouteType} {
		ready = ready && (s.answered[kind] || len(s.Wanted(kind)) == 0)
	}
	return ready
}

// EndpointsOf is the name by which a cluster's endpoints are asked for.
func EndpointsOf(c *cluster.Cluster) string {
	if name := c.GetEdsClusterConfig().GetServiceName(); name != "" {
		return name
	}
	return c.GetName()
}

// HTTP is what a filter chain does with HTTP, or nil when it does not look into it.
func HTTP(c *listener.FilterChain) *hcm.HttpConnectionManager {
	return filter[hcm.HttpConnectionManager](c)
}

// TCP is where a filter chain passes on what it does not look into, or nil when it does not.
func TCP(c *listener.FilterChain) *tcp.TcpProxy { return filter[tcp.TcpProxy](c) }

// filter is the first filter of a kind in a chain, or nil.
func filter[T any, P message[T]](c *listener.FilterChain) P {
	for _, f := range c.GetFilters() {
		m := P(new(T))
		if f.GetTypedConfig().MessageIs(m) && f.GetTypedConfig().UnmarshalTo(m) == nil {
			return m
		}
	}
	return nil
}

// A message is one of protobuf's.
type message[T any] interface {
	*T
	proto.Message
}

// decode returns what there was with the resources of an answer added.
func decode[T any, P message[T]](resources []*anypb.Any, was map[string]P, name func(P) string) (map[string]P, error) {
	out := maps.Clone(was)
	if out == nil {
		out = map[string]P{}
	}
	for _, r := range resources {
		m := P(new(T))
		if err := r.UnmarshalTo(m); err != nil {
			return was, fmt.Errorf("decode a resource of istiod's: %w", err)
		}
		out[name(m)] = m
	}
	return out, nil
}

func keep[T any](was map[string]T, names []string) map[string]T {
	out := map[string]T{}
	for _, n := range names {
		if v, ok := was[n]; ok {
			out[n] = v
		}
	}
	return out
}

// trust are the roots that istiod wants a proxy to trust beside its own.
// https://github.com/istio/istio/blob/1.31.0/pilot/pkg/xds/pcds.go
func trust(resources []*anypb.Any) ([]string, error) {
	var out []string
	for _, r := range resources {
		var c mesh.ProxyConfig
		if err := r.UnmarshalTo(&c); err != nil {
			return nil, fmt.Errorf("decode a resource of istiod's: %w", err)
		}
		out = append(out, c.CaCertificatesPem...)
	}
	return out, nil
}
