package envoy

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	cluster "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpoint "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listener "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	route "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	hcm "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	tcp "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/tcp_proxy/v3"
	envoytls "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	matcher "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/setup-mesh/setup-mesh/lab/internal/agent"
	"github.com/setup-mesh/setup-mesh/lab/internal/xds"
)

// A world is a network in which proxies listen: loopback addresses by those of pods.
type world struct {
	t     *testing.T
	mu    sync.Mutex
	table map[string]string
}

func (w *world) dial(ctx context.Context, address string) (net.Conn, error) {
	w.mu.Lock()
	to, ok := w.table[address]
	w.mu.Unlock()
	if !ok {
		return nil, syscall.EHOSTUNREACH
	}
	return (&net.Dialer{}).DialContext(ctx, "tcp", to)
}

// listen has a proxy serve an address until the test ends.
func (w *world) listen(p *Proxy, at string) {
	w.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	var all sync.WaitGroup
	all.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() { p.Serve(ctx, conn, netip.MustParseAddrPort(at)) })
		}
	})
	w.t.Cleanup(func() { stop(); _ = l.Close(); all.Wait() })
	w.mu.Lock()
	defer w.mu.Unlock()
	w.table[at] = l.Addr().String()
}

// proxy returns one that is told a state and has the certificate of a service account.
func (w *world) proxy(ca *authority, account string, s xds.State) *Proxy {
	w.t.Helper()
	p := New(w.dial, func(port uint16) http.Handler {
		if port != 5000 {
			return nil
		}
		return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			_, _ = fmt.Fprintf(rw, "called by %s", r.Header.Get("X-Forwarded-Client-Cert"))
		})
	}, func() {})
	p.Identify(ca.issue(w.t, account))
	p.Configure(s)
	close(p.ready)
	return p
}

type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pem  []byte
}

func newAuthority(t *testing.T, name string) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &authority{cert, key, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})}
}

