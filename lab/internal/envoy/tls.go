package envoy

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	hcm "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	envoytls "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	matcher "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"

	"github.com/setup-mesh/setup-mesh/lab/internal/agent"
)

// An identity is what a proxy has to show, and by which roots it judges others.
type identity struct {
	agent.Identity
	roots *x509.CertPool
	lists []byte // PEM; with any, one is asked for every CA of a chain
}

// withTrust adds the roots that istiod tells, and revocation lists.
func withTrust(i agent.Identity, more []string, lists []byte) *identity {
	out := &identity{i, x509.NewCertPool(), lists}
	out.roots.AppendCertsFromPEM(i.Root)
	for _, pem := range more {
		out.roots.AppendCertsFromPEM([]byte(pem))
	}
	return out
}

// server is the TLS of a filter chain. offered are the protocols of the client.
func (i *identity) server(c *envoytls.DownstreamTlsContext, offered []string) (*tls.Config, error) {
	if err := own(c.GetCommonTlsContext()); err != nil {
		return nil, err
	}
	config := &tls.Config{Certificates: []tls.Certificate{i.Certificate}, MinVersion: tls.VersionTLS12, SessionTicketsDisabled: true}
	for _, p := range c.GetCommonTlsContext().GetAlpnProtocols() {
		// Envoy goes on without a protocol that both know, where Go would end the handshake. Nothing here speaks h2.
		if p != "h2" && slices.Contains(offered, p) {
			config.NextProtos = append(config.NextProtos, p)
		}
	}
	if c.GetRequireClientCertificate().GetValue() {
		config.ClientAuth = tls.RequireAnyClientCert
		config.VerifyConnection = func(s tls.ConnectionState) error {
			return i.judge(s.PeerCertificates, x509.ExtKeyUsageClientAuth, names(c.GetCommonTlsContext()))
		}
	}
	return config, nil
}

// client is the TLS of a cluster. protocols are offered instead of the cluster's, where there are any.
func (i *identity) client(c *envoytls.UpstreamTlsContext, protocols []string) (*tls.Config, error) {
	if err := own(c.GetCommonTlsContext()); err != nil {
		return nil, err
	}
	if protocols == nil {
		protocols = c.GetCommonTlsContext().GetAlpnProtocols()
	}
	return &tls.Config{
		ServerName: c.GetSni(), NextProtos: protocols, MinVersion: tls.VersionTLS12,
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &i.Certificate, nil },
		InsecureSkipVerify:   true, // by the SPIFFE identity instead of the host name, below
		VerifyConnection: func(s tls.ConnectionState) error {
			return i.judge(s.PeerCertificates, x509.ExtKeyUsageServerAuth, names(c.GetCommonTlsContext()))
		},
	}, nil
}

// own objects to certificates that an agent does not have from istiod: those in Secrets and files.
func own(c *envoytls.CommonTlsContext) error {
	for _, s := range c.GetTlsCertificateSdsSecretConfigs() {
		if s.GetName() != "default" {
			return fmt.Errorf("certificate %q is not played here", s.GetName())
		}
	}
	if len(c.GetTlsCertificates()) > 0 {
		return errors.New("certificates in files are not played here")
	}
	return nil
}

func names(c *envoytls.CommonTlsContext) []*matcher.StringMatcher {
	//nolint:staticcheck // it is deprecated, and what istiod 1.31 says
	return c.GetCombinedValidationContext().GetDefaultValidationContext().GetMatchSubjectAltNames()
}

// judge wants the peer to have a certificate of a known root, with one of the names where there are any.
func (i *identity) judge(chain []*x509.Certificate, usage x509.ExtKeyUsage, names []*matcher.StringMatcher) error {
	between := x509.NewCertPool()
	for _, c := range chain[1:] {
		between.AddCert(c)
	}
	paths, err := chain[0].Verify(x509.VerifyOptions{Roots: i.roots, Intermediates: between, KeyUsages: []x509.ExtKeyUsage{usage}})
	if err != nil {
		return err
	}
	if err := revocation(paths[0], i.lists); err != nil {
		return err
	}
	for _, u := range chain[0].URIs {
		if len(names) == 0 || slices.ContainsFunc(names, func(m *matcher.StringMatcher) bool { return matches(m, u.String()) }) {
			return nil
		}
	}
	return fmt.Errorf("the peer is %v, which is not wanted here", chain[0].URIs)
}

// tellPeer writes the header that tells an application who has called, as the filter chain says.
// https://www.envoyproxy.io/docs/envoy/v1.36.0/configuration/http/http_conn_man/headers#x-forwarded-client-cert
func (i *identity) tellPeer(h http.Header, m *hcm.HttpConnectionManager, peer *x509.Certificate) {
	const header = "X-Forwarded-Client-Cert"
	how := m.GetForwardClientCertDetails()
	if how == hcm.HttpConnectionManager_ALWAYS_FORWARD_ONLY || peer != nil && how == hcm.HttpConnectionManager_FORWARD_ONLY {
		return
	}
	before := h.Values(header)
	h.Del(header)
	if peer == nil || how == hcm.HttpConnectionManager_SANITIZE {
		return
	}
	hash := sha256.Sum256(peer.Raw)
	element := []string{}
	for _, u := range i.Certificate.Leaf.URIs {
		element = append(element, "By="+u.String())
	}
	element = append(element, "Hash="+hex.EncodeToString(hash[:]))
	details := m.GetSetCurrentClientCertDetails()
	if details.GetSubject().GetValue() {
		element = append(element, `Subject="`+peer.Subject.String()+`"`)
	}
	if details.GetUri() {
		for _, u := range peer.URIs {
			element = append(element, "URI="+u.String())
		}
	}
	if how != hcm.HttpConnectionManager_APPEND_FORWARD {
		before = nil
	}
	h.Set(header, strings.Join(append(before, strings.Join(element, ";")), ","))
}
