package apply

import (
	"errors"
	"fmt"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/setup-mesh/setup-mesh/pkg/apply/check"
	"github.com/setup-mesh/setup-mesh/pkg/apply/desired"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/observe"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
	"github.com/setup-mesh/setup-mesh/pkg/apply/status"
	"github.com/setup-mesh/setup-mesh/pkg/apply/world"
)

// tunnelledWorld is d applied, with ambient gateways that are reached at 203.0.113.7, and
// what runs on nodes ready.
func tunnelledWorld(t *testing.T, d *desired.Desired) *world.World {
	t.Helper()
	w := appliedWorld(t, d)
	for i, l := range w.Clusters {
		l.Address = d.Clusters[i].Address
		for ref := range l.Objects {
			if ref.Kind == "DaemonSet" {
				edit(l, ref, func(o map[string]any) {
					o["status"] = map[string]any{"desiredNumberScheduled": int64(2), "numberReady": int64(2)}
				})
			}
		}
		edit(l, object.AmbientGatewayRef(l.Namespace), func(o map[string]any) {
			o["status"] = map[string]any{
				"addresses":  []any{map[string]any{"type": "IPAddress", "value": "203.0.113.7"}},
				"conditions": []any{map[string]any{"type": "Accepted", "status": "True"}, map[string]any{"type": "Programmed", "status": "True"}},
			}
		})
		l.TunnelWorkload.Object = object.New("apps/v1", "Deployment", l.Namespace, object.AmbientGateway, nil, map[string]any{"status": map[string]any{"availableReplicas": int64(1)}})
		l.Tunnelled.Object = object.New("v1", "Service", l.Namespace, object.AmbientGateway, map[string]any{"labels": map[string]any{"gateway.istio.io/managed": "x"}}, map[string]any{
			"spec":   map[string]any{"type": "LoadBalancer", "clusterIP": "10.96.0.7"},
			"status": map[string]any{"loadBalancer": map[string]any{"ingress": []any{map[string]any{"ip": "203.0.113.7"}}}},
		})
	}
	return w
}

