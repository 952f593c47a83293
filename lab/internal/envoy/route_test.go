package envoy

import (
	"net/http/httptest"
	"testing"

	route "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	matcher "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
)

func TestFind(t *testing.T) {
	prefix := func(p string) *route.RouteMatch {
		return &route.RouteMatch{PathSpecifier: &route.RouteMatch_Prefix{Prefix: p}}
	}
	canary := prefix("/")
	canary.Headers = []*route.HeaderMatcher{{Name: "x-canary", HeaderMatchSpecifier: &route.HeaderMatcher_StringMatch{
		StringMatch: &matcher.StringMatcher{MatchPattern: &matcher.StringMatcher_Exact{Exact: "yes"}}}}}
	config := &route.RouteConfiguration{IgnorePortInHostMatching: true, VirtualHosts: []*route.VirtualHost{
		{Name: "any", Domains: []string{"*"}, Routes: []*route.Route{{Name: "passthrough", Match: prefix("/")}}},
		{Name: "end", Domains: []string{"*.example.com"}, Routes: []*route.Route{{Name: "end", Match: prefix("/")}}},
		{Name: "hello", Domains: []string{"hello.shop", "hello.shop.svc.cluster.local"}, Routes: []*route.Route{
			{Name: "canary", Match: canary},
			{Name: "exact", Match: &route.RouteMatch{PathSpecifier: &route.RouteMatch_Path{Path: "/one"}}},
			{Name: "separated", Match: &route.RouteMatch{PathSpecifier: &route.RouteMatch_PathSeparatedPrefix{PathSeparatedPrefix: "/two"}}},
			{Name: "regex", Match: &route.RouteMatch{PathSpecifier: &route.RouteMatch_SafeRegex{SafeRegex: &matcher.RegexMatcher{Regex: "/[0-9]+"}}}},
		}},
	}}
	tests := map[string]struct {
		host, path, canary string
		want               string // empty: 404
	}{
		"a path":                             {host: "hello.shop:5000", path: "/one", want: "exact"},
		"a longer path than the whole":       {host: "hello.shop:5000", path: "/one/more"},
		"below a path":                       {host: "HELLO.shop", path: "/two/more", want: "separated"},
		"beside a path":                      {host: "hello.shop", path: "/twofold"},
		"an expression for all of the path":  {host: "hello.shop", path: "/42", want: "regex"},
		"an expression for part of the path": {host: "hello.shop", path: "/42/x"},
		"a header":                           {host: "hello.shop", path: "/other", canary: "yes", want: "canary"},
		"the end of a name":                  {host: "www.example.com", path: "/", want: "end"},
		"a name that nobody has":             {host: "nobody.shop", path: "/", want: "passthrough"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest("GET", "http://"+tt.host+tt.path, nil)
			r.Header.Set("X-Canary", tt.canary)
			if _, got := find(config, r); got.GetName() != tt.want {
				t.Errorf("find = %q, want %q", got.GetName(), tt.want)
			}
		})
	}
}
