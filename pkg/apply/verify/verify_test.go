package verify

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/setup-mesh/setup-mesh/pkg/topology"
)

func mesh(t *testing.T, contexts string) *topology.Mesh {
	t.Helper()
	m, err := topology.ParseMesh("topology.yaml", []byte("mesh_id: m\ncontexts:\n"+contexts), nil)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestPairs(t *testing.T) {
	tests := map[string]struct {
		contexts string
		not      []Pair // of all
	}{
		"primaries discover each other": {"  a: {network: n}\n  b: {network: o}\n", nil},
		"one that does not join answers itself": {
			"  a: {network: n}\n  b: {network: n, disableRegistryJoin: true}\n",
			[]Pair{{"a", "b"}, {"b", "a"}},
		},
		"a remote cluster discovers what its primary does": {
			"  a: {network: n}\n  b: {network: o}\n  r: {network: n, primaries: [a]}\n", nil,
		},
		"a remote cluster that does not join is its primary's alone": {
			"  a: {network: n}\n  b: {network: o}\n  r: {network: n, primaries: [a], disableRegistryJoin: true}\n",
			[]Pair{{"b", "r"}},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			for pair, want := range pairsOf(mesh(t, tt.contexts)) {
				if no := slices.Contains(tt.not, pair); want == no {
					t.Errorf("%s is answered by %s: %v", pair.From, pair.To, want)
				}
			}
		})
	}
}

