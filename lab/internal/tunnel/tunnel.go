// Package tunnel is a cluster's pod network: a table from pod addresses to loopback addresses, and the HTTP CONNECT
// proxy through which the API server dials everything that is not in it.
package tunnel

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/setup-mesh/setup-mesh/lab/internal/pki"
)

// A Table maps "address:port" of the pod network to "127.0.0.1:port". The zero Table is empty and ready.
// It is safe for concurrent use.
type Table struct {
	mu     sync.RWMutex
	routes map[string]string
}

// Set adds routes, replacing those of the same address.
func (t *Table) Set(routes map[string]string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.set(routes)
}

func (t *Table) set(routes map[string]string) {
	if t.routes == nil {
		t.routes = map[string]string{}
	}
	maps.Copy(t.routes, routes)
}

// Remove takes routes out again, except where somebody else has replaced them since.
func (t *Table) Remove(routes map[string]string) { t.Replace(routes, nil) }

// Replace is Remove and Set in one step: an address in both leads somewhere all the time.
func (t *Table) Replace(old, next map[string]string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for from, to := range old {
		if t.routes[from] == to {
			delete(t.routes, from)
		}
	}
	t.set(next)
}

// Lookup returns the loopback address behind addr.
func (t *Table) Lookup(addr string) (string, bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	to, ok := t.routes[addr]
	return to, ok
}

// All returns a copy of the table.
func (t *Table) All() map[string]string {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return maps.Clone(t.routes)
}

// A Server answers CONNECT for the addresses in a table, and 502 for all others: nothing leaves the machine.
type Server struct {
	table *Table
	http  *http.Server
}

// Serve answers on port of 127.0.0.1 until Close. Only clients with a certificate of the CA in caFile are served.
func Serve(port int, table *Table, pair pki.Pair, caFile string) (*Server, error) {
	cert, err := tls.LoadX509KeyPair(pair.Cert, pair.Key)
	if err != nil {
		return nil, fmt.Errorf("load the tunnel's certificate: %w", err)
	}
	ca, err := os.ReadFile(caFile)
	if err != nil {
		return nil, fmt.Errorf("load the tunnel's CA: %w", err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca)
	l, err := tls.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port), &tls.Config{
		Certificates: []tls.Certificate{cert}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool,
	})
	if err != nil {
		return nil, fmt.Errorf("serve the tunnel: %w", err)
	}
	s := &Server{table: table}
	s.http = &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = s.http.Serve(l) }() // ends with ErrServerClosed
	return s, nil
}

// Close stops answering; connections made before live on.
func (s *Server) Close() error { return s.http.Close() }

// ServeHTTP implements [http.Handler].
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodConnect {
		http.Error(w, "only CONNECT is served here", http.StatusMethodNotAllowed)
		return
	}
	to, ok := s.table.Lookup(r.Host)
	if !ok {
		refuse(w, fmt.Sprintf("nothing listens on %s in this lab", r.Host))
		return
	}
	back, err := net.DialTimeout("tcp", to, 5*time.Second)
	if err != nil {
		refuse(w, fmt.Sprintf("nobody answers on %s: %v", r.Host, err))
		return
	}
	defer back.Close()
	front, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	defer front.Close()
	if _, err := io.WriteString(front, "HTTP/1.1 200 Connection established\r\n\r\n"); err != nil {
		return
	}
	Splice(struct {
		io.Reader
		io.Writer
	}{buffered, front}, back)
}

// refuse answers 502 with a reason of our own in the status line: of an answer's text, API servers tell nobody.
func refuse(w http.ResponseWriter, reason string) {
	front, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, reason, http.StatusBadGateway)
		return
	}
	defer front.Close()
	_, _ = fmt.Fprintf(front, "HTTP/1.1 %d %s\r\nContent-Length: 0\r\n\r\n", http.StatusBadGateway, reason) // who has gone does not read it
}

// Splice copies both ways and returns when either side has ended.
func Splice(a, b io.ReadWriter) {
	done := make(chan error, 2)
	go func() { _, err := io.Copy(a, b); done <- err }()
	go func() { _, err := io.Copy(b, a); done <- err }()
	if err := <-done; err != nil && !errors.Is(err, net.ErrClosed) {
		return
	}
}
