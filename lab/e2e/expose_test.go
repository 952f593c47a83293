package e2e

import (
	"context"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/yaml"
)

var istioGateways = schema.GroupVersionResource{Group: "networking.istio.io", Version: "v1", Resource: "gateways"}

// istiodGateway and istiodRoutes have an east-west gateway pass on to istiod what is for it.
// https://github.com/istio/istio/blob/1.31.0/samples/multicluster/expose-istiod.yaml
const (
	istiodGateway = `apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: istiod-gateway}
spec:
  selector: {istio: eastwestgateway}
  servers:
  - {port: {name: tls-istiod, number: 15012, protocol: tls}, tls: {mode: PASSTHROUGH}, hosts: ["*"]}
  - {port: {name: tls-istiodwebhook, number: 15017, protocol: tls}, tls: {mode: PASSTHROUGH}, hosts: ["*"]}
`
	istiodRoutes = `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: istiod-vs}
spec:
  hosts: ["*"]
  gateways: [istiod-gateway]
  tls:
  - match: [{port: 15012, sniHosts: ["*"]}]
    route: [{destination: {host: istiod.istio-system.svc.cluster.local, port: {number: 15012}}}]
  - match: [{port: 15017, sniHosts: ["*"]}]
    route: [{destination: {host: istiod.istio-system.svc.cluster.local, port: {number: 443}}}]
`
)

// exposeIstiod does by hand what setup-mesh does for a cluster with remote clusters.
func (c *cluster) exposeIstiod(t *testing.T) {
	t.Helper()
	for kind, text := range map[schema.GroupVersionResource]string{istioGateways: istiodGateway, virtualServices: istiodRoutes} {
		o := &unstructured.Unstructured{}
		if err := yaml.Unmarshal([]byte(text), &o.Object); err != nil {
			t.Fatal(err)
		}
		if _, err := c.dynamic.Resource(kind).Namespace("istio-system").Create(context.Background(), o, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
}
