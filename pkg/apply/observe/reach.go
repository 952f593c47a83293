package observe

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/netip"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
)

// A Knock is what came of connecting to one address of a gateway from here.
type Knock struct {
	Address string // "192.0.2.1:15443"
	// Routable says that the address answered, if only to refuse: what does not
	// answer may be reached from elsewhere.
	Routable bool
	TCP      error // why there is no connection, nil where there is one
	TLS      error // why there was no handshake, nil where there was one or none was tried
}

// A Behind is what a TLS handshake through a gateway has to lead to.
type Behind struct {
	SNI  string            // which the gateway passes connections on by
	Name string            // in the certificate of whoever answers
	Root *x509.Certificate // below which that is
}

// knockTime is how long a connection may take: what is far away answers within a
// fraction of it, and nobody wants to wait for what does not.
const knockTime = time.Second

// KnockAll connects to every address, all at once, and begins TLS where behind is not
// nil. Nobody is asked at an address that nothing on the Internet or a private network
// has.
func KnockAll(ctx context.Context, hosts []netip.Addr, port int, behind *Behind) []Knock {
	out := make([]Knock, len(hosts))
	var g errgroup.Group
	for i, host := range hosts {
		out[i].Address = net.JoinHostPort(host.String(), strconv.Itoa(port))
		if !Dialable(host) {
			out[i].TCP = errors.New("no host has an address of that range")
			continue
		}
		g.Go(func() error {
			ctx, cancel := context.WithTimeout(ctx, knockTime)
			defer cancel()
			out[i].knock(ctx, behind)
			return nil
		})
	}
	_ = g.Wait() // the functions return nil
	return out
}

func (k *Knock) knock(ctx context.Context, behind *Behind) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", k.Address)
	if err != nil {
		k.TCP, k.Routable = err, errors.Is(err, syscall.ECONNREFUSED)
		return
	}
	defer conn.Close()
	k.Routable = true
	if behind != nil {
		k.TLS = tls.Client(conn, behind.config()).HandshakeContext(ctx)
	}
}

// config asks for the connection as a proxy does: gateways tell those of proxies by
// what these speak inside TLS.
// https://github.com/istio/istio/blob/1.31.0/pilot/pkg/networking/util/util.go (ALPNInMeshWithMxc)
func (b *Behind) config() *tls.Config {
	roots := x509.NewCertPool()
	roots.AddCert(b.Root)
	return &tls.Config{
		MinVersion: tls.VersionTLS12, ServerName: b.SNI, NextProtos: []string{"istio", "h2"},
		InsecureSkipVerify: true, //nolint:gosec // the name in the certificate is not that of the SNI: verified below
		VerifyConnection: func(s tls.ConnectionState) error {
			between := x509.NewCertPool()
			for _, c := range s.PeerCertificates[1:] {
				between.AddCert(c)
			}
			_, err := s.PeerCertificates[0].Verify(x509.VerifyOptions{DNSName: b.Name, Roots: roots, Intermediates: between})
			return err
		},
	}
}

// nowhere are the ranges of addresses that no host has: of documentation, of tests
// of devices, and those that are not unicast.
// https://www.iana.org/assignments/iana-ipv4-special-registry/
func nowhere() []netip.Prefix {
	var out []netip.Prefix
	for _, text := range []string{
		"0.0.0.0/8", "192.0.2.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
		"100::/64", "2001:db8::/32", "3fff::/20",
	} {
		out = append(out, netip.MustParsePrefix(text))
	}
	return out
}

// Dialable says whether there may be a host with that address.
func Dialable(ip netip.Addr) bool {
	ip = ip.Unmap()
	for _, p := range nowhere() {
		if p.Contains(ip) {
			return false
		}
	}
	return ip.IsValid() && !ip.IsUnspecified() && !ip.IsMulticast() && !ip.IsLinkLocalUnicast()
}
