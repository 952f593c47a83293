package dataplane

import (
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/setup-mesh/setup-mesh/lab/internal/agent"
)

// A role is what is played for a pod. Names of containers and what is in them decide, never an image or an annotation:
//
//   - A container helloworld with the variable SERVICE_VERSION is the application of Istio's sample, on its first
//     containerPort or 5000.
//   - A container client is a shell with curl.
//   - The pod that istiod makes of a Gateway of class istio-east-west is an ambient gateway, by its label.
//   - A container istio-proxy, which istiod's webhook makes, is a proxy: every gateway's is played, and that of a
//     pod with one of the two containers above; so are ztunnels, waypoints and ambient gateways, as far as their
//     certificates go.
//
// Nothing is played for all other pods.
type role struct {
	version string // of helloworld; empty for a pod without
	port    uint16 // of helloworld
	client  bool
	tunnel  bool   // an ambient gateway between networks
	proxy   string // "sidecar", "router", "waypoint", "ztunnel" or empty
}

const (
	helloContainer  = "helloworld"
	clientContainer = "client"
	helloPort       = 5000
)

func roleOf(pod *corev1.Pod) role {
	var r role
	for _, c := range pod.Spec.Containers {
		switch c.Name {
		case helloContainer:
			i := slices.IndexFunc(c.Env, func(e corev1.EnvVar) bool { return e.Name == "SERVICE_VERSION" })
			if i < 0 || c.Env[i].Value == "" {
				continue
			}
			r.version, r.port = c.Env[i].Value, helloPort
			if len(c.Ports) > 0 {
				r.port = uint16(c.Ports[0].ContainerPort)
			}
		case clientContainer:
			r.client = true
		}
	}
	r.tunnel = isTunnel(pod)
	_, kind, ok := agent.ProxyContainer(pod)
	if ok && (kind != "sidecar" || r.version != "" || r.client) {
		r.proxy = kind
	}
	return r
}

// plays says whether the lab runs anything for the pod.
func (r role) plays() bool { return r != role{} }
