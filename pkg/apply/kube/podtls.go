package kube

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

// PodTLS is [object.Asker.PodTLS], over the API server's port-forward.
func (c *Cluster) PodTLS(ctx context.Context, namespace, pod string, port int) ([]*x509.Certificate, error) {
	op := fmt.Sprintf("begin TLS with port %d of", port)
	return overPort(ctx, c, op, namespace, pod, port, func(ctx context.Context, stream io.ReadWriter) ([]*x509.Certificate, error) {
		//nolint:gosec // nothing is sent: who that is, is for the caller to judge
		conn := tls.Client(streamConn{stream}, &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: true})
		if err := conn.HandshakeContext(ctx); err != nil {
			return nil, err
		}
		chain := conn.ConnectionState().PeerCertificates
		if len(chain) == 0 {
			return nil, errors.New("it shows no certificate")
		}
		return chain, nil
	})
}

// A streamConn is a stream of a port-forward for package tls. Whoever made the stream
// closes it when a deadline has passed.
type streamConn struct{ io.ReadWriter }

func (streamConn) Close() error                     { return nil }
func (streamConn) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (streamConn) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (streamConn) SetDeadline(time.Time) error      { return nil }
func (streamConn) SetReadDeadline(time.Time) error  { return nil }
func (streamConn) SetWriteDeadline(time.Time) error { return nil }
