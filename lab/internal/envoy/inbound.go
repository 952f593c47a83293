package envoy

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	listener "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	hcm "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	envoytls "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"

	"github.com/setup-mesh/setup-mesh/lab/internal/xds"
)

// Serve does with a connection to an address of the pod what istiod says, and returns when it is over. The connection is closed
// then; one that no filter chain wants is reset.
func (p *Proxy) Serve(ctx context.Context, conn net.Conn, to netip.AddrPort) {
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(idle)) // fails with the connection, as what follows does
	s, id := p.now()
	l := inboundListener(s, to.Port())
	if l == nil {
		reset(conn)
		return
	}
	h, again, err := sniff(conn)
	if err != nil {
		return
	}
	chain := pick(l, to, withoutHTTP(l, h))
	if chain == nil {
		reset(conn)
		return
	}
	plain, peer, err := unwrap(ctx, again, chain, id, h.protocols)
	if err != nil {
		return
	}
	if m := xds.HTTP(chain); m != nil {
		serveOne(plain, p.handler(m, to, id, peer))
		return
	}
	p.pass(ctx, plain, chain, to)
}

// inboundListener is where the iptables of a sidecar's pod lead everything, or a gateway's own of the port.
func inboundListener(s xds.State, port uint16) *listener.Listener {
	if l := s.Listeners["virtualInbound"]; l != nil {
		return l
	}
	for _, l := range s.Listeners {
		if l.GetAddress().GetSocketAddress().GetPortValue() == uint32(port) {
			return l
		}
	}
	return nil
}

// withoutHTTP forgets what bytes look like where no inspector looks at them.
func withoutHTTP(l *listener.Listener, h hello) hello {
	for _, f := range l.GetListenerFilters() {
		if strings.HasSuffix(f.GetName(), "http_inspector") {
			return h
		}
	}
	if h.transport != "tls" {
		h.protocols = nil
	}
	return h
}

// unwrap ends the TLS of a connection where the chain does so, and returns the certificate of the peer if it showed one.
func unwrap(ctx context.Context, conn net.Conn, chain *listener.FilterChain, id *identity, offered []string) (net.Conn, *x509.Certificate, error) {
	if chain.GetTransportSocket() == nil {
		return conn, nil, nil
	}
	var c envoytls.DownstreamTlsContext
	if err := chain.GetTransportSocket().GetTypedConfig().UnmarshalTo(&c); err != nil {
		return nil, nil, err
	}
	if id == nil {
		return nil, nil, fmt.Errorf("no certificate yet")
	}
	config, err := id.server(&c, offered)
	if err != nil {
		return nil, nil, err
	}
	secure := tls.Server(conn, config)
	if err := secure.HandshakeContext(ctx); err != nil {
		return nil, nil, err
	}
	if peers := secure.ConnectionState().PeerCertificates; len(peers) > 0 {
		return secure, peers[0], nil
	}
	return secure, nil, nil
}

// handler routes requests of one connection: to the application, or on to another pod.
func (p *Proxy) handler(m *hcm.HttpConnectionManager, to netip.AddrPort, id *identity, peer *x509.Certificate) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if id != nil {
			id.tellPeer(r.Header, m, peer)
		}
		s, _ := p.now()
		v, one := find(routes(s, m), r)
		if name, _ := clusterOf(one); isApplication(name) {
			if app := p.app(to.Port()); app != nil {
				p.letIn(w, r, app, id, peer)
				return
			}
			write(w, local(r, http.StatusServiceUnavailable, resetText(false, &connectError{"delayed connect error: Connection refused", nil})))
			return
		}
		write(w, p.forward(r, m, v, one, to.String()))
	})
}

// isApplication says whether a cluster is the application in the proxy's own pod.
func isApplication(cluster string) bool {
	return strings.HasPrefix(cluster, "inbound|") || cluster == "InboundPassthroughCluster"
}

func write(w http.ResponseWriter, answer *http.Response) {
	defer answer.Body.Close()
	maps.Copy(w.Header(), answer.Header)
	w.WriteHeader(answer.StatusCode)
	_, _ = io.Copy(w, answer.Body) // who has gone does not read it
}

// pass does with a connection what its chain says without looking into it.
func (p *Proxy) pass(ctx context.Context, conn net.Conn, chain *listener.FilterChain, to netip.AddrPort) {
	t := xds.TCP(chain)
	s, _ := p.now()
	c := s.Clusters[t.GetCluster()]
	if c == nil || t.GetCluster() == "BlackHoleCluster" {
		return
	}
	if isApplication(t.GetCluster()) {
		if app := p.app(to.Port()); app != nil {
			serveOne(conn, app)
		}
		return
	}
	var tried []string
	for range max(1, int(t.GetMaxConnectAttempts().GetValue())) {
		h, err := p.choose(c, to.String(), tried)
		if err != nil {
			return
		}
		back, err := p.connect(ctx, c, h, nil)
		if err != nil {
			tried = append(tried, h.address)
			continue
		}
		p.count(c.GetName(), h, func(n *counts) { n.requests++ })
		_ = conn.SetDeadline(time.Time{}) // istiod's streams last
		splice(ctx, conn, back)
		return
	}
}