func (a *authority) issue(t *testing.T, account string) agent.Identity {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	id := &url.URL{Scheme: "spiffe", Host: "cluster.local", Path: "/ns/shop/sa/" + account}
	template := &x509.Certificate{SerialNumber: big.NewInt(2), NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(time.Hour), URIs: []*url.URL{id},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return agent.Identity{Certificate: tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, Root: a.pem, Cluster: "east-1"}
}

func packed(t *testing.T, m proto.Message) *anypb.Any {
	t.Helper()
	a, err := anypb.New(m)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// strict is the state of a workload that wants mutual TLS on port 5000, as istiod says it.
func strict(t *testing.T) xds.State {
	m := &hcm.HttpConnectionManager{
		ForwardClientCertDetails:    hcm.HttpConnectionManager_APPEND_FORWARD,
		SetCurrentClientCertDetails: &hcm.HttpConnectionManager_SetCurrentClientCertDetails{Subject: wrapperspb.Bool(true), Uri: true},
		RouteSpecifier:              &hcm.HttpConnectionManager_RouteConfig{RouteConfig: to("inbound|5000||", nil)},
	}
	secure := &envoytls.DownstreamTlsContext{
		RequireClientCertificate: wrapperspb.Bool(true), CommonTlsContext: &envoytls.CommonTlsContext{AlpnProtocols: []string{"h2", "http/1.1"}},
	}
	return xds.State{Listeners: map[string]*listener.Listener{"virtualInbound": {FilterChains: []*listener.FilterChain{{
		FilterChainMatch: &listener.FilterChainMatch{DestinationPort: wrapperspb.UInt32(5000), TransportProtocol: "tls"},
		TransportSocket:  &core.TransportSocket{ConfigType: &core.TransportSocket_TypedConfig{TypedConfig: packed(t, secure)}},
		Filters:          []*listener.Filter{{ConfigType: &listener.Filter_TypedConfig{TypedConfig: packed(t, m)}}},
	}}}}}
}

func to(cluster string, retry *route.RetryPolicy) *route.RouteConfiguration {
	return &route.RouteConfiguration{Name: "5000", VirtualHosts: []*route.VirtualHost{{Domains: []string{"*"}, Routes: []*route.Route{{
		Match:  &route.RouteMatch{PathSpecifier: &route.RouteMatch_Prefix{Prefix: "/"}},
		Action: &route.Route_Route{Route: &route.RouteAction{RetryPolicy: retry, ClusterSpecifier: &route.RouteAction_Cluster{Cluster: cluster}}},
	}}}}}
}

func endpoints(name string, addresses ...string) map[string]*endpoint.ClusterLoadAssignment {
	var all []*endpoint.LbEndpoint
	for _, a := range addresses {
		at := netip.MustParseAddrPort(a)
		all = append(all, &endpoint.LbEndpoint{HostIdentifier: &endpoint.LbEndpoint_Endpoint{Endpoint: &endpoint.Endpoint{
			Address: &core.Address{Address: &core.Address_SocketAddress{SocketAddress: &core.SocketAddress{
				Address: at.Addr().String(), PortSpecifier: &core.SocketAddress_PortValue{PortValue: uint32(at.Port())}}}}}}})
	}
	return map[string]*endpoint.ClusterLoadAssignment{name: {ClusterName: name, Endpoints: []*endpoint.LocalityLbEndpoints{{LbEndpoints: all}}}}
}

const (
	helloName = "outbound|5000||hello"
	helloSNI  = "outbound_.5000_._.hello"
)

func edsCluster(name string, socket *core.TransportSocket) map[string]*cluster.Cluster {
	return map[string]*cluster.Cluster{name: {Name: name, ClusterDiscoveryType: &cluster.Cluster_Type{Type: cluster.Cluster_EDS}, TransportSocket: socket}}
}

// caller is the state of a client of service hello, which is at addresses and has to be of service account server.
func caller(t *testing.T, retries uint32, addresses ...string) xds.State {
	//nolint:staticcheck // as istiod 1.31 says it
	secure := &envoytls.UpstreamTlsContext{Sni: helloSNI, CommonTlsContext: &envoytls.CommonTlsContext{
		AlpnProtocols: []string{"istio-peer-exchange", "istio"},
		ValidationContextType: &envoytls.CommonTlsContext_CombinedValidationContext{CombinedValidationContext: &envoytls.CommonTlsContext_CombinedCertificateValidationContext{
			DefaultValidationContext: &envoytls.CertificateValidationContext{MatchSubjectAltNames: []*matcher.StringMatcher{
				{MatchPattern: &matcher.StringMatcher_Exact{Exact: "spiffe://cluster.local/ns/shop/sa/server"}}}}}},
	}}
	var retry *route.RetryPolicy
	if retries > 0 {
		retry = &route.RetryPolicy{RetryOn: "connect-failure,refused-stream", NumRetries: wrapperspb.UInt32(retries)}
	}
	m := &hcm.HttpConnectionManager{RouteSpecifier: &hcm.HttpConnectionManager_Rds{Rds: &hcm.Rds{RouteConfigName: "5000"}}}
	return xds.State{
		Clusters:  edsCluster(helloName, &core.TransportSocket{ConfigType: &core.TransportSocket_TypedConfig{TypedConfig: packed(t, secure)}}),
		Endpoints: endpoints(helloName, addresses...),
		Routes:    map[string]*route.RouteConfiguration{"5000": to(helloName, retry)},
		Listeners: map[string]*listener.Listener{"0.0.0.0_5000": {FilterChains: []*listener.FilterChain{{
			Filters: []*listener.Filter{{ConfigType: &listener.Filter_TypedConfig{TypedConfig: packed(t, m)}}},
		}}}},
	}
}

// passing is the state of a gateway that passes service hello on to an address.
func passing(t *testing.T, address string) xds.State {
	return xds.State{
		Clusters: edsCluster(helloSNI, nil), Endpoints: endpoints(helloSNI, address),
		Listeners: map[string]*listener.Listener{"0.0.0.0_15443": {
			Address: &core.Address{Address: &core.Address_SocketAddress{SocketAddress: &core.SocketAddress{PortSpecifier: &core.SocketAddress_PortValue{PortValue: 15443}}}},
			FilterChains: []*listener.FilterChain{{
				FilterChainMatch: &listener.FilterChainMatch{ServerNames: []string{helloSNI}, ApplicationProtocols: []string{"istio"}},
				Filters: []*listener.Filter{{ConfigType: &listener.Filter_TypedConfig{TypedConfig: packed(t,
					&tcp.TcpProxy{ClusterSpecifier: &tcp.TcpProxy_Cluster{Cluster: helloSNI}})}}},
			}},
		}},
	}
}

func ask(t *testing.T, p *Proxy) (int, string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://hello.shop:5000/", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := p.Do(r, netip.MustParseAddrPort("10.97.0.9:5000"))
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, regexp.MustCompile(`Hash=[0-9a-f]{64}`).ReplaceAllString(string(body), "Hash=...")
}

func TestRequestsBetweenWorkloads(t *testing.T) {
	const pod, gateway, nobody, answer = "10.129.0.1:5000", "203.0.113.1:15443", "10.129.0.9:5000",
		`called by By=spiffe://cluster.local/ns/shop/sa/server;Hash=...;Subject="";URI=spiffe://cluster.local/ns/shop/sa/client`
	ours, theirs := newAuthority(t, "ours"), newAuthority(t, "theirs")
	const failed = "upstream connect error or disconnect/reset before headers. reset reason: remote connection failure, transport failure reason: "
	tests := map[string]struct {
		server, client *authority
		account        string // the server's
		at             []string
		retries        uint32
		code           int
		body           string
	}{
		"mutual TLS":                             {ours, ours, "server", []string{pod}, 0, 200, answer},
		"through a gateway":                      {ours, ours, "server", []string{gateway}, 0, 200, answer},
		"nobody is there":                        {ours, ours, "server", []string{nobody}, 0, 503, failed + "delayed connect error: No route to host"},
		"one of two is there":                    {ours, ours, "server", []string{nobody, pod}, 1, 200, answer},
		"no endpoints":                           {ours, ours, "server", nil, 0, 503, "no healthy upstream"},
		"the server is somebody else":            {ours, ours, "other", []string{pod}, 0, 503, failed + "TLS_error: the peer is [spiffe://cluster.local/ns/shop/sa/other], which is not wanted here"},
		"the server is of another root":          {theirs, ours, "server", []string{pod}, 0, 503, failed + "TLS_error: x509: certificate signed by unknown authority"},
		"the server is of another root, and far": {theirs, ours, "server", []string{gateway}, 0, 503, failed + "TLS_error: x509: certificate signed by unknown authority"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := &world{t: t, table: map[string]string{}}
			w.listen(w.proxy(tt.server, tt.account, strict(t)), pod)
			w.listen(w.proxy(ours, "gateway", passing(t, pod)), gateway)
			code, body := ask(t, w.proxy(tt.client, "client", caller(t, tt.retries, tt.at...)))
			if code != tt.code || body != tt.body {
				t.Errorf("%d %s\nwant %d %s", code, body, tt.code, tt.body)
			}
		})
	}
}

// TestServerRefusesTheClient: a client that trusts the server by a root that istiod told it, and is not trusted.
func TestServerRefusesTheClient(t *testing.T) {
	ours, theirs := newAuthority(t, "ours"), newAuthority(t, "theirs")
	w := &world{t: t, table: map[string]string{}}
	w.listen(w.proxy(ours, "server", strict(t)), "10.129.0.1:5000")
	s := caller(t, 0, "10.129.0.1:5000")
	s.Trust = []string{string(ours.pem)}
	code, body := ask(t, w.proxy(theirs, "client", s))
	if code != 503 || body != "upstream connect error or disconnect/reset before headers. reset reason: connection termination" {
		t.Errorf("%d %s", code, body)
	}
}

func TestPlaintextAgainstStrictIsReset(t *testing.T) {
	w := &world{t: t, table: map[string]string{}}
	w.listen(w.proxy(newAuthority(t, "ours"), "server", strict(t)), "10.129.0.1:5000")
	conn, err := w.dial(t.Context(), "10.129.0.1:5000")
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://10.129.0.1:5000/", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	if answer, err := Plain(r, conn); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("answer %v, error %v, and not a reset", answer, err)
	}
}

