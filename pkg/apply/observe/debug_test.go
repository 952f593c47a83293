package observe

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// As istiod 1.31 wrote them.
func TestParseDebug(t *testing.T) {
	gateways, err := parseNetworkz([]byte(`[{"Network":"west","Cluster":"west-1","Addr":"203.0.113.3","Port":15443,"HBONEPort":0,"ServiceAccount":{"Namespace":"istio-system","Name":"x"}},
		{"Network":"east","Cluster":"","Addr":"198.51.100.7","Port":31443,"HBONEPort":0,"ServiceAccount":{"Namespace":"","Name":""}}]`))
	if err != nil {
		t.Fatal(err)
	}
	want := []NetworkGateway{{Network: "east", Addr: "198.51.100.7", Port: 31443}, {Network: "west", Cluster: "west-1", Addr: "203.0.113.3", Port: 15443}}
	if diff := cmp.Diff(want, gateways); diff != "" {
		t.Errorf("gateways (-want +got):\n%s", diff)
	}
	if gateways, err := parseNetworkz([]byte("null")); err != nil || gateways == nil {
		t.Errorf("of an istiod without gateways: %v, %v", gateways, err)
	}
	proxies, err := parseSyncz([]byte(`[{"cluster_id":"west-1","proxy":"b.shop","proxy_type":"sidecar","istio_version":"1.30.2"},{"cluster_id":"east-1","proxy":"a.shop","istio_version":"1.31.0"}]`))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]Proxy{{"a.shop", "east-1", "1.31.0", ""}, {"b.shop", "west-1", "1.30.2", "sidecar"}}, proxies); diff != "" {
		t.Errorf("proxies (-want +got):\n%s", diff)
	}
	for _, page := range []string{"<html>", `{"a": 1}`, `[1]`} {
		_, err1 := parseNetworkz([]byte(page))
		_, err2 := parseSyncz([]byte(page))
		if err1 == nil || err2 == nil {
			t.Errorf("%s: %v, %v", page, err1, err2)
		}
	}
}
