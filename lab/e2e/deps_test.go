package e2e

import (
	_ "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	_ "github.com/google/go-cmp/cmp"
	_ "google.golang.org/grpc"
	_ "istio.io/api/security/v1alpha1"
)
