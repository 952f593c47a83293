package apply

import (
	"crypto/rand"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/setup-mesh/setup-mesh/pkg/apply/check"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/observe"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
	"github.com/setup-mesh/setup-mesh/pkg/apply/status"
	"github.com/setup-mesh/setup-mesh/pkg/certs"
)

// TestNodes: what enrolled pods need runs on every node, and on none is not on every.
func TestNodes(t *testing.T) {
	const context = "nothing is to be done in a cluster that has no nodes yet; otherwise see whether its node selector and tolerations fit them: kubectl --context east get nodes"
	tests := map[string]struct {
		wanted, ready int64
		want          []plan.Finding
	}{
		"on every node": {2, 2, nil},
		"on one of two": {2, 1, []plan.Finding{{
			ID: "ztunnel/running", Cluster: "east", State: "not running", Message: "ztunnel is ready on 1 of 2 nodes", Hint: "kubectl --context east -n istio-system describe daemonset ztunnel",
		}}},
		"a cluster without nodes": {0, 0, []plan.Finding{{
			ID: "ztunnel/running", Cluster: "east", State: "no node", Message: "there is no node for DaemonSet istio-system/ztunnel: no pod of the cluster can be in the mesh", Hint: context,
		}}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			d := wantedAmbient(t, ambientMesh, ambientBase)
			w := tunnelledWorld(t, d)
			edit(w.Clusters[0], object.Ref{Group: "apps", Kind: "DaemonSet", Namespace: "istio-system", Name: "ztunnel"}, func(o map[string]any) {
				o["status"] = map[string]any{"desiredNumberScheduled": tt.wanted, "numberReady": tt.ready}
			})
			p := NewPlan(d, w, plan.Options{})
			if diff := cmp.Diff(tt.want, status.New(p, healthyProbes(p)).Findings, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestAmbientPair: the steps between two clusters are those of what leads from one to the
// other, sidecars or ztunnels.
func TestAmbientPair(t *testing.T) {
	told := []observe.Tunnel{{Network: "west", Addr: "203.0.113.7", Port: 15008}}
	stale := []observe.Tunnel{{Network: "west", Addr: "203.0.113.6", Port: 15008}}
	tests := map[string]struct {
		told    []observe.Tunnel
		nodes   int64 // of two, on which ztunnel is ready in west
		want    map[status.StepID]string
		healthy bool
	}{
		"all is right": {told, 2, map[status.StepID]string{
			status.StepNodes:    "ok ztunnel and the node agents are ready on every node of both",
			status.StepGateway:  "ok the ambient gateway is at 203.0.113.7:15008, and ztunnels are told",
			status.StepListener: "unknown this was not tried: an ambient gateway speaks to ztunnels only",
		}, true},
		"nobody was asked": {nil, 2, map[status.StepID]string{
			status.StepNodes:    "ok ztunnel and the node agents are ready on every node of both",
			status.StepGateway:  "unknown the ambient gateway is at 203.0.113.7:15008; whether istiod-0 tells ztunnels is not known",
			status.StepListener: "unknown this was not tried: an ambient gateway speaks to ztunnels only",
		}, false},
		"an older address is told, and a node has no ztunnel": {stale, 1, map[status.StepID]string{
			status.StepNodes:    "wrong ztunnel is ready on 1 of 2 nodes",
			status.StepGateway:  "wrong istiod-0 does not tell ztunnels where network west is: the gateway of west is at 203.0.113.7:15008, and they are sent to 203.0.113.6:15008",
			status.StepListener: "unknown this was not tried: an ambient gateway speaks to ztunnels only",
		}, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			d := wantedAmbient(t, ambientMesh, ambientBase)
			w := tunnelledWorld(t, d)
			edit(w.Clusters[1], object.Ref{Group: "apps", Kind: "DaemonSet", Namespace: "istio-system", Name: "ztunnel"}, func(o map[string]any) {
				o["status"] = map[string]any{"desiredNumberScheduled": int64(2), "numberReady": tt.nodes}
			})
			p := NewPlan(d, w, plan.Options{})
			probes := healthyProbes(p)
			probes["east"] = check.Probe{Credentials: probes["east"].Credentials, Istiods: []observe.IstiodView{{
				Pod: "istiod-0", Tunnels: tt.told, Clusters: map[string]string{"east": observe.Synced, "west": observe.Synced},
			}}}
			pair := status.NewPair(p, probes, "east", "west")
			got := map[status.StepID]string{}
			for _, s := range pair.Paths[0].Steps {
				if _, asked := tt.want[s.ID]; !asked {
					continue
				}
				got[s.ID] = string(s.State) + " " + s.Message
				if len(s.Findings) > 0 {
					got[s.ID] = string(s.State) + " " + s.Findings[0].Message
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if pair.Healthy() != tt.healthy {
				t.Errorf("healthy: %v", pair.Healthy())
			}
		})
	}
	t.Run("sidecars and ambient", func(t *testing.T) {
		d := wantedAmbient(t, "mesh_id: m\nambient: {experimental: [sidecars]}\ncontexts:\n  east: {network: east}\n  west: {network: west}\n", ambientBase)
		p := NewPlan(d, tunnelledWorld(t, d), plan.Options{})
		s := status.New(p, healthyProbes(p))
		if s.Clusters[0].AmbientGateway != "203.0.113.7:15008" {
			t.Errorf("the ambient gateway is at %q", s.Clusters[0].AmbientGateway)
		}
		for _, step := range status.NewPair(p, healthyProbes(p), "east", "west").Paths[0].Steps {
			if step.ID == status.StepListener && step.Message == "this was not tried: an ambient gateway speaks to ztunnels only" {
				t.Error("the gateway of sidecars was not tried")
			}
		}
	})
}

// TestUnrevoked: a CA that is revoked is not for ztunnels that do not ask.
func TestUnrevoked(t *testing.T) {
	revoked, err := (*certs.Revoked)(nil).Adding(certs.RevokedCA{Cluster: "east", Serial: "1", Since: time.Now()}).List(rand.Reader, time.Now(), testRoot())
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		base    string
		revoked *certs.Revoked
		want    int
	}{
		"nothing is revoked":  {ambientBase, nil, 0},
		"ztunnels do not ask": {ambientBase, revoked, 2},
		"ztunnels ask":        {ambientBase + "  values: {ztunnel: {peerCaCrl: {enabled: true}}}\n", revoked, 0},
	} {
		t.Run(name, func(t *testing.T) {
			d := wantedAmbient(t, ambientMesh, tt.base)
			d.Revoked = tt.revoked
			p := NewPlan(d, EmptyWorld(d), plan.Options{})
			n := 0
			for _, f := range check.Preflight(p, nil) {
				if f.ID == check.IDUnrevoked {
					n++
				}
			}
			if n != tt.want {
				t.Errorf("%d warnings", n)
			}
		})
	}
}

// TestGatewayAPIOutlivesAmbient: CRDs that came with ambient mode stay while the cluster does,
// whoever uses them, and go with it if nobody does.
func TestGatewayAPIOutlivesAmbient(t *testing.T) {
	const sidecars = "apiVersion: install.istio.io/v1alpha2\nkind: IstioControlPlane\nspec: {profile: default}\n"
	const mesh = "mesh_id: m\ncontexts:\n  east: {network: east}\n  west: {network: west}\n"
	w := tunnelledWorld(t, wantedAmbient(t, ambientMesh, ambientBase))
	theirs := []object.Ref{{Group: object.GatewayAPIGroup, Kind: "Gateway", Namespace: "shop", Name: "theirs"}}
	after := wantedAmbient(t, mesh, sidecars)
	actions := func(p *plan.Plan) map[plan.Action]int {
		out := map[plan.Action]int{}
		for _, ch := range p.Clusters[0].Changes {
			if object.IsGatewayAPI(ch.Object) {
				out[ch.Action]++
			}
		}
		return out
	}
	for _, used := range [][]object.Ref{nil, theirs} {
		w.Clusters[0].Remains.InUse = used
		if diff := cmp.Diff(map[plan.Action]int{plan.Keep: 2}, actions(NewPlan(after, w, plan.Options{}))); diff != "" {
			t.Errorf("ambient mode ends, used by %v (-want +got):\n%s", used, diff)
		}
	}
	w.Clusters[0].Remains.InUse = nil
	w.Clusters[0].Leaving = true
	leaving := wantedAmbient(t, "mesh_id: m\ncontexts:\n  west: {network: west}\n", sidecars)
	w.Clusters[0], w.Clusters[1] = w.Clusters[1], w.Clusters[0]
	gone := map[plan.Action]int{}
	for _, ch := range NewPlan(leaving, w, plan.Options{}).Clusters[1].Changes {
		if object.IsGatewayAPI(ch.Object) {
			gone[ch.Action]++
		}
	}
	if diff := cmp.Diff(map[plan.Action]int{plan.Delete: 2}, gone); diff != "" {
		t.Errorf("the cluster leaves (-want +got):\n%s", diff)
	}
}
