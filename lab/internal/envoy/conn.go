package envoy

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// reset ends a connection as Envoy does with what it does not want.
func reset(conn net.Conn) {
	if c, ok := conn.(*net.TCPConn); ok {
		_ = c.SetLinger(0)
	}
}

// splice copies both ways until both have ended or ctx is done, and closes back.
func splice(ctx context.Context, front, back net.Conn) {
	defer back.Close()
	stop := context.AfterFunc(ctx, func() { _ = back.Close() })
	defer stop()
	var both sync.WaitGroup
	copyTo := func(to, from net.Conn) {
		if _, err := io.Copy(to, from); err != nil { // one of them is broken: the other must not wait for it
			_ = front.SetDeadline(time.Unix(1, 0))
			_ = back.SetDeadline(time.Unix(1, 0))
		}
		_ = closeWrite(to) // fails where it has ended already
	}
	both.Go(func() { copyTo(back, front) })
	both.Go(func() { copyTo(front, back) })
	both.Wait()
}

// closeWrite says that nothing more comes, where that can be said.
func closeWrite(conn net.Conn) error {
	if c, ok := conn.(interface{ CloseWrite() error }); ok {
		return c.CloseWrite()
	}
	return conn.Close()
}

// serveOne serves HTTP on one connection, and returns when it is closed.
func serveOne(conn net.Conn, h http.Handler) {
	closed := make(chan struct{})
	var once sync.Once
	srv := &http.Server{
		Handler: h, ReadHeaderTimeout: idle, IdleTimeout: idle,
		ConnState: func(_ net.Conn, s http.ConnState) {
			if s == http.StateClosed || s == http.StateHijacked {
				once.Do(func() { close(closed) })
			}
		},
	}
	_ = srv.Serve(&single{conn: conn}) // ends at once, with the error of its second Accept
	<-closed
}

// single is a listener with one connection.
type single struct {
	conn net.Conn
	mu   sync.Mutex
	done bool
}

// Accept implements [net.Listener].
func (s *single) Accept() (net.Conn, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.done {
		return nil, io.EOF
	}
	s.done = true
	if c, ok := s.conn.(*tls.Conn); ok {
		return undressed{c}, nil
	}
	return s.conn, nil
}

// Close implements [net.Listener].
func (s *single) Close() error { return nil }

// Addr implements [net.Listener].
func (s *single) Addr() net.Addr { return s.conn.LocalAddr() }

// undressed hides that a connection is TLS, so that nobody looks at its protocols again.
type undressed struct{ net.Conn }
