package observe

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/world"
)

// dumped is an identity of ztunnel's page. The PEM is base64 there.
func dumped(chain, roots []*x509.Certificate) map[string]any {
	list := func(all []*x509.Certificate) []any {
		out := []any{}
		for _, c := range all {
			out = append(out, map[string]any{"pem": base64.StdEncoding.EncodeToString(pemOf(c)), "serialNumber": c.SerialNumber.String()})
		}
		return out
	}
	return map[string]any{"identity": "spiffe://cluster.local/ns/shop/sa/cart", "state": "Available", "certChain": list(chain), "rootCerts": list(roots)}
}

func ztunnelDump(t testing.TB, ids ...map[string]any) []byte {
	t.Helper()
	page, err := json.Marshal(map[string]any{"workloads": []any{}, "certificates": append([]map[string]any{}, ids...)})
	if err != nil {
		t.Fatal(err)
	}
	return page
}

func TestParseZtunnel(t *testing.T) {
	leaf, sub, root, next := certificate(t, 1), certificate(t, 2), certificate(t, 3), certificate(t, 4)
	asked := map[string]any{"state": "Initializing", "certChain": []any{}}
	plain := map[string]any{"certChain": []any{map[string]any{"pem": string(pemOf(leaf))}}, "rootCerts": []any{map[string]any{"pem": string(pemOf(root))}}}
	type certs = []*x509.Certificate
	tests := map[string]struct {
		page []byte
		want []ProxyCerts
		err  string
	}{
		"two identities, and one that waits": {page: ztunnelDump(t, dumped(certs{leaf, sub}, certs{root, next}), asked, dumped(certs{leaf}, certs{next})),
			want: []ProxyCerts{{Chain: certs{leaf, sub}, Roots: certs{root, next}}, {Chain: certs{leaf}, Roots: certs{next}}}},
		"PEM as it is":                       {page: ztunnelDump(t, plain), want: []ProxyCerts{{Chain: certs{leaf}, Roots: certs{root}}}},
		"a node without pods":                {page: ztunnelDump(t), err: "it has no certificate from istiod"},
		"only identities that wait":          {page: ztunnelDump(t, asked), err: "it has no certificate from istiod"},
		"one that does not say its roots":    {page: ztunnelDump(t, dumped(certs{leaf, root}, nil)), err: "it does not say which roots it trusts"},
		"not a certificate":                  {page: ztunnelDump(t, map[string]any{"certChain": []any{map[string]any{"pem": "x"}}}), err: "read its certificates: it is not the page that ztunnel serves"},
		"the page of an Envoy":               {page: secretsOf(t, pemOf(leaf), pemOf(root)), err: "read its certificates: it is not the page that ztunnel serves"},
		"something that is not JSON, either": {page: []byte("<html>"), err: "read its certificates: it is not the page that ztunnel serves"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := parseZtunnel(tt.page)
			said := ""
			if err != nil {
				said = err.Error()
			}
			if !cmp.Equal(tt.want, got) || said != tt.err {
				t.Errorf("%d identities, error %q", len(got), said)
			}
		})
	}
}

// A ztunnel is asked for its own page, and all its identities are those of one pod.
func TestReadZtunnel(t *testing.T) {
	leaf, root := certificate(t, 1), certificate(t, 2)
	one := ProxyCerts{Chain: []*x509.Certificate{leaf}, Roots: []*x509.Certificate{root}}
	pod := object.New("v1", "Pod", "istio-system", "ztunnel-x", map[string]any{
		"ownerReferences": []any{map[string]any{"kind": "DaemonSet", "name": "ztunnel", "controller": true}},
	}, map[string]any{
		"spec":   map[string]any{"containers": []any{map[string]any{"name": "istio-proxy", "args": []any{"proxy", "ztunnel"}, "env": []any{map[string]any{"name": "NETWORK", "value": "n1"}}}}},
		"status": map[string]any{"phase": "Running"},
	})
	c := podCluster{pods: []*unstructured.Unstructured{pod}, answer: func() ([]byte, error) {
		return ztunnelDump(t, dumped(one.Chain, one.Roots), dumped(one.Chain, one.Roots)), nil
	}}
	ref := object.RefOf(pod)
	got := readWorkload(t.Context(), &world.Connected{Cluster: &c}, ref)
	want := &Workload{Pod: ref, Owner: object.Ref{Group: "apps", Kind: "DaemonSet", Namespace: "istio-system", Name: "ztunnel"}, Network: "n1", Ztunnel: true, Certs: one, Others: []ProxyCerts{one}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"get Pod istio-system/ztunnel-x", "istio-system/ztunnel-x:15000/config_dump"}, c.asked); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
}
