package e2e

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"k8s.io/client-go/tools/clientcmd/api"
)

// A clock is what the user's kubeconfig has in place of an API server: it passes all on, and has another time.
type clock struct {
	server *httptest.Server
	ahead  atomic.Int64 // nanoseconds
}

func newClock(t *testing.T, c *cluster, ahead time.Duration) *clock {
	t.Helper()
	to, err := url.Parse(c.config.Host)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(c.config.CAData) {
		t.Fatalf("%s has no CA", c.context)
	}
	out := &clock{}
	out.ahead.Store(int64(ahead))
	proxy := httputil.NewSingleHostReverseProxy(to)
	proxy.Transport = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}
	proxy.ModifyResponse = func(r *http.Response) error {
		r.Header.Set("Date", time.Now().Add(time.Duration(out.ahead.Load())).UTC().Format(http.TimeFormat))
		return nil
	}
	out.server = httptest.NewTLSServer(proxy)
	return out
}

// clocks are those of two API servers. The clusters reach these as before, which topology.yaml says meanwhile.
func (s *statusFaults) clocks() []fault {
	var topology string
	clocks := map[string]*clock{}
	wrong := func(in string, ahead time.Duration) func(*testing.T) {
		return func(t *testing.T) {
			t.Helper()
			c := s.clusters[in]
			clocks[in] = newClock(t, c, ahead)
			s.editKubeconfig(t, func(k *api.Config) {
				at := k.Clusters[k.Contexts[in].Cluster]
				at.Server = clocks[in].server.URL
				at.CertificateAuthorityData = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: clocks[in].server.Certificate().Raw})
			})
			if topology == "" {
				topology = s.read(t, "topology.yaml")
			}
			s.write(t, in+"-ca.pem", string(c.config.CAData))
			reached := fmt.Sprintf("%s: {apiServer: {server: %q, caFile: %s-ca.pem}, ", in, c.config.Host, in)
			s.write(t, "topology.yaml", strings.Replace(s.read(t, "topology.yaml"), in+": {", reached, 1))
		}
	}
	// right sets the clock, sees that this is enough, and has the kubeconfig lead to the API server itself again.
	right := func(in string) func(*testing.T, string) {
		return func(t *testing.T, remedy string) {
			t.Helper()
			s.byItself("set the clocks by NTP")(t, remedy)
			clocks[in].ahead.Store(0)
			if delete(clocks, in); len(clocks) > 0 {
				return
			}
			s.healthy(t)
			s.write(t, "topology.yaml", topology)
			if err := copyFile(s.kubeconfig, s.lab.Kubeconfig(), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	return []fault{
		{name: "a clock is ten minutes slow", finds: []string{"api-server/clock west-1"}, breaks: wrong(west1, -10*time.Minute), mends: right(west1)},
		{name: "a clock is ten seconds fast", finds: []string{"note api-server/clock-skew east-1"}, breaks: wrong(east1, 10*time.Second), mends: right(east1)},
	}
}
