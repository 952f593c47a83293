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
