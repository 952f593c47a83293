package envoy

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"syscall"

	listener "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"

	"github.com/setup-mesh/setup-mesh/lab/internal/xds"
)

// Do sends a request that the pod's application makes to an address, which the pod's iptables lead to its proxy. The answer's body
// is in memory. An error is what the application would see of the network: Envoy answers itself where it can.
func (p *Proxy) Do(r *http.Request, to netip.AddrPort) (*http.Response, error) {
	select {
	case <-p.ready:
	case <-r.Context().Done():
		return nil, fmt.Errorf("no proxy listens: %w", syscall.ECONNREFUSED)
	}
	s, id := p.now()
	chain := passthrough(s)
	if l := outboundListener(s, to); l != nil {
		chain = pick(l, to, hello{transport: "raw_buffer", protocols: []string{"http/1.1"}})
	}
	if m := xds.HTTP(chain); m != nil {
		if id != nil {
			introduce(r.Header, id.Cluster)
		}
		v, one := find(routes(s, m), r)
		answer := p.forward(r, m, v, one, to.String())
		answer.Header.Set("Server", "envoy")
		return answer, context.Cause(r.Context())
	}
	return p.raw(r, s, chain, to)
}

// outboundListener is the one of an address, or else that of its port.
func outboundListener(s xds.State, to netip.AddrPort) *listener.Listener {
	for _, host := range []string{to.Addr().String(), "0.0.0.0"} {
		if l := s.Listeners[fmt.Sprintf("%s_%d", host, to.Port())]; l != nil {
			return l
		}
	}
	return nil
}

// passthrough is what becomes of an address of which istiod knows nothing.
func passthrough(s xds.State) *listener.FilterChain {
	l := s.Listeners["virtualOutbound"]
	if l.GetDefaultFilterChain() != nil {
		return l.GetDefaultFilterChain()
	}
	for _, c := range l.GetFilterChains() {
		if strings.HasSuffix(c.GetName(), "catchall-tcp") {
			return c
		}
	}
	return nil
}

// raw sends a request through a filter chain that does not know what it is.
func (p *Proxy) raw(r *http.Request, s xds.State, chain *listener.FilterChain, to netip.AddrPort) (*http.Response, error) {
	c := s.Clusters[xds.TCP(chain).GetCluster()]
	if c == nil {
		return nil, fmt.Errorf("no cluster for %s: %w", to, syscall.ECONNRESET)
	}
	h, err := p.choose(c, to.String(), nil)
	if err != nil {
		return nil, errors.Join(err, syscall.ECONNRESET)
	}
	answer, err := p.exchange(r, c, h, nil)
	var unreachable *connectError
	if errors.As(err, &unreachable) && context.Cause(r.Context()) == nil {
		return nil, errors.Join(err, syscall.ECONNRESET)
	}
	return answer, err
}

// Plain sends a request over a connection as it is, as an application without a proxy does.
func Plain(r *http.Request, conn net.Conn) (*http.Response, error) {
	defer conn.Close()
	return roundTrip(r, conn)
}

// Serve serves HTTP on one connection to an application without a proxy, and returns when it is closed.
func Serve(conn net.Conn, h http.Handler) { serveOne(conn, h) }
