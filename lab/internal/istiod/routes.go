package istiod

// routes are the pod's ports.
func (i *instance) routes() map[string]string {
	i.mu.Lock()
	defer i.mu.Unlock()
	routes := map[string]string{}
	for n := range i.ports {
		routes[i.ip+":"+podPorts[n]] = i.address(n)
	}
	return routes
}

// GatewayRoutes are what the cluster's east-west gateway passes on to a ready istiod: discovery and webhooks, by
// the gateway's IP address and by its name. They are nil while no istiod is ready.
// https://github.com/istio/istio/blob/1.31.0/samples/multicluster/expose-istiod.yaml
func (r *Runner) GatewayRoutes() map[string]string {
	spec := r.cluster.Spec()
	for _, s := range r.State() {
		if s.Ready {
			return map[string]string{
				spec.GatewayIP() + ":15012":       s.Addresses.SecureXDS,
				spec.GatewayIP() + ":15017":       s.Addresses.Webhook,
				spec.GatewayHostname() + ":15012": s.Addresses.SecureXDS,
				spec.GatewayHostname() + ":15017": s.Addresses.Webhook,
			}
		}
	}
	return nil
}
