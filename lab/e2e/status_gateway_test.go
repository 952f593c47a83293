package e2e

import (
	"context"
	"io"
	"net"
	"sync/atomic"
	"testing"
)

// A standIn is at the address of a gateway on this machine and does what the gateway would: it passes connections on as
// they are, to the istiod of its cluster.
type standIn struct {
	to     *cluster
	l      net.Listener
	at     string
	hangUp atomic.Bool // passes on to nobody
}

func newStandIn(t *testing.T, to *cluster) *standIn {
	t.Helper()
	s := &standIn{to: to, at: "127.0.0.1:0"}
	s.open(t)
	t.Cleanup(s.close)
	return s
}

func (s *standIn) port() int { return s.l.Addr().(*net.TCPAddr).Port }

// open listens, where it has listened before: a connection of somebody else may have the port meanwhile.
func (s *standIn) open(t *testing.T) {
	t.Helper()
	var l net.Listener
	eventually(t, "a listener at "+s.at, func(context.Context) (err error) {
		l, err = net.Listen("tcp", s.at)
		return err
	})
	s.l, s.at = l, l.Addr().String()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go s.pass(conn)
		}
	}()
}

func (s *standIn) close() { s.l.Close() }

func (s *standIn) pass(in net.Conn) {
	defer in.Close()
	istiod, err := s.to.istiod(context.Background())
	if err != nil || s.hangUp.Load() {
		return
	}
	out, err := net.Dial("tcp", istiod.Addresses.SecureXDS)
	if err != nil {
		return
	}
	defer out.Close()
	go func() { _, _ = io.Copy(out, in) }()
	_, _ = io.Copy(in, out)
}
