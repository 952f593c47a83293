package verify

import (
	"context"
	"encoding/base64"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

// TestAmbientObjects: pods of an ambient mesh are enrolled and not injected, and their Service
// is global, in each cluster alike.
func TestAmbientObjects(t *testing.T) {
	o := Options{Namespace: "v", Ambient: true, Labels: map[string]string{"team": "shared"}}
	want := map[string]string{"team": "shared", LabelMesh: "m", "istio.io/dataplane-mode": "ambient"}
	if diff := cmp.Diff(want, o.namespace("m").GetLabels()); diff != "" {
		t.Errorf("labels of the namespace (-want +got):\n%s", diff)
	}
	for i := range 2 {
		var kinds []string
		for _, one := range o.objects(i, false) {
			kinds = append(kinds, one.GetKind())
			if one.GetKind() == "Service" && one.GetLabels()["istio.io/global"] != "true" {
				t.Errorf("labels of the Service: %v", one.GetLabels())
			}
		}
		if diff := cmp.Diff([]string{"ServiceAccount", "ServiceAccount", "Service", "Deployment", "Deployment"}, kinds); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

func TestConnectionsIn(t *testing.T) {
	const text = `# TYPE istio_tcp_connections_opened counter
istio_tcp_connections_opened_total{reporter="destination",source_workload="client",source_principal="spiffe://m/ns/v/sa/client",source_cluster="east",destination_workload="helloworld-v1",destination_workload_namespace="v",destination_principal="spiffe://m/ns/v/sa/helloworld",connection_security_policy="mutual_tls"} 8
istio_tcp_connections_opened_total{reporter="destination",source_principal="unknown",source_cluster="unknown",destination_workload="helloworld-v1",destination_workload_namespace="v",destination_principal="unknown",connection_security_policy="unknown"} 2
istio_tcp_connections_opened_total{reporter="source",destination_workload="helloworld-v1",destination_workload_namespace="v",connection_security_policy="mutual_tls"} 8
istio_tcp_connections_opened_total{reporter="destination",destination_workload="helloworld-v1",destination_workload_namespace="other",connection_security_policy="mutual_tls"} 8
istio_tcp_connections_opened_total{reporter="destination",destination_workload="cart",destination_workload_namespace="v",connection_security_policy="mutual_tls"} 8
istio_tcp_connections_closed_total{reporter="destination",destination_workload="helloworld-v1",destination_workload_namespace="v",connection_security_policy="mutual_tls"} 8
`
	want := map[served]int{
		{"east", "spiffe://m/ns/v/sa/client", "spiffe://m/ns/v/sa/helloworld", "mutual_tls"}: 8,
		{"unknown", "unknown", "unknown", "unknown"}:                                         2,
	}
	if diff := cmp.Diff(want, connectionsIn(text, "v"), cmp.AllowUnexported(served{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestTunnelled: what ztunnels have seen is said of calls only where it can be of no others.
func TestTunnelled(t *testing.T) {
	mutual := func(cluster string) served { return served{cluster, "client", "server", "mutual_tls"} }
	plain := func(cluster string) served { return served{cluster, "unknown", "unknown", "unknown"} }
	tests := map[string]struct {
		before, after map[served]int
		want          string // of calls from a to b, which answered 16 calls
	}{
		"nobody said anything":                          {nil, nil, ""},
		"what was before is not known":                  {nil, map[served]int{mutual("a"): 16}, ""},
		"as many as were answered":                      {map[served]int{}, map[served]int{mutual("b"): 8, mutual("unknown"): 8}, "mutual_tls"},
		"more, of rounds before the last":               {map[served]int{}, map[served]int{mutual("b"): 16, mutual("unknown"): 16}, "mutual_tls"},
		"fewer than were answered":                      {map[served]int{}, map[served]int{mutual("a"): 12}, ""},
		"those of an earlier verification do not count": {map[served]int{mutual("unknown"): 8}, map[served]int{mutual("unknown"): 16, mutual("b"): 2}, ""},
		"plaintext before":                              {map[served]int{plain("a"): 3}, map[served]int{plain("a"): 3, mutual("a"): 16}, "mutual_tls"},
		"plaintext from a":                              {map[served]int{}, map[served]int{plain("a"): 1, mutual("a"): 16}, "none"},
		"plaintext from nobody knows where":             {map[served]int{}, map[served]int{plain("unknown"): 1, mutual("a"): 16}, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			v := &verification{served: []map[served]int{nil, since(tt.before, tt.after)}}
			if got, _, _ := v.tunnelled("a", 1, 16); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// TestAmbientReport judges three clusters, of which b is on the network of a, by what istiods
// tell ztunnels.
func TestAmbientReport(t *testing.T) {
	seen := func() *verification {
		v := &verification{
			mesh:    mesh(t, "  a: {network: n}\n  b: {network: n}\n  c: {network: o}\n"),
			options: Options{Namespace: "v", Ambient: true}, n: 24, errs: make([]error, 3), served: make([]map[served]int, 3), gateways: make([]map[string]bool, 3),
		}
		for _, name := range []string{"a", "b", "c"} {
			ip := map[string]string{"a": "10.0.0.1", "b": "10.0.0.2", "c": "10.0.0.2"}[name]
			v.places = append(v.places, &place{name: name, servers: []pod{{"hello-" + name, ip, true}}, client: pod{"client-" + name, "", true}})
			v.called = append(v.called, called{answers: map[string]int{"hello-a": 8, "hello-b": 8, "hello-c": 8}})
		}
		near := map[string]upstream{"10.0.0.1:5000": {}, "10.0.0.2:5000": {}, "192.0.2.3:15008": {}}
		v.sent = []map[string]upstream{near, near, {"10.0.0.2:5000": {}, "192.0.2.1:15008": {}}}
		v.gateways = []map[string]bool{{"192.0.2.1": true}, {"192.0.2.2": true}, {"192.0.2.3": true}}
		return v
	}
	tests := map[string]struct {
		change   func(v *verification)
		problems []string
	}{
		"all is well": {},
		"pods that nobody took in": {
			change:   func(v *verification) { v.places[2].client.injected = false },
			problems: []string{"the pods of c are not in the mesh: no node agent has taken namespace v in"},
		},
		"ztunnels are told, and there is no answer": {
			change:   func(v *verification) { delete(v.called[0].answers, "hello-c"); v.called[0].wrong = "curl: (56) reset" },
			problems: []string{"a is not answered by c; the client in a got: curl: (56) reset"},
		},
		"ztunnels are told nothing": {
			change: func(v *verification) {
				delete(v.called[0].answers, "hello-c")
				v.sent[0] = map[string]upstream{"10.0.0.1:5000": {}, "10.0.0.2:5000": {}}
			},
			problems: []string{"a is not answered by c: the ztunnels of a are told no address of c"},
		},
		"what ztunnels are told is not known": {
			change:   func(v *verification) { delete(v.called[0].answers, "hello-c"); v.sent[0] = nil },
			problems: []string{"a is not answered by c"},
		},
		"plaintext": {
			change:   func(v *verification) { v.served[1] = map[served]int{{cluster: "a", security: "unknown"}: 1} },
			problems: []string{"the calls from a reach b without mutual TLS"},
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
			}
			if diff := cmp.Diff(tt.problems, problems); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
			for _, p := range r.Pairs {
				if len(p.Via) > 0 { // which ztunnels do not say
					t.Errorf("from %s to %s through %v", p.From, p.To, p.Via)
				}
			}
		})
	}
}

// A scripted cluster has objects, and answers for one port of each pod.
type scripted struct {
	Cluster
	objects map[object.Ref]*unstructured.Unstructured
	pods    []*unstructured.Unstructured
	pages   map[int]string
}

func (s scripted) Get(_ context.Context, ref object.Ref) (*unstructured.Unstructured, error) {
	if o := s.objects[ref]; o != nil {
		return o, nil
	}
	return nil, object.ErrNotFound
}

func (s scripted) List(context.Context, schema.GroupKind, string, string) ([]*unstructured.Unstructured, error) {
	return s.pods, nil
}

func (s scripted) PodGet(_ context.Context, _, _ string, port int, _ string) ([]byte, error) {
	if page, ok := s.pages[port]; ok {
		return []byte(page), nil
	}
	return nil, errors.New("nobody listens")
}

// TestScoped: a Service that no scope selects is refused before anything is put in.
func TestScoped(t *testing.T) {
	const byNamespace = "serviceScopeConfigs: [{namespaceSelector: {matchLabels: {team: shared}}, scope: GLOBAL}]"
	tests := map[string]struct {
		mesh   string
		labels map[string]string
		global bool
	}{
		"Istio's own scopes":          {`serviceScopeConfigs: [{servicesSelector: {matchExpressions: [{key: istio.io/global, operator: In, values: ["true"]}]}, scope: GLOBAL}]`, nil, true},
		"scopes that leave it out":    {byNamespace, nil, false},
		"scopes that ask for a label": {byNamespace, map[string]string{"team": "shared"}, true},
		"a mesh that has none":        {"", nil, false},
		"a mesh that cannot be read":  {"{", nil, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			config := object.New("v1", "ConfigMap", "istio-system", "istio", nil, map[string]any{"data": map[string]any{"mesh": tt.mesh}})
			p := &place{home: "istio-system", Cluster: scripted{objects: map[object.Ref]*unstructured.Unstructured{object.RefOf(config): config}}}
			if err := p.scoped(t.Context(), Options{Namespace: "v", Ambient: true, Labels: tt.labels}); (err == nil) != tt.global {
				t.Errorf("%v", err)
			} else if err != nil && object.HintOf(err) == "" {
				t.Errorf("no remedy for %v", err)
			}
		})
	}
}

// TestServiceReportAmbient: pods of other clusters are expected where the Service is global.
func TestServiceReportAmbient(t *testing.T) {
	tests := map[string]struct {
		global   [2]bool
		told     map[string]upstream
		problems []string
	}{
		"global, and told":          {[2]bool{true, true}, map[string]upstream{"10.0.0.1:80": {}, "10.0.0.2:80": {}}, nil},
		"global, and not told":      {[2]bool{true, true}, map[string]upstream{"10.0.0.1:80": {}}, []string{"istio-system/istiod-0 tells the ztunnels of a no address of shop/cart in b, which has 1"}},
		"not global in one of two":  {[2]bool{true, false}, map[string]upstream{"10.0.0.1:80": {}}, nil},
		"its own pods all the same": {[2]bool{}, map[string]upstream{}, []string{"istio-system/istiod-0 tells the ztunnels of a no address of shop/cart in a, which has 1"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			v := &verification{
				options: Options{Ambient: true}, mesh: mesh(t, "  a: {network: n}\n  b: {network: n}\n"), errs: make([]error, 2), gateways: make([]map[string]bool, 2),
				places: []*place{{name: "a", servers: []pod{{ip: "10.0.0.1"}}}, {name: "b", servers: []pod{{ip: "10.0.0.2"}}}},
				sent:   []map[string]upstream{tt.told, {"10.0.0.1:80": {}, "10.0.0.2:80": {}}},
			}
			m := []ServiceMember{{Ready: 1, Asked: "istio-system/istiod-0", there: true, Global: tt.global[0]}, {Ready: 1, Asked: "istio-system/istiod-1", there: true, Global: tt.global[1]}}
			var problems []string
			for _, p := range v.serviceReport("shop/cart", m).Problems {
				problems = append(problems, p.Message)
			}
			if diff := cmp.Diff(tt.problems, problems); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
		})
	}
}

func TestToldByIstiod(t *testing.T) {
	ip := base64.StdEncoding.EncodeToString([]byte("10.0.0.1"))
	page := `{"workloads":[
		{"uid":"a//Pod/shop/cart-1","addresses":["` + ip + `"],"services":{"shop/cart.shop.svc.cluster.local":{"ports":[{"servicePort":80,"targetPort":8080}]}}},
		{"uid":"o/SplitHorizonWorkload/istio-system/gw/192.0.2.3/shop/cart.shop.svc.cluster.local","services":{"shop/cart.shop.svc.cluster.local":{"ports":[{"servicePort":80,"targetPort":8080}]}}},
		{"uid":"a//Pod/shop/cartoon-1","addresses":["` + ip + `"],"services":{"shop/cartoon.shop.svc.cluster.local":{"ports":[{"servicePort":81,"targetPort":81}]}}}
	],"services":[]}`
	running := object.New("v1", "Pod", "istio-system", "istiod-0", map[string]any{"labels": map[string]any{"app": "istiod"}}, map[string]any{"status": map[string]any{"phase": "Running"}})
	p := &place{home: "istio-system", Cluster: scripted{pages: map[int]string{15014: page}, pods: []*unstructured.Unstructured{running}}}
	got, asked, err := p.toldByIstiod(t.Context(), "shop", "cart")
	if err != nil || asked != "istiod-0" {
		t.Fatalf("asked %q: %v", asked, err)
	}
	if diff := cmp.Diff(map[string]upstream{"10.0.0.1:8080": {}, "192.0.2.3:15008": {}}, got, cmp.AllowUnexported(upstream{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
