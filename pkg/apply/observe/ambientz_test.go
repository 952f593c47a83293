package observe

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// As istiod 1.31 writes it: gateways, one of them at a name, Services behind them, and what
// leads nowhere else.
const ambientPage = `{"workloads":[
 {"uid":"west//Pod/shop/cart-1","name":"cart-1","network":"west","addresses":["MTAuMC4wLjE="]},
 {"uid":"NetworkGateway/n42/10.0.42.9/0","name":"NetworkGateway/n42/10.0.42.9/0","network":"n42","addresses":["MTAuMC40Mi45"]},
 {"uid":"NetworkGateway/n43/gw.example.com/31008","network":"n43","hostname":"gw.example.com"},
 {"uid":"NetworkGateway/n44/2001:db8::7/15008","network":"n44"},
 {"uid":"n42/SplitHorizonWorkload/istio-system/istio-eastwestgateway/10.0.42.9/app/echo.app.svc.cluster.local","network":"n42","clusterId":"c42","tunnelProtocol":"HBONE",
  "networkGateway":{"address":{"network":"n42","address":"MTAuMC40Mi45"},"hboneMtlsPort":15008},"capacity":2},
 {"uid":"n43/SplitHorizonWorkload/istio-system/told/gw.example.com/app/echo.app.svc.cluster.local","networkGateway":{"hboneMtlsPort":31008}}],
 "services":[{"name":"echo","namespace":"app"}],"policies":null}`

func TestParseAmbientz(t *testing.T) {
	echo := "app/echo.app.svc.cluster.local"
	tests := map[string]struct {
		page string
		want []Tunnel
		err  string
	}{
		"gateways and Services of other networks": {page: ambientPage, want: []Tunnel{
			{"n42", "10.0.42.9", 15008, ""}, {"n42", "10.0.42.9", 15008, echo},
			{"n43", "gw.example.com", 31008, ""}, {"n43", "gw.example.com", 31008, echo},
			{"n44", "2001:db8::7", 15008, ""},
		}},
		"an istiod without workloads":        {page: `{"workloads":null,"services":null,"policies":null}`, want: []Tunnel{}},
		"UIDs that only look like a gateway": {page: `{"workloads":[{"uid":"NetworkGateway/n/a/b"},{"uid":"NetworkGateway/n//0"},{"uid":"NetworkGateway/n/a/99999"},{"uid":"a/SplitHorizonWorkload/b"}],"services":[]}`, want: []Tunnel{}},
		"a page of something else":           {page: `{"a":1}`, err: "read debug/ambientz: it is not what istiod tells node proxies"},
		"no JSON":                            {page: "<html>", err: "read debug/ambientz: it is not what istiod tells node proxies"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := parseAmbientz([]byte(tt.page))
			said := ""
			if err != nil {
				said = err.Error()
			}
			if diff := cmp.Diff(tt.want, got); diff != "" || said != tt.err {
				t.Errorf("error %q, (-want +got):\n%s", said, diff)
			}
		})
	}
}

// FuzzAmbientz: what comes out was on the page, is whole, and no error quotes the page.
func FuzzAmbientz(f *testing.F) {
	f.Add([]byte(ambientPage))
	f.Add([]byte(`{"workloads":[{"uid":"NetworkGateway///"}],"services":null}`))
	f.Fuzz(func(t *testing.T, page []byte) {
		got, err := parseAmbientz(page)
		if err != nil && err.Error() != "read debug/ambientz: it is not what istiod tells node proxies" {
			t.Errorf("error %q", err)
		}
		for _, g := range got {
			if g.Addr == "" || strings.ContainsRune(g.Addr+g.Network, '/') || g.Service == "" && (g.Port < 1 || g.Port > 65535) {
				t.Errorf("%+v", g)
			}
		}
	})
}
