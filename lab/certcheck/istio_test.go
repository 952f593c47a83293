package certcheck

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"istio.io/istio/pkg/spiffe"
	"istio.io/istio/security/pkg/pki/ca"
	"istio.io/istio/security/pkg/pki/util"

	"github.com/setup-mesh/setup-mesh/pkg/certs"
)

// Istio's defaults (security/pkg/cmd/constants.go and pilot/pkg/bootstrap/istio_ca.go).
const (
	workloadTTL = 24 * time.Hour
	maxTTL      = 90 * 24 * time.Hour
	rsaSize     = 2048
)

// files says how istiod finds its files, as detectSigningCABundleAndCRL of
// pilot/pkg/bootstrap/istio_ca.go does, and writes them.
func files(t testing.TB, dir string, data map[string][]byte) ca.SigningCAFileBundle {
	t.Helper()
	old, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range old {
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
	for name, content := range data {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	in := func(name string) string { return filepath.Join(dir, name) }
	if _, ok := data[ca.TLSSecretCACertFile]; ok {
		return ca.SigningCAFileBundle{
			RootCertFile:    in(ca.TLSSecretRootCertFile),
			CertChainFiles:  []string{in(ca.TLSSecretCACertFile), in(ca.TLSSecretRootCertFile)},
			SigningCertFile: in(ca.TLSSecretCACertFile),
			SigningKeyFile:  in(ca.TLSSecretCAPrivateKeyFile),
		}
	}
	bundle := ca.SigningCAFileBundle{
		RootCertFile: in(ca.RootCertFile), CertChainFiles: []string{in(ca.CertChainFile)},
		SigningCertFile: in(ca.CACertFile), SigningKeyFile: in(ca.CAPrivateKeyFile),
	}
	if _, ok := data[ca.CACRLFile]; ok {
		bundle.CRLFile = in(ca.CACRLFile)
	}
	return bundle
}

// lives says at which stage a mesh cannot live on a bundle: istiod starts and makes
// its own certificate, a workload gets one, the agent connects to istiod with it,
// and workloads verify each other.
func (m *mesh) lives(t testing.TB, data map[string][]byte, id certs.Identity) error {
	opts, err := ca.NewPluggedCertIstioCAOptions(files(t, m.dir, data), workloadTTL, maxTTL, rsaSize)
	if err != nil {
		return fmt.Errorf("istiod does not load it: %w", err)
	}
	authority, err := ca.NewIstioCA(opts)
	if err != nil {
		return fmt.Errorf("istiod does not start: %w", err)
	}
	roots := authority.GetCAKeyCertBundle().GetRootCertPem()
	peers := spiffe.NewPeerCertVerifier()
	if err := peers.AddMappingFromPEM(id.TrustDomain, roots); err != nil {
		return fmt.Errorf("istiod does not verify proxies: %w", err)
	}
	names := []string{ // getDNSNames of pilot/pkg/bootstrap/server.go
		"istio-pilot." + id.Namespace + ".svc", "istiod-remote." + id.Namespace + ".svc", "istiod." + id.Namespace + ".svc",
	}
	csr, key, err := util.GenCSR(util.CertOptions{Host: identity(id), ECSigAlg: util.EcdsaSigAlg})
	if err != nil {
		t.Fatal(err)
	}
	own, ownKey, err := authority.GenKeyCert(names, workloadTTL, false)
	if err != nil {
		return fmt.Errorf("istiod's own certificate: %w", err)
	}
	chain, err := authority.SignWithCertChain(csr, ca.CertOpts{SubjectIDs: []string{identity(id)}, TTL: workloadTTL})
	if err != nil {
		return fmt.Errorf("a workload's certificate: %w", err)
	}
	shown := slices.Concat([]byte(chain[0]), []byte("\n"), roots) // CreateCertificate, and the agent's concatCerts
	if err := util.VerifyCertificate(key, shown, roots, &util.VerifyFields{
		Host: identity(id), KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}); err != nil {
		return fmt.Errorf("VerifyCertificate: %w", err)
	}
	if err := connects(connection{own, ownKey, shown, key, roots}, peers, names[2]); err != nil {
		return fmt.Errorf("the agent does not get through to istiod: %w", err)
	}
	ders := decode(shown)
	if err := goPeers(ders, roots); err != nil {
		return fmt.Errorf("workloads, in Go: %w", err)
	}
	if m.envoy == nil {
		return nil
	}
	if err := m.envoy.verify(ders, decode(roots), lists(data)); err != nil {
		return fmt.Errorf("workloads, in Envoy: %w", err)
	}
	return nil
}

// identity is the SPIFFE ID of a workload.
func identity(id certs.Identity) string {
	return "spiffe://" + id.TrustDomain + "/ns/default/sa/probe"
}

// decode returns what the certificates in PEM text hold.
func decode(text []byte) [][]byte {
	var ders [][]byte
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		ders = append(ders, block.Bytes)
	}
	return ders
}

// lists are the CRLs that Envoy gets: it skips blocks of another label, and a
// Secret kubernetes.io/tls has none.
func lists(data map[string][]byte) [][]byte {
	if _, ok := data[ca.TLSSecretCACertFile]; ok {
		return nil
	}
	var ders [][]byte
	for block, rest := pem.Decode(data[ca.CACRLFile]); block != nil; block, rest = pem.Decode(rest) {
		if block.Type == "X509 CRL" {
			ders = append(ders, block.Bytes)
		}
	}
	return ders
}

// A connection is what both ends of a TLS connection show, and whom they trust.
type connection struct{ istiodChain, istiodKey, agentChain, agentKey, roots []byte }

// connects makes the agent's connection to istiod, in memory.
func connects(c connection, peers *spiffe.PeerCertVerifier, name string) error {
	istiod, err := tls.X509KeyPair(c.istiodChain, c.istiodKey)
	if err != nil {
		return err
	}
	agent, err := tls.X509KeyPair(c.agentChain, c.agentKey)
	if err != nil {
		return err
	}
	trusted := x509.NewCertPool()
	trusted.AppendCertsFromPEM(c.roots)
	here, there := net.Pipe()
	for _, end := range []net.Conn{here, there} { // a pipe holds nothing: who complains may wait for who talks
		if err := end.SetDeadline(time.Now().Add(2 * time.Second)); err != nil {
			return err
		}
	}
	server := tls.Server(there, &tls.Config{
		Certificates: []tls.Certificate{istiod}, ClientAuth: tls.VerifyClientCertIfGiven,
		ClientCAs: peers.GetGeneralCertPool(), VerifyPeerCertificate: peers.VerifyPeerCert, MinVersion: tls.VersionTLS12, MaxVersion: tls.VersionTLS12,
	})
	client := tls.Client(here, &tls.Config{Certificates: []tls.Certificate{agent}, RootCAs: trusted, ServerName: name, MinVersion: tls.VersionTLS12})
	done := make(chan error, 1)
	go func() {
		err := server.Handshake()
		there.Close()
		done <- err
	}()
	err = client.Handshake()
	here.Close()
	return errors.Join(err, <-done)
}

// goPeers verifies a workload as a server and as a client.
func goPeers(ders [][]byte, roots []byte) error {
	opts := x509.VerifyOptions{Roots: x509.NewCertPool(), Intermediates: x509.NewCertPool()}
	opts.Roots.AppendCertsFromPEM(roots)
	var leaf *x509.Certificate
	for i, der := range ders {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return err
		}
		if i == 0 {
			leaf = c
			continue
		}
		opts.Intermediates.AddCert(c)
	}
	for _, usage := range []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth} {
		opts.KeyUsages = []x509.ExtKeyUsage{usage}
		if _, err := leaf.Verify(opts); err != nil {
			return err
		}
	}
	return nil
}
