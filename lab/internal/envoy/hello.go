package envoy

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"regexp"
)

// A hello is what Envoy's listener filters see of a connection before it is taken.
type hello struct {
	transport  string   // "tls" or "raw_buffer"
	serverName string   // SNI
	protocols  []string // ALPN, or what the first bytes look like
}

// handshake is the type of the TLS record in which a ClientHello comes.
const handshake = 0x16

var requestLine = regexp.MustCompile(`^[A-Z]+ \S`)

// sniff reads the first bytes of a connection, and returns one on which they come again.
func sniff(conn net.Conn) (hello, net.Conn, error) {
	r := bufio.NewReader(conn)
	first, err := r.Peek(1)
	if err != nil {
		return hello{}, nil, fmt.Errorf("wait for the first byte: %w", err)
	}
	if first[0] != handshake {
		h := hello{transport: "raw_buffer"}
		start, _ := r.Peek(r.Buffered()) // what is there
		if bytes.HasPrefix(start, []byte("PRI * HTTP/2")) {
			h.protocols = []string{"h2c"}
		} else if requestLine.Match(start) {
			h.protocols = []string{"http/1.1"}
		}
		return h, prefixed{conn, r}, nil
	}
	var seen bytes.Buffer
	h := hello{transport: "tls"}
	errSeen := errors.New("seen")
	err = tls.Server(silent{conn, io.TeeReader(r, &seen)}, &tls.Config{
		GetConfigForClient: func(info *tls.ClientHelloInfo) (*tls.Config, error) {
			h.serverName, h.protocols = info.ServerName, info.SupportedProtos
			return nil, errSeen
		},
	}).Handshake()
	if !errors.Is(err, errSeen) {
		return hello{}, nil, fmt.Errorf("read a ClientHello: %w", err)
	}
	return h, prefixed{conn, io.MultiReader(&seen, r)}, nil
}

// prefixed is a connection of which the first bytes were read already.
type prefixed struct {
	net.Conn
	r io.Reader
}

func (p prefixed) Read(b []byte) (int, error) { return p.r.Read(b) }

// CloseWrite passes on what [splice] asks for.
func (p prefixed) CloseWrite() error { return closeWrite(p.Conn) }

// silent is a connection that does not say anything.
type silent struct {
	net.Conn
	r io.Reader
}

func (s silent) Read(b []byte) (int, error)  { return s.r.Read(b) }
func (s silent) Write(b []byte) (int, error) { return len(b), nil }