// TestAmbientTold: every replica tells of exactly the gateway of each other network, where
// that is.
func TestAmbientTold(t *testing.T) {
	at := func(addr string, port int, service ...string) observe.Tunnel {
		out := observe.Tunnel{Network: "west", Addr: addr, Port: port}
		if len(service) > 0 {
			out.Service = service[0]
		}
		return out
	}
	const echo = "app/echo.app.svc.cluster.local"
	own := observe.Tunnel{Network: "east", Addr: "198.51.100.1", Port: 15008} // is nobody's business here
	tests := map[string]struct {
		mesh   string
		told   [][]observe.Tunnel // of the replicas of east
		breaks func(w *world.World, views []observe.IstiodView)
		want   []string
	}{
		"the gateway where it is":      {told: [][]observe.Tunnel{{at("203.0.113.7", 15008), at("203.0.113.7", 15008, echo), own}, {at("203.0.113.7", 15008)}}},
		"nobody was asked":             {told: [][]observe.Tunnel{nil}},
		"no gateway":                   {told: [][]observe.Tunnel{{own}}, want: []string{"istiod-0 does not tell ztunnels where network west is: the gateway of west is at 203.0.113.7:15008, and they are not told"}},
		"one of two replicas is stale": {told: [][]observe.Tunnel{{at("203.0.113.7", 15008)}, {at("203.0.113.6", 15008)}}, want: []string{"istiod-1 does not tell ztunnels where network west is: the gateway of west is at 203.0.113.7:15008, and they are sent to 203.0.113.6:15008"}},
		"the ClusterIP of a gateway": {told: [][]observe.Tunnel{{at("10.96.0.7", 15008)}}, want: []string{
			"istiod-0 does not tell ztunnels where network west is: the gateway of west is at 203.0.113.7:15008, and they are sent to 10.96.0.7:15008 (the ClusterIP of its Service)",
		}},
		"one more gateway": {told: [][]observe.Tunnel{{at("203.0.113.7", 15008), at("203.0.113.9", 15008)}}, want: []string{
			"istiod-0 does not tell ztunnels where network west is: the gateway of west is at 203.0.113.7:15008, and they are sent to 203.0.113.9:15008, too",
		}},
		"a service that is still behind an older address": {told: [][]observe.Tunnel{{at("203.0.113.7", 15008), at("203.0.113.6", 15008, echo)}}, want: []string{
			"istiod-0 does not tell ztunnels where network west is: the gateway of west is at 203.0.113.7:15008, and they are sent to 203.0.113.6:15008, too",
		}},
		"a gateway that topology.yaml says the address of": {mesh: natted, told: [][]observe.Tunnel{{at("198.51.100.7", 31008), at("gw.example.com", 31008)}}},
		"the gateway itself, though topology.yaml says another address": {mesh: natted, told: [][]observe.Tunnel{{at("203.0.113.7", 15008)}}, want: []string{
			"istiod-0 does not tell ztunnels where network west is: the gateway of west is at 198.51.100.7:31008, and they are sent to 203.0.113.7:15008",
		}},
		"a gateway that has no address": {told: [][]observe.Tunnel{{at("10.96.0.7", 15008)}}, breaks: func(w *world.World, _ []observe.IstiodView) {
			delete(w.Clusters[1].Tunnelled.Object.Object, "status") // which another check says
		}},
		"a cluster that is not read": {told: [][]observe.Tunnel{{}}, breaks: func(_ *world.World, views []observe.IstiodView) {
			views[0].Clusters["west"] = "timeout"
		}},
		"an istiod that does not say": {told: [][]observe.Tunnel{nil}, breaks: func(_ *world.World, views []observe.IstiodView) {
			views[0].TunnelsErr = errors.New("longer than 8 MiB")
		}, want: []string{"unknown: could not ask istiod-0 what it tells ztunnels: longer than 8 MiB"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if tt.mesh == "" {
				tt.mesh = ambientMesh
			}
			d := wantedAmbient(t, tt.mesh, ambientBase)
			w := tunnelledWorld(t, d)
			probes := healthyProbes(NewPlan(d, w, plan.Options{}))
			var views []observe.IstiodView
			for i, told := range tt.told {
				views = append(views, observe.IstiodView{
					Pod: fmt.Sprintf("istiod-%d", i), Tunnels: told,
					Clusters: map[string]string{"east": observe.Synced, "west": observe.Synced},
				})
			}
			if tt.breaks != nil {
				tt.breaks(w, views)
			}
			probes["east"] = check.Probe{Istiods: views, Credentials: probes["east"].Credentials}
			var got []string
			for _, f := range status.New(NewPlan(d, w, plan.Options{}), probes).Findings {
				if f.ID != "ambient-gateway/told" {
					continue
				}
				unknown := ""
				if f.Unknown {
					unknown = "unknown: "
				} else if f.Hint == "" || f.Peer != "west" || f.Cluster != "east" {
					t.Errorf("%+v", f)
				}
				got = append(got, unknown+f.Message)
			}
			if diff := gocmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestSameScope: a Service is global in all clusters or in none, and its waypoint with it.
func TestSameScope(t *testing.T) {
	type (
		services  = map[string]observe.Shape
		waypoints = map[string]observe.Waypoint
	)
	global := func(waypoint string) observe.Shape { return observe.Shape{Global: true, Waypoint: waypoint} }
	behind := services{"shop/cart": global("shop/w"), "shop/w": global("")}
	w := observe.Waypoint{Class: "istio-waypoint", For: "service", Listeners: "{}"}
	with := func(set func(w *observe.Waypoint)) waypoints {
		other := w
		set(&other)
		return waypoints{"shop/w": other}
	}
	tests := map[string]struct {
		east, west       services
		eastWay, westWay waypoints
		eastErr          error
		want             []string
	}{
		"global in both":        {east: services{"shop/cart": global("")}, west: services{"shop/cart": global("")}},
		"global in neither":     {east: services{"shop/cart": {Waypoint: "shop/a"}}, west: services{"shop/cart": {}}},
		"only in one cluster":   {east: services{"shop/cart": global("")}, west: services{"shop/other": global("")}},
		"global in the first":   {east: services{"shop/cart": global("")}, west: services{"shop/cart": {}}, want: []string{"west/east Service shop/cart is global in east, and not in west: ambient pods of west do not reach its pods in other clusters"}},
		"global in the second":  {east: services{"shop/cart": {}}, west: services{"shop/cart": global("")}, want: []string{"west/east Service shop/cart is global in west, and not in east: ambient pods of east do not reach its pods in other clusters"}},
		"waypoints that differ": {east: services{"shop/cart": global("shop/w"), "shop/w": global("")}, eastWay: waypoints{"shop/w": w}, west: services{"shop/cart": global("")}, want: []string{"west/east Service shop/cart has waypoint (none), but shop/w in east: a global Service has to have the same everywhere"}},
		"a waypoint that is not global": {
			east: services{"shop/cart": global("shop/w"), "shop/w": {}}, eastWay: waypoints{"shop/w": w},
			want: []string{"east/ Gateway shop/w is the waypoint of global Services, and is not global itself"},
		},
		"the waypoint of a Service that is not global": {east: services{"shop/cart": {Waypoint: "shop/w"}, "shop/w": {}}},
		"the same waypoint":                            {east: behind, west: behind, eastWay: waypoints{"shop/w": w}, westWay: waypoints{"shop/w": w}},
		"a waypoint that is not there":                 {east: behind, west: behind, eastWay: waypoints{"shop/w": w}, want: []string{"west/ there is no Gateway shop/w, which is the waypoint of global Services"}},
		"a waypoint of another class": {
			east: behind, west: behind, eastWay: waypoints{"shop/w": w}, westWay: with(func(w *observe.Waypoint) { w.Class = "mine" }),
			want: []string{"west/east Gateway shop/w is of class mine, but of class istio-waypoint in east"},
		},
		"a waypoint for other traffic": {
			east: behind, west: behind, eastWay: waypoints{"shop/w": w}, westWay: with(func(w *observe.Waypoint) { w.For = "all" }),
			want: []string{"west/east Gateway shop/w is for traffic to all, but to service in east (label istio.io/waypoint-for)"},
		},
		"a waypoint with other listeners": {
			east: behind, west: behind, eastWay: waypoints{"shop/w": w}, westWay: with(func(w *observe.Waypoint) { w.Listeners = "" }),
			want: []string{"west/east Gateway shop/w has other listeners than in east"},
		},
		"scopes that could not be read": {
			east: services{"shop/cart": global("")}, west: services{"shop/cart": {}}, eastErr: errors.New("forbidden"),
			want: []string{"unknown: east/ could not find out which of its Services are global, and by which waypoints: forbidden"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			d := wantedAmbient(t, ambientMesh, ambientBase)
			p := NewPlan(d, tunnelledWorld(t, d), plan.Options{})
			probes := healthyProbes(p)
			east, west := probes["east"], probes["west"]
			east.Services, east.Waypoints, east.ScopesErr = tt.east, tt.eastWay, tt.eastErr
			west.Services, west.Waypoints = tt.west, tt.westWay
			probes["east"], probes["west"] = east, west
			var got []string
			s := status.New(p, probes)
			for _, f := range s.Findings {
				got = append(got, "unknown: "+f.Cluster+"/"+f.Peer+" "+f.Message)
			}
			for _, f := range s.Notes {
				got = append(got, f.Cluster+"/"+f.Peer+" "+f.Message)
			}
			if diff := gocmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestScopes: what is global is read from what istiod is configured with, of the user's own
// scopes, too.
func TestScopes(t *testing.T) {
	for base, want := range map[string]string{
		ambientBase: " istio.io/global in (true)",
		ambientBase + "  meshConfig: {serviceScopeConfigs: [{namespaceSelector: {matchLabels: {team: shared}}, scope: GLOBAL}]}\n": "team=shared ",
	} {
		d := wantedAmbient(t, ambientMesh, base)
		scopes, err := check.Scopes(NewPlan(d, tunnelledWorld(t, d), plan.Options{}).Clusters[1])
		if err != nil || len(scopes) != 1 {
			t.Fatalf("%v, %v", scopes, err)
		}
		if got := scopes[0].Namespaces.String() + " " + scopes[0].Services.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// TestAmbientHealthy: an ambient mesh in which all is right has nothing to say, of
// gateways of sidecars and of injection for example.
func TestAmbientHealthy(t *testing.T) {
	d := wantedAmbient(t, ambientMesh, ambientBase)
	w := tunnelledWorld(t, d)
	p := NewPlan(d, w, plan.Options{})
	s := status.New(p, healthyProbes(p))
	if !s.Healthy() || len(s.Notes) > 0 {
		t.Errorf("findings %v, notes %v", s.Findings, s.Notes)
	}
}
