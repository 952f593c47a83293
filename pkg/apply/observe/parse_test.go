package observe

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

func TestLastMessage(t *testing.T) {
	event := func(kind, name, at, message string) *unstructured.Unstructured {
		return object.New("v1", "Event", "ns", message, nil, map[string]any{
			"involvedObject": map[string]any{"kind": kind, "name": name}, "lastTimestamp": at, "message": message,
		})
	}
	events := []*unstructured.Unstructured{
		event("Service", "a", "2026-11-26T10:00:02Z", "second"), event("Service", "a", "2026-11-26T10:00:01Z", "first"),
		event("Service", "b", "2026-11-26T10:00:03Z", "of another"), event("Deployment", "a", "2026-11-26T10:00:03Z", "of another kind"),
	}
	for name, want := range map[string]string{"a": "second", "c": ""} {
		if got := lastMessage(events, object.ServiceRef("ns", name)); got != want {
			t.Errorf("of Service %s: %q, want %q", name, got, want)
		}
	}
}

func TestRootsIn(t *testing.T) {
	var namespaces, maps []*unstructured.Unstructured
	for name, labels := range map[string]map[string]any{
		"enabled":                 {"istio-injection": "enabled"},
		"without-root":            {"istio-injection": "enabled"},
		"of-a-revision":           {"istio.io/rev": "canary"},
		"disabled":                {"istio-injection": "disabled"},
		"disabled-and-a-revision": {"istio-injection": "disabled", "istio.io/rev": "canary"},
		"neither":                 nil,
	} {
		namespaces = append(namespaces, object.New("v1", "Namespace", "", name, map[string]any{"labels": labels}, nil))
		if name != "without-root" {
			maps = append(maps, object.New("v1", "ConfigMap", name, object.RootConfigMap, nil, map[string]any{"data": map[string]any{"root-cert.pem": "root of " + name + "\n"}}))
		}
		maps = append(maps, object.New("v1", "ConfigMap", name, "other", nil, map[string]any{"data": map[string]any{"root-cert.pem": "x"}}))
	}
	want := map[string]string{"enabled": "root of enabled", "without-root": "", "of-a-revision": "root of of-a-revision"}
	if diff := cmp.Diff(want, textsIn(namespaces, maps, object.RootConfigMap, "root-cert.pem")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestShapeOf(t *testing.T) {
	port := func(name string, number int64, protocol string) any {
		return map[string]any{"name": name, "port": number, "protocol": protocol}
	}
	tests := map[string]struct {
		spec map[string]any
		want Shape
	}{
		"with ports in another order":      {map[string]any{"clusterIP": "10.0.0.1", "ports": []any{port("dns", 53, "UDP"), port("", 443, "")}}, Shape{Type: "with a cluster IP", Ports: "443/TCP, 53/UDP dns"}},
		"a load balancer, which has an IP": {map[string]any{"type": "LoadBalancer", "clusterIP": "10.0.0.1"}, Shape{Type: "with a cluster IP"}},
		"headless":                         {map[string]any{"type": "ClusterIP", "clusterIP": "None"}, Shape{Type: "headless"}},
		"a name elsewhere":                 {map[string]any{"type": "ExternalName"}, Shape{Type: "ExternalName"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := shapeOf(object.New("v1", "Service", "ns", "s", nil, map[string]any{"spec": tt.spec}), nil, nil); got != tt.want {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
}

func TestShapeOfAmbient(t *testing.T) {
	const byLabel = `serviceScopeConfigs: [{servicesSelector: {matchExpressions: [{key: istio.io/global, operator: In, values: ["true"]}]}, scope: GLOBAL}]`
	const byNamespace = `serviceScopeConfigs:
- {namespaceSelector: {matchLabels: {team: shared}}, servicesSelector: {matchLabels: {tier: front}}, scope: GLOBAL}
- {servicesSelector: {matchLabels: {private: "true"}}, scope: LOCAL}
- {namespaceSelector: {matchLabels: {all: "true"}}, scope: GLOBAL}`
	type set = map[string]any
	for name, tt := range map[string]struct {
		mesh              string
		labels, namespace map[string]any
		want              Shape
	}{
		"neither":                           {byLabel, nil, nil, Shape{}},
		"global":                            {byLabel, set{"istio.io/global": "true"}, nil, Shape{Global: true}},
		"global is not a matter of case":    {byLabel, set{"istio.io/global": "True"}, nil, Shape{}},
		"a label that nothing asks for":     {byNamespace, set{"istio.io/global": "true"}, nil, Shape{}},
		"by both labels":                    {byNamespace, set{"tier": "front"}, set{"team": "shared"}, Shape{Global: true}},
		"by one of two labels":              {byNamespace, set{"tier": "front"}, nil, Shape{}},
		"a whole namespace":                 {byNamespace, set{"private": "true"}, set{"all": "true"}, Shape{Global: true}},
		"everything":                        {"serviceScopeConfigs: [{scope: GLOBAL}]", nil, nil, Shape{Global: true}},
		"a waypoint":                        {byLabel, set{"istio.io/use-waypoint": "w"}, nil, Shape{Waypoint: "ns/w"}},
		"a waypoint of another namespace":   {byLabel, set{"istio.io/use-waypoint": "w", "istio.io/use-waypoint-namespace": "other"}, nil, Shape{Waypoint: "other/w"}},
		"the waypoint of its namespace":     {byLabel, nil, set{"istio.io/use-waypoint": "w", "istio.io/use-waypoint-namespace": "other"}, Shape{Waypoint: "other/w"}},
		"its own before its namespace's":    {byLabel, set{"istio.io/use-waypoint": "w"}, set{"istio.io/use-waypoint": "v", "istio.io/use-waypoint-namespace": "other"}, Shape{Waypoint: "ns/w"}},
		"not the waypoint of its namespace": {byLabel, set{"istio.io/use-waypoint": "none"}, set{"istio.io/use-waypoint": "w"}, Shape{}},
		"a waypoint itself":                 {byLabel, set{"gateway.istio.io/managed": "istio.io-mesh-controller"}, set{"istio.io/use-waypoint": "w"}, Shape{}},
	} {
		tt.want.Type = "with a cluster IP"
		scopes, err := GlobalScopes(tt.mesh)
		if err != nil {
			t.Fatal(err)
		}
		spaces := Labelled{"ns": object.New("v1", "Namespace", "", "ns", map[string]any{"labels": tt.namespace}, nil).GetLabels()}
		if got := shapeOf(object.New("v1", "Service", "ns", "s", map[string]any{"labels": tt.labels}, nil), spaces, scopes); got != tt.want {
			t.Errorf("%s: got %+v, want %+v", name, got, tt.want)
		}
	}
	if _, err := GlobalScopes("serviceScopeConfigs: [{namespaceSelector: {matchExpressions: [{key: a, operator: Is}]}, scope: GLOBAL}]"); err == nil {
		t.Error("a selector that nobody knows was read")
	}
}

// TestWaypointOf: of a waypoint counts what it takes and where, not in which order it says so.
func TestWaypointOf(t *testing.T) {
	gateway := func(labels map[string]any, listeners ...any) Waypoint {
		return waypointOf(object.New("gateway.networking.k8s.io/v1", "Gateway", "ns", "w", map[string]any{"labels": labels}, map[string]any{
			"spec": map[string]any{"gatewayClassName": "istio-waypoint", "listeners": listeners},
		}))
	}
	mesh := func() any { return map[string]any{"name": "mesh", "port": int64(15008), "protocol": "HBONE"} }
	other := map[string]any{"name": "other", "port": int64(80), "protocol": "HTTP"}
	if a, b := gateway(nil, mesh(), other), gateway(map[string]any{"istio.io/waypoint-for": "service"}, other, mesh()); a != b {
		t.Errorf("%+v and %+v differ", a, b)
	}
	if a, b := gateway(nil, mesh()), gateway(map[string]any{"istio.io/waypoint-for": "all"}, mesh()); a == b {
		t.Errorf("%+v and %+v are the same", a, b)
	}
	if a, b := gateway(nil, mesh()), gateway(nil, mesh(), other); a == b {
		t.Errorf("%+v and %+v are the same", a, b)
	}
}

func TestCompared(t *testing.T) {
	for ref, want := range map[object.Ref]bool{
		object.ServiceRef("shop", "cart"):          true,
		object.ServiceRef("default", "kubernetes"): false,
		object.ServiceRef("default", "cart"):       true,
		object.ServiceRef("kube-system", "dns"):    false,
		object.ServiceRef("istio-x", "istiod"):     false,
	} {
		if got := compared(object.New("v1", "Service", ref.Namespace, ref.Name, nil, nil), "istio-x"); got != want {
			t.Errorf("%s: %v", ref, got)
		}
	}
}
