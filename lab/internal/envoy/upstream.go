package envoy

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"syscall"
	"time"

	cluster "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	envoytls "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
)

// errNoHost is of a cluster without a healthy host.
var errNoHost = errors.New("no healthy upstream")

// A connectError says why a host could not be reached, in Envoy's words.
type connectError struct {
	reason string
	cause  error
}

func (e *connectError) Error() string { return e.reason }
func (e *connectError) Unwrap() error { return e.cause }

// choose deals a host of a cluster. One of type ORIGINAL_DST has none of its own: it goes where the caller wanted.
func (p *Proxy) choose(c *cluster.Cluster, wanted string, tried []string) (host, error) {
	if c.GetType() == cluster.Cluster_ORIGINAL_DST {
		return host{address: wanted, weight: 1, healthy: true}, nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	d := p.decks[c.GetName()]
	if d == nil {
		d = &deck{}
		p.decks[c.GetName()] = d
	}
	h, ok := d.deal(usable(hostsIn(p.state, c)), tried)
	if !ok {
		return host{}, errNoHost
	}
	return h, nil
}

// connect opens a connection to a host of a cluster, with the TLS that the cluster wants for it. protocols are offered
// instead of the cluster's where there are any.
func (p *Proxy) connect(ctx context.Context, c *cluster.Cluster, h host, protocols []string) (net.Conn, error) {
	if t := c.GetConnectTimeout().AsDuration(); t > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, t)
		defer cancel()
	}
	conn, err := p.open(ctx, c, h, protocols)
	p.count(c.GetName(), h, func(n *counts) {
		n.connections++
		if err != nil {
			n.connectFailures++
		}
	})
	return conn, err
}

func (p *Proxy) open(ctx context.Context, c *cluster.Cluster, h host, protocols []string) (net.Conn, error) {
	conn, err := p.dial(ctx, h.address)
	if err != nil {
		return nil, &connectError{"delayed connect error: " + said(err), err}
	}
	s := socket(c, h)
	if s == nil {
		return conn, nil
	}
	var t envoytls.UpstreamTlsContext
	if !s.GetTypedConfig().MessageIs(&t) {
		return conn, nil // raw buffer
	}
	if err := s.GetTypedConfig().UnmarshalTo(&t); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	_, id := p.now()
	if id == nil {
		return nil, errors.Join(&connectError{"TLS_error: Secret is not supplied by SDS", nil}, conn.Close())
	}
	config, err := id.client(&t, protocols)
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	secure := tls.Client(conn, config)
	if err := secure.HandshakeContext(ctx); err != nil {
		_ = conn.Close()
		return nil, &connectError{"TLS_error: " + err.Error(), err}
	}
	return secure, nil
}

// said is what Envoy makes of an error of the network.
func said(err error) string {
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return "Connection refused"
	case errors.Is(err, syscall.EHOSTUNREACH):
		return "No route to host"
	case errors.Is(err, context.DeadlineExceeded):
		return "Connection timed out"
	}
	return err.Error()
}

// idle is how long a connection may say nothing before it is given up, so that none outlives its test.
const idle = time.Minute
