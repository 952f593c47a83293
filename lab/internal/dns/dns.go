// Package dns is a DNS server on loopback that knows some names, and that there are no others: it asks nobody.
package dns

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// ttl is how many seconds an answer is good for: a test changes it at any time.
const ttl = 1

// A Server answers over UDP and TCP.
type Server struct {
	lookup func(name string) []netip.Addr
	udp    net.PacketConn
	tcp    net.Listener
}

// Serve answers on port of 127.0.0.1 until Close. lookup returns the addresses of a name in lower case, without a dot
// at its end; none says that there is no such name.
func Serve(port int, lookup func(name string) []netip.Addr) (*Server, error) {
	address := fmt.Sprintf("127.0.0.1:%d", port)
	udp, err := net.ListenPacket("udp", address)
	if err != nil {
		return nil, fmt.Errorf("serve DNS: %w", err)
	}
	tcp, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("serve DNS: %w", errors.Join(err, udp.Close()))
	}
	s := &Server{lookup: lookup, udp: udp, tcp: tcp}
	go s.serveUDP()
	go s.serveTCP()
	return s, nil
}

// Address is the server's "IP:port".
func (s *Server) Address() string { return s.udp.LocalAddr().String() }

// Close stops answering.
func (s *Server) Close() error { return errors.Join(s.udp.Close(), s.tcp.Close()) }

func (s *Server) serveUDP() {
	query := make([]byte, 64<<10)
	for {
		n, from, err := s.udp.ReadFrom(query)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if answer, answerErr := s.answer(query[:n]); err == nil && answerErr == nil {
			_, _ = s.udp.WriteTo(answer, from) // who gets no answer asks again
		}
	}
}

func (s *Server) serveTCP() {
	for {
		conn, err := s.tcp.Accept()
		if err != nil {
			return // closed
		}
		go s.converse(conn)
	}
}

// converse answers what comes over one connection, each message after its length.
// https://www.rfc-editor.org/rfc/rfc1035#section-4.2.2
func (s *Server) converse(conn net.Conn) {
	defer conn.Close()
	for {
		_ = conn.SetDeadline(time.Now().Add(10 * time.Second)) // only fails on a connection that is closed
		var length [2]byte
		if _, err := io.ReadFull(conn, length[:]); err != nil {
			return
		}
		query := make([]byte, binary.BigEndian.Uint16(length[:]))
		if _, err := io.ReadFull(conn, query); err != nil {
			return
		}
		answer, err := s.answer(query)
		if err != nil {
			return
		}
		if _, err := conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(answer))), answer...)); err != nil {
			return
		}
	}
}

// answer fails for what is no query.
func (s *Server) answer(query []byte) ([]byte, error) {
	var p dnsmessage.Parser
	asked, err := p.Start(query)
	if err != nil || asked.Response {
		return nil, errors.Join(err, errors.New("not a query"))
	}
	q, err := p.Question()
	if err != nil {
		return nil, err
	}
	m := dnsmessage.Message{
		Header: dnsmessage.Header{
			ID: asked.ID, Response: true, Authoritative: true, OpCode: asked.OpCode, RecursionDesired: asked.RecursionDesired,
		},
		Questions: []dnsmessage.Question{q},
	}
	addresses := s.lookup(strings.TrimSuffix(strings.ToLower(q.Name.String()), "."))
	if len(addresses) == 0 {
		m.RCode = dnsmessage.RCodeNameError
	}
	if q.Type == dnsmessage.TypeA && q.Class == dnsmessage.ClassINET {
		m.Answers = records(q, addresses)
	}
	return m.Pack()
}

func records(q dnsmessage.Question, addresses []netip.Addr) []dnsmessage.Resource {
	var out []dnsmessage.Resource
	for _, a := range addresses {
		out = append(out, dnsmessage.Resource{
			Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class, TTL: ttl},
			Body:   &dnsmessage.AResource{A: a.As4()},
		})
	}
	return out
}
