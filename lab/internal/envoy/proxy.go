// Package envoy plays Envoy, as far as requests between workloads need it: it does with connections and HTTP/1.1
// requests what an istiod says. It knows virtual inbound and gateway listeners, filter chains, routes, clusters,
// endpoints, mutual TLS, retries and statistics. It does not know other filters (RBAC, JWT, faults), HTTP/2, outlier
// detection, or certificates of others than istiod.
package envoy

import (
	"context"
	"net"
	"net/http"
	"sync"

	"github.com/setup-mesh/setup-mesh/lab/internal/agent"
	"github.com/setup-mesh/setup-mesh/lab/internal/xds"
)

// A Proxy plays the Envoy of one pod. Its methods are safe for concurrent use.
type Proxy struct {
	dial    func(ctx context.Context, address string) (net.Conn, error)
	app     func(port uint16) http.Handler
	changed func()

	ready chan struct{} // closed once the proxy has been told all that it needs

	mu       sync.Mutex
	own      *agent.Identity
	lists    []byte    // PEM of the revocation lists by which others are judged
	identity *identity // own, with the roots of state, and lists
	state    xds.State
	decks    map[string]*deck      // by cluster
	counts   map[[2]string]*counts // by cluster and host
	requests map[request]int       // that were let in
}

// New returns a Proxy that knows nothing yet. dial reaches "IP:port" as the pod would, app is what listens on a port of the
// pod, nil for nothing, and changed is called when [Proxy.Ports] may differ.
func New(dial func(ctx context.Context, address string) (net.Conn, error), app func(port uint16) http.Handler, changed func()) *Proxy {
	return &Proxy{
		dial: dial, app: app, changed: changed, ready: make(chan struct{}),
		decks: map[string]*deck{}, counts: map[[2]string]*counts{}, requests: map[request]int{},
	}
}

// Identify implements [agent.Proxy].
func (p *Proxy) Identify(i agent.Identity) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.own = &i
	p.identity = withTrust(i, p.state.Trust, p.lists)
}

// List implements [agent.Proxy].
func (p *Proxy) List(lists []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lists = lists
	if p.own != nil {
		p.identity = withTrust(*p.own, p.state.Trust, lists)
	}
}

// Configure implements [agent.Proxy].
func (p *Proxy) Configure(s xds.State) {
	p.mu.Lock()
	p.state = s
	if p.own != nil {
		p.identity = withTrust(*p.own, s.Trust, p.lists)
	}
	select {
	case <-p.ready:
	default:
		if s.Ready() {
			close(p.ready)
		}
	}
	p.mu.Unlock()
	p.changed()
}

// Ports are those on which an istiod wants a gateway to listen.
func (p *Proxy) Ports() map[uint16]bool {
	s, _ := p.now()
	out := map[uint16]bool{}
	for _, l := range s.Listeners {
		out[uint16(l.GetAddress().GetSocketAddress().GetPortValue())] = true
	}
	return out
}

func (p *Proxy) now() (xds.State, *identity) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.state, p.identity
}