func TestRead(t *testing.T) {
	got := read("Hello version: v1, instance: helloworld-v1-a\n200\nupstream connect error\n503\n\nHello version: v2, instance: helloworld-v2-b\n\n200\nHello version: v1, instance: helloworld-v1-a\n\n200\n",
		"curl: (28) Operation timed out\n")
	want := called{answers: map[string]int{"helloworld-v1-a": 2, "helloworld-v2-b": 1}, wrong: "upstream connect error"}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(called{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestUpstreamsOf(t *testing.T) {
	const text = `outbound|5000||helloworld.v.svc.cluster.local::observability_name::outbound|5000||helloworld.v.svc.cluster.local
outbound|5000||helloworld.v.svc.cluster.local::default_priority::max_connections::4294967295
outbound|5000||helloworld.v.svc.cluster.local::10.1.2.3:5000::cx_connect_fail::0
outbound|5000||helloworld.v.svc.cluster.local::10.1.2.3:5000::rq_total::12
outbound|5000||helloworld.v.svc.cluster.local::[fd00::1]:15443::cx_connect_fail::4
outbound|5000||helloworld.v.svc.cluster.local::203.0.113.1:15443::rq_total::0
outbound|5000||helloworld.v.svc.cluster.local::203.0.113.1:15443::cx_connect_fail::7
outbound|80||other.v.svc.cluster.local::10.1.2.9:80::rq_total::5
`
	want := map[string]upstream{"10.1.2.3:5000": {sent: 12}, "203.0.113.1:15443": {failed: 7}, "[fd00::1]:15443": {failed: 4}}
	got := upstreamsOf(text, "helloworld.v.svc.")
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(upstream{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestRequestsIn(t *testing.T) {
	const text = `# TYPE istio_requests_total counter
istio_requests_total{response_code="200",reporter="destination",source_workload="client",source_principal="spiffe://cluster.local/ns/v/sa/client",destination_principal="spiffe://cluster.local/ns/v/sa/helloworld",source_cluster="east",connection_security_policy="mutual_tls"} 8
istio_requests_total{response_code="503",reporter="destination",source_cluster="east",connection_security_policy="mutual_tls"} 3
istio_requests_total{response_code="200",reporter="source",source_cluster="east",connection_security_policy="unknown"} 5
istio_requests_total{response_code="200",reporter="destination",source_principal="unknown",destination_principal="unknown",source_cluster="unknown",connection_security_policy="none"} 2
istio_request_bytes_sum{response_code="200",reporter="destination",source_cluster="east"} 1
`
	want := map[served]int{
		{"east", "spiffe://cluster.local/ns/v/sa/client", "spiffe://cluster.local/ns/v/sa/helloworld", "mutual_tls"}: 8,
		{"unknown", "unknown", "unknown", "none"}: 2,
	}
	if diff := cmp.Diff(want, requestsIn(text), cmp.AllowUnexported(served{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestOwnNamespaceIsNotDiscovered names what asks for a label.
func TestOwnNamespaceIsNotDiscovered(t *testing.T) {
	v := &verification{
		mesh: mesh(t, "  a: {network: n}\n"), options: Options{Namespace: "v"}, errs: make([]error, 1), called: make([]called, 1),
		places: []*place{{name: "a", servers: []pod{{"hello-a", "10.0.0.1", true}}, client: pod{"client-a", "", true}}},
		sent:   []map[string]upstream{{}}, served: make([]map[served]int, 1), gateways: make([]map[string]bool, 1),
	}
	want := []Problem{{
		From: "a", To: "a", Message: "a is not answered by a: the proxies of a are told no address of a",
		Hint: "where base.yaml has discoverySelectors, name a label that they ask for with --namespace-label; otherwise see setup-mesh status",
	}}
	if diff := cmp.Diff(want, v.report().Problems); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestReport judges what was seen of three clusters, of which b is on the network of a.
func TestReport(t *testing.T) {
	seen := func() *verification {
		v := &verification{
			mesh:    mesh(t, "  a: {network: n}\n  b: {network: n}\n  c: {network: o}\n"),
			options: Options{Namespace: "v"}, n: 24, errs: make([]error, 3), served: make([]map[served]int, 3), gateways: make([]map[string]bool, 3),
		}
		for _, name := range []string{"a", "b", "c"} {
			v.places = append(v.places, &place{name: name, servers: []pod{{"hello-" + name, map[string]string{"a": "10.0.0.1", "b": "10.0.0.2", "c": "10.0.0.2"}[name], true}}, client: pod{"client-" + name, "", true}})
			v.called = append(v.called, called{answers: map[string]int{"hello-a": 8, "hello-b": 8, "hello-c": 8}})
		}
		near := map[string]upstream{"10.0.0.1:5000": {sent: 8}, "10.0.0.2:5000": {sent: 8}, "192.0.2.3:15443": {sent: 8}}
		v.sent = []map[string]upstream{near, near, {"10.0.0.2:5000": {sent: 8}, "192.0.2.1:15443": {sent: 8}, "192.0.2.2:15443": {sent: 8}}}
		v.gateways = []map[string]bool{{"192.0.2.1": true}, {"192.0.2.2": true}, {"192.0.2.3": true}}
		return v
	}
	tests := map[string]struct {
		change   func(v *verification)
		problems []string
		from, to string // of the pair to look at
		via      []string
	}{
		"all is well": {from: "a", to: "b", via: []string{"10.0.0.2:5000"}},
		"a pod of another network has the address of one here": {from: "a", to: "c", via: []string{"192.0.2.3:15443"}},
		"the gateways of two clusters of a network":            {from: "c", to: "b", via: []string{"192.0.2.2:15443"}},
		"a gateway that is known by a name": {
			change: func(v *verification) { v.gateways[1] = map[string]bool{"lb.example.com": true} },
			from:   "c", to: "b", via: []string{"192.0.2.1:15443", "192.0.2.2:15443"},
		},
		"a gateway refuses": {
			change: func(v *verification) {
				delete(v.called[0].answers, "hello-c")
				v.sent[0] = map[string]upstream{"10.0.0.1:5000": {sent: 12}, "10.0.0.2:5000": {sent: 12}, "192.0.2.3:15443": {failed: 9}}
			},
			problems: []string{"a is not answered by c: 9 connections to 192.0.2.3:15443 failed"},
		},
		"a gateway whose address is not known, as behind node ports, refuses": {
			change: func(v *verification) {
				delete(v.called[0].answers, "hello-c")
				v.gateways[2] = nil
				v.sent[0] = map[string]upstream{"10.0.0.1:5000": {sent: 12}, "10.0.0.2:5000": {sent: 12}, "192.0.2.3:31443": {failed: 9}}
			},
			problems: []string{"a is not answered by c: 9 connections to 192.0.2.3:31443 failed"},
		},
		"a cluster is not discovered": {
			change: func(v *verification) {
				delete(v.called[0].answers, "hello-b")
				v.called[0].wrong = "no healthy upstream"
				v.sent[0] = map[string]upstream{"10.0.0.1:5000": {sent: 12}}
			},
			problems: []string{"a is not answered by b: the proxies of a are told no address of b; the client in a got: no healthy upstream"},
		},
		"plaintext": {
			change: func(v *verification) {
				v.served[1] = map[served]int{{cluster: "a", security: "none"}: 1, {cluster: "a", security: "mutual_tls"}: 1}
			},
			problems: []string{"the calls from a reach b without mutual TLS"},
		},
		"a cluster takes no part": {
			change:   func(v *verification) { v.errs[1] = errors.New("it is down") },
			problems: []string{"b takes no part: it is down"},
		},
		"a pod without a proxy": {
			change:   func(v *verification) { v.places[2].client.injected = false },
			problems: []string{"the pods of c have no proxy: nothing injects namespace v"},
		},
		"an answer that there should not be": {
			change: func(v *verification) {
				v.mesh = mesh(t, "  a: {network: n}\n  b: {network: n, disableRegistryJoin: true}\n  c: {network: o}\n")
			},
			problems: []string{
				"a is answered by b, which by topology.yaml it does not discover", "b is answered by a, which by topology.yaml it does not discover",
				"b is answered by c, which by topology.yaml it does not discover", "c is answered by b, which by topology.yaml it does not discover",
			},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			v := seen()
			if tt.change != nil {
				tt.change(v)
			}
			r := v.report()
			var problems []string
			for _, p := range r.Problems {
				problems = append(problems, p.Message)
				if want := "setup-mesh status --from " + p.From + " --to " + p.To; strings.Contains(p.Message, "is not answered") && !strings.HasPrefix(p.Hint, want+" ") {
					t.Errorf("hint %q, want %s", p.Hint, want)
				}
			}
			if diff := cmp.Diff(tt.problems, problems); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
			if r.OK() != (len(tt.problems) == 0) {
				t.Errorf("OK is %v", r.OK())
			}
			for _, p := range r.Pairs {
				if p.From == tt.from && p.To == tt.to {
					if diff := cmp.Diff(tt.via, p.Via); diff != "" {
						t.Errorf("via (-want +got):\n%s", diff)
					}
				}
			}
		})
	}
}

// TestServiceReport judges what the proxies of two clusters are told of a service.
func TestServiceReport(t *testing.T) {
	tests := map[string]struct {
		change   func(v *verification, m []ServiceMember)
		problems []string
	}{
		"all is well": {},
		"a cluster is told nothing of the other": {
			change:   func(v *verification, _ []ServiceMember) { v.sent[0] = map[string]upstream{"10.0.0.1:80": {}} },
			problems: []string{"the proxy of pod shop/web in a is told no address of shop/cart in b, which has 1"},
		},
		"a cluster without pods of it is not missed": {
			change: func(v *verification, m []ServiceMember) {
				v.sent[0], v.places[1].servers, m[1].Ready = map[string]upstream{"10.0.0.1:80": {}}, nil, 0
			},
		},
		"a cluster does not have the Service": {
			change:   func(_ *verification, m []ServiceMember) { m[1].there = false },
			problems: []string{"b has no Service shop/cart: its pods cannot resolve the name"},
		},
		"nobody has pods of it": {
			change: func(v *verification, m []ServiceMember) {
				for i := range m {
					m[i].Ready, m[i].there, v.places[i].servers = 0, false, nil
				}
			},
			problems: []string{"no cluster has a ready pod of shop/cart"},
		},
		"a cluster does not say": {
			change:   func(v *verification, _ []ServiceMember) { v.errs[0] = errors.New("it is down") },
			problems: []string{"what a knows of shop/cart could not be had: it is down"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			told := map[string]upstream{"10.0.0.1:80": {}, "10.0.0.2:80": {}}
			v := &verification{
				mesh: mesh(t, "  a: {network: n}\n  b: {network: n}\n"), errs: make([]error, 2), gateways: make([]map[string]bool, 2),
				places: []*place{{name: "a", servers: []pod{{ip: "10.0.0.1"}}}, {name: "b", servers: []pod{{ip: "10.0.0.2"}}}}, sent: []map[string]upstream{told, told},
			}
			m := []ServiceMember{{Ready: 1, Asked: "shop/web", there: true}, {Ready: 1, Asked: "shop/web", there: true}}
			if tt.change != nil {
				tt.change(v, m)
			}
			r := v.serviceReport("shop/cart", m)
			var problems []string
			for _, p := range r.Problems {
				problems = append(problems, p.Message)
			}
			if diff := cmp.Diff(tt.problems, problems); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
		})
	}
}

// TestImages are those of the registry, but for those that are named.
func TestImages(t *testing.T) {
	o := Options{Namespace: "v", Registry: "registry.example.com/hub/", Images: map[string]string{"client": "r.example.com/tools/curl:1", "helloworld-v2": "hello@sha256:0"}}
	got := map[string]string{}
	for _, one := range append(o.objects(0, true), o.objects(1, true)...) {
		if one.GetKind() != "Deployment" {
			continue
		}
		containers, _, _ := unstructured.NestedSlice(one.Object, "spec", "template", "spec", "containers")
		got[one.GetName()], _ = containers[0].(map[string]any)["image"].(string)
	}
	want := map[string]string{
		"client": "r.example.com/tools/curl:1", "helloworld-v1": "registry.example.com/hub/istio/examples-helloworld-v1:1.0", "helloworld-v2": "hello@sha256:0",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("images (-want +got):\n%s", diff)
	}
}
