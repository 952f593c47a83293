package apply

// The names of the ports join Service and EndpointSlice.
const (
	discoveryPortName = "tcp-istiod"
	webhookPortName   = "tcp-webhook"
)