// TestWhatIsCounted is of what both sides say of calls afterwards: one to nobody, and two that are answered.
func TestWhatIsCounted(t *testing.T) {
	const pod, nobody = "10.129.0.1:5000", "10.129.0.9:5000"
	ours := newAuthority(t, "ours")
	w := &world{t: t, table: map[string]string{}}
	server, client := w.proxy(ours, "server", strict(t)), w.proxy(ours, "client", xds.State{})
	w.listen(server, pod)
	for _, call := range []struct {
		at   string
		code int
	}{{nobody, 503}, {pod, 200}, {pod, 200}} {
		client.Configure(caller(t, 0, call.at))
		if code, body := ask(t, client); code != call.code {
			t.Fatalf("%d %s, want %d", code, body, call.code)
		}
	}
	client.Configure(caller(t, 0, nobody, pod))
	want := map[string]string{
		pod + "::cx_total": "2", pod + "::cx_connect_fail": "0", pod + "::rq_total": "2", pod + "::rq_success": "2", pod + "::rq_error": "0",
		nobody + "::cx_total": "1", nobody + "::cx_connect_fail": "1", nobody + "::rq_total": "0", nobody + "::rq_success": "0", nobody + "::rq_error": "1",
	}
	got := map[string]string{}
	for line := range strings.Lines(client.Clusters()) {
		rest, _ := strings.CutPrefix(strings.TrimSpace(line), helloName+"::")
		i := max(0, strings.LastIndex(rest, "::"))
		if _, ok := want[rest[:i]]; ok {
			got[rest[:i]] = rest[i+2:]
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
	const metrics = "# TYPE istio_requests_total counter\n" + `istio_requests_total{reporter="destination",` +
		`source_principal="spiffe://cluster.local/ns/shop/sa/client",destination_principal="spiffe://cluster.local/ns/shop/sa/server",` +
		`source_cluster="east-1",request_protocol="http",response_code="200",connection_security_policy="mutual_tls"} 2` + "\n"
	if diff := cmp.Diff(metrics, server.Metrics()); diff != "" {
		t.Errorf("metrics (-want +got):\n%s", diff)
	}
}

// TestCallerThatIsNoneIsNotBelieved: without mutual TLS an application is told of no caller, whoever the request says that is.
func TestCallerThatIsNoneIsNotBelieved(t *testing.T) {
	w := &world{t: t, table: map[string]string{}}
	s := strict(t)
	chain := s.Listeners["virtualInbound"].FilterChains[0]
	chain.TransportSocket, chain.FilterChainMatch.TransportProtocol = nil, "raw_buffer"
	w.listen(w.proxy(newAuthority(t, "ours"), "server", s), "10.129.0.1:5000")
	conn, err := w.dial(t.Context(), "10.129.0.1:5000")
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://10.129.0.1:5000/", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Forwarded-Client-Cert", "URI=spiffe://cluster.local/ns/shop/sa/client")
	answer, err := Plain(r, conn)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(answer.Body)
	if err != nil || string(body) != "called by " {
		t.Errorf("%s, %v", body, err)
	}
}
