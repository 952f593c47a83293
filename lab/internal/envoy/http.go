package envoy

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	cluster "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	route "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	hcm "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	alpn "istio.io/api/envoy/config/filter/http/alpn/v2alpha1"

	"github.com/setup-mesh/setup-mesh/lab/internal/xds"
)

// routes are those of a filter chain: its own, or those that it names.
func routes(s xds.State, m *hcm.HttpConnectionManager) *route.RouteConfiguration {
	if c := m.GetRouteConfig(); c != nil {
		return c
	}
	return s.Routes[m.GetRds().GetRouteConfigName()]
}

// forward answers a request as Envoy's router does: with the answer of a host, or with what Envoy says when there is
// none. wanted is where the request was on its way to.
func (p *Proxy) forward(r *http.Request, m *hcm.HttpConnectionManager, v *route.VirtualHost, one *route.Route, wanted string) *http.Response {
	if d := one.GetDirectResponse(); d != nil {
		return local(r, int(d.Status), d.GetBody().GetInlineString())
	}
	name, ok := clusterOf(one)
	s, _ := p.now()
	c := s.Clusters[name]
	switch {
	case !ok:
		return local(r, http.StatusNotFound, "")
	case c == nil:
		return local(r, http.StatusServiceUnavailable, "")
	}
	out := r.Clone(r.Context())
	if v.GetIncludeRequestAttemptCount() {
		out.Header.Set("X-Envoy-Attempt-Count", "1")
	}
	return p.attempts(out, c, one.GetRoute().GetRetryPolicy(), protocols(m), wanted)
}

// attempts asks one host after another, as often as the route says.
func (p *Proxy) attempts(r *http.Request, c *cluster.Cluster, retry *route.RetryPolicy, protocols []string, wanted string) *http.Response {
	var tried []string
	most := 0
	if strings.Contains(retry.GetRetryOn(), "connect-failure") {
		most = max(1, int(retry.GetNumRetries().GetValue()))
	}
	for {
		h, err := p.choose(c, wanted, tried)
		if err != nil {
			return local(r, http.StatusServiceUnavailable, err.Error())
		}
		answer, err := p.exchange(r, c, h, protocols)
		if err == nil {
			return answer
		}
		tried = append(tried, h.address)
		var unreachable *connectError
		retriable := errors.As(err, &unreachable) && len(tried) <= most && r.Context().Err() == nil
		if !retriable {
			return local(r, http.StatusServiceUnavailable, resetText(len(tried) > 1, err))
		}
		r.Header.Set("X-Envoy-Attempt-Count", strconv.Itoa(len(tried)+1))
	}
}

// resetText is the body of Envoy's own 503.
func resetText(again bool, err error) string {
	reason := "connection termination"
	if c, ok := errors.AsType[*connectError](err); ok {
		reason = "remote connection failure, transport failure reason: " + c.reason
	}
	retried := ""
	if again {
		retried = "retried and the latest "
	}
	return "upstream connect error or disconnect/reset before headers. " + retried + "reset reason: " + reason
}

// exchange sends a request to a host over a connection of its own, and reads the whole answer.
func (p *Proxy) exchange(r *http.Request, c *cluster.Cluster, h host, protocols []string) (*http.Response, error) {
	conn, err := p.connect(r.Context(), c, h, protocols)
	if err != nil {
		p.count(c.GetName(), h, func(n *counts) { n.failure++ })
		return nil, err
	}
	defer conn.Close()
	answer, err := roundTrip(r, conn)
	p.count(c.GetName(), h, func(n *counts) {
		n.requests++
		if err != nil || answer.StatusCode >= http.StatusInternalServerError {
			n.failure++
		} else {
			n.success++
		}
	})
	return answer, err
}

// roundTrip sends a request and reads the whole answer, within the request's time.
func roundTrip(r *http.Request, conn net.Conn) (*http.Response, error) {
	stop := context.AfterFunc(r.Context(), func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	r.Close = true // a connection is for one request
	if err := r.Write(conn); err != nil {
		return nil, fmt.Errorf("send the request: %w", err)
	}
	answer, err := http.ReadResponse(bufio.NewReader(conn), r)
	if err != nil {
		return nil, fmt.Errorf("read the answer: %w", err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return nil, fmt.Errorf("read the answer: %w", err)
	}
	answer.Body, answer.ContentLength, answer.TransferEncoding = io.NopCloser(bytes.NewReader(body)), int64(len(body)), nil
	return answer, nil
}

// local is an answer that Envoy gives itself.
func local(r *http.Request, code int, text string) *http.Response {
	header := http.Header{"Server": {"envoy"}, "Date": {time.Now().UTC().Format(http.TimeFormat)}}
	if text != "" {
		header.Set("Content-Type", "text/plain")
	}
	return &http.Response{
		Status: strconv.Itoa(code) + " " + http.StatusText(code), StatusCode: code, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: header, Request: r, ContentLength: int64(len(text)), Body: io.NopCloser(strings.NewReader(text)),
	}
}

// clusterOf is the cluster of a route. Among several it is chance, by their weights.
func clusterOf(r *route.Route) (string, bool) {
	switch c := r.GetRoute().GetClusterSpecifier().(type) {
	case *route.RouteAction_Cluster:
		return c.Cluster, true
	case *route.RouteAction_WeightedClusters:
		var names []string
		for _, w := range c.WeightedClusters.GetClusters() {
			names = append(names, slices.Repeat([]string{w.GetName()}, int(w.GetWeight().GetValue()))...)
		}
		if len(names) > 0 {
			return names[rand.IntN(len(names))], true
		}
	}
	return "", false
}

// protocols are those that Istio's filter wants to be offered for HTTP/1.1 instead of the cluster's.
func protocols(m *hcm.HttpConnectionManager) []string {
	for _, f := range m.GetHttpFilters() {
		var c alpn.FilterConfig
		if !f.GetTypedConfig().MessageIs(&c) || f.GetTypedConfig().UnmarshalTo(&c) != nil {
			continue
		}
		for _, o := range c.GetAlpnOverride() {
			if o.GetUpstreamProtocol() == alpn.FilterConfig_HTTP11 {
				return o.GetAlpnOverride()
			}
		}
	}
	return nil
}
