package certs

import "net/url"

// istiod are the DNS names in istiod's certificate. Proxies know it by the first;
// name constraints must permit all of them
// (https://github.com/istio/istio/blob/1.31.0/pilot/pkg/bootstrap/server.go, getDNSNames).
func (id Identity) istiod() []string {
	var names []string
	for _, host := range []string{"istiod", "istiod-remote", "istio-pilot"} {
		names = append(names, host+"."+id.Namespace+".svc")
	}
	return names
}

// workload is the SPIFFE ID of a workload, one for all.
func (id Identity) workload() *url.URL {
	return &url.URL{Scheme: "spiffe", Host: id.TrustDomain, Path: "/ns/default/sa/probe"}
}
