package envoy

import (
	"net"
	"net/http"
	"slices"
	"strings"

	route "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
)

// find returns the route of a request, or nil: Envoy answers 404 then.
func find(c *route.RouteConfiguration, r *http.Request) (*route.VirtualHost, *route.Route) {
	v := virtualHost(c, r.Host)
	for _, one := range v.GetRoutes() {
		if routeMatches(one.GetMatch(), r) {
			return v, one
		}
	}
	return v, nil
}

// virtualHost prefers the host's own name, then the longest that ends like it, then the longest that begins like it,
// then "*". https://www.envoyproxy.io/docs/envoy/v1.36.0/api-v3/config/route/v3/route_components.proto#envoy-v3-api-field-config-route-v3-virtualhost-domains
func virtualHost(c *route.RouteConfiguration, host string) *route.VirtualHost {
	host = strings.ToLower(host)
	if c.GetIgnorePortInHostMatching() {
		if h, _, err := net.SplitHostPort(host); err == nil {
			host = h
		}
	}
	var found *route.VirtualHost
	best := [2]int{}
	for _, v := range c.GetVirtualHosts() {
		for _, d := range v.Domains {
			if rank := domainRank(strings.ToLower(d), host); slices.Compare(rank[:], best[:]) > 0 {
				found, best = v, rank
			}
		}
	}
	return found
}

// domainRank is higher the better a domain fits; its zero value says that it does not.
func domainRank(domain, host string) [2]int {
	end, isEnd := strings.CutPrefix(domain, "*")
	start, isStart := strings.CutSuffix(domain, "*")
	switch {
	case domain == host:
		return [2]int{4, 0}
	case domain == "*":
		return [2]int{1, 0}
	case isEnd && len(host) > len(end) && strings.HasSuffix(host, end):
		return [2]int{3, len(end)}
	case isStart && len(host) > len(start) && strings.HasPrefix(host, start):
		return [2]int{2, len(start)}
	}
	return [2]int{}
}

func routeMatches(m *route.RouteMatch, r *http.Request) bool {
	return pathMatches(m, r.URL.Path) && !slices.ContainsFunc(m.GetHeaders(), func(h *route.HeaderMatcher) bool { return !headerMatches(h, r) })
}

func pathMatches(m *route.RouteMatch, path string) bool {
	switch p := m.GetPathSpecifier().(type) {
	case *route.RouteMatch_Prefix:
		return strings.HasPrefix(path, p.Prefix)
	case *route.RouteMatch_Path:
		return path == p.Path
	case *route.RouteMatch_PathSeparatedPrefix:
		rest, ok := strings.CutPrefix(path, p.PathSeparatedPrefix)
		return ok && (rest == "" || rest[0] == '/')
	case *route.RouteMatch_SafeRegex:
		return fully(p.SafeRegex, path)
	}
	return false
}

func headerMatches(m *route.HeaderMatcher, r *http.Request) bool {
	value, present := strings.Join(r.Header.Values(m.Name), ","), len(r.Header.Values(m.Name)) > 0
	switch m.Name {
	case ":authority":
		value, present = r.Host, true
	case ":method":
		value, present = r.Method, true
	case ":path":
		value, present = r.URL.RequestURI(), true
	}
	if p, ok := m.GetHeaderMatchSpecifier().(*route.HeaderMatcher_PresentMatch); ok {
		return (p.PresentMatch == present) != m.InvertMatch
	}
	return (present && matches(m.GetStringMatch(), value)) != m.InvertMatch
}
