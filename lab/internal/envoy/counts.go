package envoy

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	cluster "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"

	"github.com/setup-mesh/setup-mesh/lab/internal/xds"
)

// counts are of one host of one cluster.
type counts struct{ connections, connectFailures, requests, success, failure int }

// count changes what is counted of a host.
func (p *Proxy) count(cluster string, h host, change func(*counts)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	key := [2]string{cluster, h.address}
	if p.counts[key] == nil {
		p.counts[key] = &counts{}
	}
	change(p.counts[key])
}

// Clusters is what Envoy's admin endpoint says at /clusters.
// https://www.envoyproxy.io/docs/envoy/v1.36.0/operations/admin#get--clusters
func (p *Proxy) Clusters() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(p.state.Clusters)) {
		c := p.state.Clusters[name]
		line := func(format string, args ...any) { fmt.Fprintf(&b, name+"::"+format+"\n", args...) }
		line("observability_name::%s", strings.TrimSuffix(c.GetAltStatName(), ";"))
		line("added_via_api::true")
		for _, h := range hostsIn(p.state, c) {
			n := p.counts[[2]string{name, h.address}]
			if n == nil {
				n = &counts{}
			}
			health := "healthy"
			if !h.healthy {
				health = "/failed_eds_health"
			}
			for _, kv := range [][2]any{
				{"cx_active", 0}, {"cx_connect_fail", n.connectFailures}, {"cx_total", n.connections}, {"rq_active", 0},
				{"rq_error", n.failure}, {"rq_success", n.success}, {"rq_timeout", 0}, {"rq_total", n.requests}, {"hostname", ""},
				{"health_flags", health}, {"weight", h.weight}, {"region", h.locality.GetRegion()}, {"zone", h.locality.GetZone()},
				{"sub_zone", h.locality.GetSubZone()}, {"canary", false}, {"priority", h.priority},
				{"success_rate", "-1"}, {"local_origin_success_rate", "-1"},
			} {
				line("%s::%v::%v", h.address, kv[0], kv[1])
			}
		}
	}
	return b.String()
}

func hostsIn(s xds.State, c *cluster.Cluster) []host {
	if c.GetType() == cluster.Cluster_EDS {
		return hostsOf(s.Endpoints[xds.EndpointsOf(c)])
	}
	return hostsOf(c.GetLoadAssignment())
}
