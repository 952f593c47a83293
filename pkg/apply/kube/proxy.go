package kube

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"

	"github.com/setup-mesh/setup-mesh/pkg/apply/kube/internal/plain"
	"github.com/setup-mesh/setup-mesh/pkg/apply/kube/internal/transport"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

// A proxy is what stands between us and an API server.
type proxy struct {
	url    string // without credentials
	source string // what sets it
}

// proxy is the one that requests of c go through, or nil.
func (c *Cluster) proxy() *proxy {
	server, err := url.Parse(c.endpoint.Server)
	if err != nil || c.config == nil || c.config.Proxy == nil {
		return nil
	}
	request := &http.Request{URL: server}
	u, err := c.config.Proxy(request)
	if err != nil || u == nil {
		return nil
	}
	p := &proxy{url: u.Scheme + "://" + plain.Clean(u.Host), source: "proxy-url in the kubeconfig"}
	if env, err := http.ProxyFromEnvironment(request); err == nil && env != nil && *env == *u {
		p.source = "HTTPS_PROXY in the environment"
	}
	return p
}

// proxied describes a request that failed at the proxy with the URL p, and says
// whether that is so: with a proxy, nothing else is dialled.
func (e fault) proxied(err error, p, tries string) bool {
	op, isOp := errors.AsType[*net.OpError](err)
	refusal, refused := errors.AsType[*transport.ProxyRefusal](err)
	switch {
	case refused:
		e.Message = fmt.Sprintf("the proxy %s answered %s", p, refusal)
	case !isOp:
		return false
	case strings.HasPrefix(op.Op, "socks"):
		e.Message = fmt.Sprintf("the proxy %s does not connect to the API server: %s%s", p, plain.Clean(op.Err.Error()), tries)
	case op.Op != "proxyconnect" && op.Op != "dial":
		return false
	case errors.Is(err, syscall.ECONNREFUSED):
		e.Message = fmt.Sprintf("the proxy %s refuses connections%s", p, tries)
	default:
		e.Message = fmt.Sprintf("the proxy %s cannot be reached: %s%s", p, plain.Clean(err.Error()), tries)
	}
	e.Class = object.Unreachable
	return true
}
