package apply

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/setup-mesh/setup-mesh/pkg/apply/check"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/observe"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
	"github.com/setup-mesh/setup-mesh/pkg/apply/status"
	"github.com/setup-mesh/setup-mesh/pkg/apply/world"
)

// TestAmbientCauses: what comes of a fault in an ambient mesh names it. What istiod has made of
// a Gateway, what runs on nodes, and further gateways are looked at.
func TestAmbientCauses(t *testing.T) {
	const ns, mend = "istio-system", "setup-mesh apply"
	gateway, ztunnel := object.AmbientGatewayRef(ns), object.Ref{Group: "apps", Kind: "DaemonSet", Namespace: ns, Name: "ztunnel"}
	label := func(g *unstructured.Unstructured, network string) {
		g.SetLabels(map[string]string{object.LabelNetwork: network, object.LabelRevision: "default", object.LabelMesh: g.GetLabels()[object.LabelMesh]})
	}
	// unlabelled is a Gateway whose label somebody has taken off: nobody owns it then.
	unlabelled := func(l *world.Live, ref object.Ref) {
		was := l.Object(ref)
		edit(l, ref, func(o map[string]any) { unstructured.RemoveNestedField(o, "metadata", "labels", object.LabelNetwork) })
		seen := l.Objects[ref]
		seen.Dry = was
		l.Objects[ref] = seen
	}
	second := func(name, class, network string) *unstructured.Unstructured {
		return object.New(object.GatewayAPIGroup+"/v1", "Gateway", "x", name, map[string]any{"labels": map[string]any{object.LabelNetwork: network}},
			map[string]any{"spec": map[string]any{"gatewayClassName": class}})
	}
	const takeOff = " label gateways.gateway.networking.k8s.io "
	tests := map[string]struct {
		mesh   string
		change func(w *world.World, probes map[string]check.Probe)
		told   string // where istiods of east tell ztunnels that west is; 203.0.113.7 where it is right
		want   []string
	}{
		"all is well": {mesh: ambientMesh, told: "203.0.113.7"},
		"a gateway has lost its label": {mesh: ambientMesh, change: func(w *world.World, _ map[string]check.Probe) { unlabelled(w.Clusters[1], gateway) }, want: []string{
			"ambient-gateway/told east: do first what ambient-gateway/gateway says of west", "ambient-gateway/gateway west: " + mend}},
		"a Gateway that stands for another is gone": {mesh: natted, change: func(w *world.World, _ map[string]check.Probe) {
			peer := gateway
			peer.Name = object.PeerGatewayPrefix + "west"
			w.Clusters[0].Objects[peer] = world.Observed{}
		}, want: []string{"ambient-gateway/peers east: " + mend, "ambient-gateway/told east: do first what ambient-gateway/peers says of east"}},
		"an istiod was changed": {mesh: ambientMesh, change: func(w *world.World, _ map[string]check.Probe) {
			drift(w.Clusters[0], object.IstiodRef(ns), "kubectl", func(spec map[string]any) { spec["paused"] = true })
		}, want: []string{"ambient-gateway/told east: do first what istiod/workload says of east", "istiod/workload east: " + mend}},
		"an istiod looks at its own network": {mesh: ambientMesh, told: "203.0.113.7", change: func(w *world.World, _ map[string]check.Probe) {
			drift(w.Clusters[0], object.IstiodRef(ns), "kubectl", func(spec map[string]any) {
				spec["template"] = map[string]any{"spec": map[string]any{"containers": []any{map[string]any{
					"name": "discovery", "image": "docker.io/istio/pilot:1.31.0", "env": []any{map[string]any{"name": "AMBIENT_ENABLE_MULTI_NETWORK", "value": "false"}}}}}}
			})
		}, want: []string{"ambient-gateway/told east: do first what istiod/workload says of east", "istiod/workload east: " + mend}},
		"an istiod has forgotten": {mesh: ambientMesh, want: []string{
			"ambient-gateway/told east: setup-mesh apply; if it goes on: kubectl --context east -n istio-system rollout restart deployment istiod"}},
		"another Gateway of the network": {mesh: ambientMesh, told: "203.0.113.9", change: func(_ *world.World, probes map[string]check.Probe) {
			west := probes["west"]
			west.Gateways = []*unstructured.Unstructured{second("theirs", "istio-east-west", "west"), second("of-nobody", "istio-east-west", "north")}
			probes["west"] = west
		}, want: []string{"ambient-gateway/told east: do first what ambient-gateway/candidates says of west",
			"ambient-gateway/candidates west: delete it, or take its label off: kubectl --context west -n x" + takeOff + "theirs topology.istio.io/network-"}},
		"one that only others see": {mesh: ambientMesh, change: func(_ *world.World, probes map[string]check.Probe) {
			east := probes["east"]
			east.Gateways = []*unstructured.Unstructured{second("theirs", "istio-east-west", "west")}
			probes["east"] = east
		}, want: []string{
			"ambient-gateway/told east: setup-mesh apply; if it goes on: kubectl --context east -n istio-system rollout restart deployment istiod",
			"ambient-gateway/candidates east: delete it, or take its label off: kubectl --context east -n x" + takeOff + "theirs topology.istio.io/network-"}},
		"our own is labelled, and topology.yaml says where it is": {mesh: natted, told: "203.0.113.7", change: func(w *world.World, probes map[string]check.Probe) {
			edit(w.Clusters[1], gateway, func(o map[string]any) { label(&unstructured.Unstructured{Object: o}, "west") })
			west := probes["west"]
			west.Gateways = []*unstructured.Unstructured{w.Clusters[1].Object(gateway)}
			probes["west"] = west
		}, want: []string{"ambient-gateway/told east: do first what ambient-gateway/candidates says of west",
			"ambient-gateway/candidates west: take its label off: kubectl --context west -n istio-system" + takeOff + "istio-eastwestgateway-ambient topology.istio.io/network-"}},
		"ztunnel is for no node": {mesh: ambientMesh, told: "203.0.113.7", change: func(w *world.World, _ map[string]check.Probe) {
			drift(w.Clusters[0], ztunnel, "kubectl", func(spec map[string]any) { spec["minReadySeconds"] = int64(1) })
			edit(w.Clusters[0], ztunnel, func(o map[string]any) { o["status"] = map[string]any{} })
		}, want: []string{"ztunnel/running east: do first what ztunnel/workload says of east", "ztunnel/workload east: " + mend}},
		"ztunnel was told of another network": {mesh: ambientMesh, told: "203.0.113.7", change: func(w *world.World, probes map[string]check.Probe) {
			drift(w.Clusters[0], ztunnel, "kubectl", func(spec map[string]any) { spec["minReadySeconds"] = int64(1) })
			east := probes["east"]
			east.Sample = observe.ProxySample{Of: 1, Asked: []observe.Workload{{Pod: object.Ref{Kind: "Pod", Namespace: ns, Name: "ztunnel-1"}, Owner: ztunnel, Network: "old", Ztunnel: true, CertsErr: observe.ErrNoCertificate}}}
			probes["east"] = east
		}, want: []string{"proxies/network east: do first what ztunnel/workload says of east", "ztunnel/workload east: " + mend}},
		"a gateway is scaled to nothing": {mesh: ambientMesh, told: "203.0.113.7", change: func(w *world.World, _ map[string]check.Probe) {
			w.Clusters[1].TunnelWorkload.Object.Object = map[string]any{"spec": map[string]any{"replicas": int64(0)}}
			edit(w.Clusters[1], gateway, func(o map[string]any) {
				o["status"].(map[string]any)["conditions"].([]any)[1].(map[string]any)["status"] = "False"
			})
		}, want: []string{"ambient-gateway/running west: kubectl --context west -n istio-system scale deployment istio-eastwestgateway-ambient --replicas=1",
			"ambient-gateway/programmed west: do first what ambient-gateway/running says of west"}},
		"a gateway is not made": {mesh: natted, told: "198.51.100.7", change: func(w *world.World, _ map[string]check.Probe) {
			w.Clusters[1].TunnelWorkload.Object = nil
		}, want: []string{"ambient-gateway/running west: istiod makes it of the Gateway: see its log"}},
		"a Service is not istiod's": {mesh: ambientMesh, told: "203.0.113.7", change: func(w *world.World, _ map[string]check.Probe) {
			w.Clusters[1].Tunnelled.Object.SetLabels(nil)
		}, want: []string{"ambient-gateway/programmed west: if nobody else needs it: kubectl --context west -n istio-system delete service istio-eastwestgateway-ambient; istiod makes its own then"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			d := wantedAmbient(t, tt.mesh, ambientBase)
			w := tunnelledWorld(t, d)
			probes := healthyProbes(NewPlan(d, w, plan.Options{}))
			probes["east"].Istiods[0].Tunnels = []observe.Tunnel{{Network: "east", Addr: "203.0.113.7", Port: 15008}}
			for _, at := range []observe.Tunnel{{Addr: "203.0.113.7", Port: 15008}, {Addr: "203.0.113.9", Port: 15008}, {Addr: "198.51.100.7", Port: 31008}, {Addr: "gw.example.com", Port: 31008}} {
				if at.Addr == tt.told || tt.told == "198.51.100.7" && at.Port == 31008 {
					at.Network = "west"
					probes["east"].Istiods[0].Tunnels = append(probes["east"].Istiods[0].Tunnels, at)
				}
			}
			if tt.change != nil {
				tt.change(w, probes)
			}
			s := status.New(NewPlan(d, w, plan.Options{}), probes)
			var got []string
			for _, f := range append(s.Findings, s.Notes...) {
				got = append(got, f.ID+" "+f.Cluster+": "+f.Hint)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("findings with their remedies (-want +got):\n%s", diff)
			}
		})
	}
}
