package kube

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"

	"github.com/setup-mesh/setup-mesh/pkg/apply/kube/internal/plain"
	"github.com/setup-mesh/setup-mesh/pkg/apply/kube/internal/transport"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

// broke describes a request without an answer.
func (c *Cluster) broke(e fault, err error) {
	tries := ""
	if f, ok := errors.AsType[*transport.Failure](err); ok && f.Attempts > 1 {
		tries = fmt.Sprintf(" (%d attempts)", f.Attempts)
	}
	err = causeOf(err)
	_, isForeign := errors.AsType[*transport.ForeignAnswer](err)
	_, isLong := errors.AsType[*transport.LongAnswer](err)
	switch p, server := c.proxy(), plain.Clean(c.endpoint.Server); {
	case isForeign, isLong:
		e.foreign(err, server)
	case undecodable(err):
		e.foreign(errors.New("the answer is not a Kubernetes object"), server)
	case p == nil:
		e.unanswered(err, tries)
	case e.proxied(err, p.url, tries):
		e.Hint = fmt.Sprintf("is the proxy %s up, and does it let you reach %s? It is set by %s", p.url, server, p.source)
	default:
		e.unanswered(err, tries)
		if e.Class == object.Unreachable {
			e.Hint = fmt.Sprintf("is the API server %s up, and reachable from the proxy %s?", server, p.url)
		}
	}
}

// unanswered describes a request that broke on its way to the API server.
func (e fault) unanswered(err error, tries string) {
	var cert *tls.CertificateVerificationError
	var unknown x509.UnknownAuthorityError
	var host x509.HostnameError
	var dns *net.DNSError
	var invalid x509.CertificateInvalidError
	text := strings.TrimSuffix(plain.Clean(err.Error()), ": "+context.DeadlineExceeded.Error())
	switch {
	case errors.As(err, &cert), errors.As(err, &unknown), errors.As(err, &host):
		e.Class, e.Message = object.Untrusted, text
		switch {
		case errors.As(err, &host):
			e.Hint = "if the address is right, set tls-server-name in the kubeconfig to a name in the certificate"
		case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
			e.Hint = "renew the API server's certificate, or correct the clock of this machine"
		}
	case errors.Is(err, context.DeadlineExceeded):
		e.Class, e.Message = object.Timeout, text
		e.Hint = "is the API server overloaded, or does a firewall drop packets on the way to it?"
	case errors.As(err, &dns):
		e.Class, e.Message = object.Unreachable, fmt.Sprintf("cannot resolve %s", plain.Clean(dns.Name))
	case errors.Is(err, syscall.ECONNREFUSED):
		e.Class, e.Message = object.Unreachable, "connection refused"+tries
	case transport.Broken(err):
		e.Class, e.Message = object.Unreachable, "the connection was closed before an answer came"+tries
	default:
		e.Class, e.Message = object.Unreachable, text+tries
	}
}
