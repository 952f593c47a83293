// Package charts renders the Istio charts that are embedded in the binary.
//
// It is the only package that imports istio.io/istio. In goes the spec of an
// IstioOperator in today's terms, out come the Kubernetes objects of the
// components it asks for, in an order that never changes and without the
// fields that other controllers write:
//
//   - [Check] finds the mistakes in a spec, those included that the upstream
//     renderer passes over in silence;
//   - [Renderer.Render] yields the objects, and shares the ones that are the
//     same for every cluster.
//
// Nothing here contacts a cluster, so nothing is detected from one: the charts
// see the oldest Kubernetes release that this Istio supports. The namespace
// itself is not among the objects.
package charts

import "istio.io/istio/istioctl/pkg/install/k8sversion"

const (
	// Release is the Istio release of the embedded charts, and the tag of the
	// images that a spec gets which names none.
	Release = "1.31.0"

	// MinKubernetes is the minor version of the oldest Kubernetes 1 that [Release]
	// supports, by what its own istioctl says.
	// https://istio.io/latest/docs/releases/supported-releases/
	MinKubernetes = k8sversion.MinK8SVersion

	// Hub is where the images of [Release] are published: from 1.31 on Docker
	// Hub only.
	// https://istio.io/latest/news/releases/1.31.x/announcing-1.31/upgrade-notes/
	Hub = "docker.io/istio"

	// EastWestGateway is the name of the entry of components.ingressGateways
	// that [Renderer.Render] treats as the gateway between networks.
	EastWestGateway = "istio-eastwestgateway"
)
