package observe

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"net/netip"
	"testing"
	"time"
)

// signed makes a certificate below another one, or below itself.
func signed(t *testing.T, name string, by *x509.Certificate, with *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), BasicConstraintsValid: true, IsCA: by == nil,
	}
	if by == nil {
		by, with = c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, by, &key.PublicKey, with)
	if err != nil {
		t.Fatal(err)
	}
	if c, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	return c, key
}

// A gateway is known by who answers behind it.
func TestKnockAll(t *testing.T) {
	root, rootKey := signed(t, "root", nil, nil)
	other, _ := signed(t, "other", nil, nil)
	leaf, key := signed(t, "istiod.istio-system.svc", root, rootKey)
	names := make(chan string, 10)
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{leaf.Raw}, PrivateKey: key}}, NextProtos: []string{"h2"},
		GetConfigForClient: func(h *tls.ClientHelloInfo) (*tls.Config, error) {
			names <- h.ServerName
			return nil, nil //nolint:nilnil // which is how it says "as it is"
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() { _ = conn.(*tls.Conn).Handshake(); conn.Close() }()
		}
	}()
	at := l.Addr().(*net.TCPAddr)
	here := []netip.Addr{netip.MustParseAddr("127.0.0.1")}
	behind := Behind{SNI: "outbound_.15012_._.istiod.istio-system.svc.cluster.local", Name: "istiod.istio-system.svc", Root: root}
	knock := func(b *Behind, hosts []netip.Addr) Knock { return KnockAll(t.Context(), hosts, at.Port, b)[0] }

	if k := knock(&behind, here); !k.Routable || k.TCP != nil || k.TLS != nil || k.Address != at.String() {
		t.Errorf("with the right root: %+v", k)
	}
	if got := <-names; got != behind.SNI {
		t.Errorf("it was asked for %s", got)
	}
	strange := behind
	strange.Root = other
	if k := knock(&strange, here); !k.Routable || k.TLS == nil {
		t.Errorf("with another root: %+v", k)
	}
	strange = behind
	strange.Name = "istiod.elsewhere.svc"
	if k := knock(&strange, here); k.TLS == nil {
		t.Errorf("of another istiod: %+v", k)
	}
	if k := knock(nil, here); !k.Routable || k.TCP != nil {
		t.Errorf("without TLS: %+v", k)
	}
	if k := knock(&behind, []netip.Addr{netip.MustParseAddr("203.0.113.1")}); k.Routable || k.TCP == nil {
		t.Errorf("at an address of documentation: %+v", k)
	}
	l.Close()
	if k := knock(&behind, here); !k.Routable || k.TCP == nil {
		t.Errorf("where nobody listens: %+v", k)
	}
}

func TestDialable(t *testing.T) {
	for address, want := range map[string]bool{
		"203.0.113.1": false, "192.0.2.1": false, "::ffff:198.51.100.3": false, "2001:db8::1": false, "0.0.0.0": false, "169.254.1.1": false,
		"224.0.0.1": false, "127.0.0.1": true, "10.0.0.1": true, "8.8.8.8": true, "2a00::1": true,
	} {
		if got := Dialable(netip.MustParseAddr(address)); got != want {
			t.Errorf("Dialable(%s) = %v", address, got)
		}
	}
}
