package object

// The names of the ports join Service and EndpointSlice. They are those of the
// Service that the chart renders for a control plane: one that becomes the other
// goes on leading to the endpoints that it has.
// https://github.com/istio/istio/blob/1.31.0/manifests/charts/istio-control/istio-discovery/templates/service.yaml
const (
	DiscoveryPortName = "https-dns"
	WebhookPortName   = "https-webhook"
)
