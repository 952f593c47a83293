package apply

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/setup-mesh/setup-mesh/pkg/apply/check"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/observe"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
	"github.com/setup-mesh/setup-mesh/pkg/apply/record"
	"github.com/setup-mesh/setup-mesh/pkg/apply/status"
	"github.com/setup-mesh/setup-mesh/pkg/apply/world"
)

// healthyProbes are the answers of istiods that discover each other.
func healthyProbes(p *plan.Plan) map[string]check.Probe {
	probes := map[string]check.Probe{}
	for _, c := range p.Clusters {
		v := observe.IstiodView{Pod: "istiod-1", Clusters: map[string]string{c.Name: observe.Synced}}
		credentials := map[string]error{}
		for _, name := range c.Reads {
			v.Clusters[name], credentials[name] = observe.Synced, nil
		}
		probes[c.Name] = check.Probe{Istiods: []observe.IstiodView{v}, Credentials: credentials}
	}
	return probes
}

func TestStatusHealthy(t *testing.T) {
	d := WantedMesh(t, twoClusters, TestBase)
	p := NewPlan(d, appliedWorld(t, d), plan.Options{})
	got := status.New(p, healthyProbes(p))
	trust := status.Trust{Root: testRoot().Short(), NotAfter: testNow.AddDate(1, 0, 0), Days: 365, State: "ok", RootDays: 3650}
	tokens := func(source string) map[string]status.Token {
		return map[string]status.Token{source: {NotAfter: testNow.AddDate(1, 0, 0), Hours: 365 * 24}}
	}
	member := func(name, network string) record.Member {
		return record.Member{Name: name, Context: "kind-" + name, UID: "uid-" + name, Network: network, Namespace: "istio-system", Role: record.RolePrimary}
	}
	want := &status.Status{
		Format: status.Format, Mesh: "m", Findings: []plan.Finding{},
		Clusters: []status.Cluster{
			{Member: member("east", "n1"), Istio: "1.31.0", Gateway: "192.0.2.7:15443", Trust: trust, Discovers: map[string]string{"west": "ok"}, Tokens: testNow.AddDate(1, 0, 0), TokenHours: 365 * 24, Kubernetes: "v1.36.0", TokenOf: tokens("west")},
			{Member: member("west", "n2"), Istio: "1.31.0", Gateway: "192.0.2.7:15443", Trust: trust, Discovers: map[string]string{"east": "ok"}, Tokens: testNow.AddDate(1, 0, 0), TokenHours: 365 * 24, Kubernetes: "v1.36.0", TokenOf: tokens("east")},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("status (-want +got):\n%s", diff)
	}
	if !got.Healthy() {
		t.Error("it is not healthy")
	}
}

// TestStatusFindings has every finding that there is.
func TestStatusFindings(t *testing.T) {
	const ns = "istio-system"
	tests := map[string]struct {
		world func(t *testing.T, w *world.World)
		probe func(probes map[string]check.Probe)
		want  []string // ID cluster: message | hint
	}{
		"cluster/reached": {
			world: func(_ *testing.T, w *world.World) { w.Clusters[1].Unreached = errors.New("i/o timeout") },
			want:  []string{"cluster/reached west: not reached: i/o timeout | setup-mesh status, once it answers"},
		},
		"cluster/reached, with a remedy of its own": {
			world: func(_ *testing.T, w *world.World) {
				w.Clusters[1].Unreached = &object.Error{Op: "connect", Message: "401", Hint: "log in"}
			},
			want: []string{"cluster/reached west: not reached: connect: 401 | log in"},
		},
		"cluster/wanted": {
			world: func(_ *testing.T, w *world.World) { w.Clusters[1].Leaving = true },
			want:  []string{"cluster/wanted west: no longer in topology.yaml, but still a member | setup-mesh apply removes it from the mesh"},
		},
		"istiod/running, absent": {
			world: func(_ *testing.T, w *world.World) { w.Clusters[0].Objects[object.IstiodRef(ns)] = world.Observed{} },
			want:  []string{"istiod/running east: there is no istiod | setup-mesh apply"},
		},
		"istiod/running, not available": {
			world: func(_ *testing.T, w *world.World) {
				edit(w.Clusters[0], object.IstiodRef(ns), func(o map[string]any) { delete(o, "status") })
			},
			want: []string{"istiod/running east: istiod has no available replica | kubectl --context kind-east -n istio-system describe deployment istiod"},
		},
		"gateway/running, scaled to nothing": {
			world: func(_ *testing.T, w *world.World) {
				edit(w.Clusters[0], object.GatewayRef(ns), func(o map[string]any) {
					delete(o, "status")
					o["spec"] = map[string]any{"replicas": int64(0)}
				})
			},
			want: []string{"gateway/running east: east-west gateway is scaled to 0 replicas | kubectl --context kind-east -n istio-system scale deployment istio-eastwestgateway --replicas=1"},
		},
		"gateway/address": {
			world: func(_ *testing.T, w *world.World) {
				w.Clusters[0].Reach = world.Reach{}
			},
			want: []string{"gateway/address east: Service istio-system/istio-eastwestgateway has no address | kubectl --context kind-east -n istio-system describe service istio-eastwestgateway"},
		},
		"trust/certificate, absent": {
			world: func(_ *testing.T, w *world.World) {
				w.Clusters[0].Objects[object.SecretRef(ns, object.Cacerts)] = world.Observed{}
			},
			want: []string{"trust/certificate east: there is no Secret istio-system/cacerts | setup-mesh apply"},
		},
		"trust/certificate, unusable": {
			world: func(_ *testing.T, w *world.World) {
				edit(w.Clusters[0], object.SecretRef(ns, object.Cacerts), func(o map[string]any) { delete(o, "data") })
			},
			want: []string{"trust/certificate east: Secret istio-system/cacerts: ca-cert.pem: is missing | setup-mesh apply"},
		},
		"trust/certificate, which nobody would trust": {
			world: func(_ *testing.T, w *world.World) {
				edit(w.Clusters[0], object.SecretRef(ns, object.Cacerts), func(o map[string]any) {
					data := o["data"].(map[string]any)
					data["cert-chain.pem"] = data["root-cert.pem"]
				})
			},
			want: []string{"trust/certificate east: Secret istio-system/cacerts: cert-chain.pem: does not hold the certificate in ca-cert.pem, so peers could not verify the certificate of a workload | setup-mesh apply"},
		},
		"trust/certificate, due": {
			world: func(_ *testing.T, w *world.World) { w.Now = testNow.AddDate(0, 9, 0) },
			want: []string{
				"trust/certificate east: the intermediate is due: valid until 2027-11-21 | setup-mesh apply renews it",
				"discovery/credential-expires east: the credential for west is due: valid until 2027-11-21 12:00 UTC | setup-mesh apply makes a new one",
				"trust/certificate west: the intermediate is due: valid until 2027-11-21 | setup-mesh apply renews it",
				"discovery/credential-expires west: the credential for east is due: valid until 2027-11-21 12:00 UTC | setup-mesh apply makes a new one",
			},
		},
		"trust/same-root": {
			world: func(t *testing.T, w *world.World) { giveRoot(t, w.Clusters[1], "west") },
			want: []string{
				fmt.Sprintf("trust/same-root west: the cluster trusts root %s, but the work directory holds root %s | restore this mesh's certs/root-cert.pem; a running istiod ignores a different root. To change it: setup-mesh certs rotate-root", otherRoot().Short(), testRoot().Short()),
			},
		},
		"discovery/credential-valid, though istiod calls it synced": {
			probe: func(probes map[string]check.Probe) {
				probes["east"].Credentials["west"] = &object.Error{Class: object.Unauthorized, Op: "try", Message: "its token was refused"}
			},
			want: []string{"discovery/credential-valid east: cannot read west: try: its token was refused | setup-mesh apply"},
		},
		"discovery/credential-valid, instead of what istiod says": {
			probe: func(probes map[string]check.Probe) {
				probes["east"].Credentials["west"] = &object.Error{Class: object.Unreachable, Op: "try", Message: "i/o timeout"}
				delete(probes["east"].Istiods[0].Clusters, "west")
			},
			want: []string{"discovery/credential-valid east: cannot read west: try: i/o timeout | setup-mesh status, once it answers"},
		},
		"discovery/synced": {
			probe: func(probes map[string]check.Probe) { probes["west"].Istiods[0].Clusters["east"] = "timeout" },
			want:  []string{"discovery/synced west: does not discover east: timeout in istiod-1 | do pods of west reach https://east.example.com:6443? contexts.kind-east.apiServer.server sets the address that other clusters use; istiod's log says more"},
		},
		"discovery/synced, nobody answers": {
			probe: func(probes map[string]check.Probe) {
				probes["west"] = check.Probe{Err: errors.New("list Pod: forbidden")}
			},
			want: []string{"discovery/synced west: does not discover east: list Pod: forbidden | setup-mesh apply; then look at the log of istiod"},
		},
		"a refusal of the plan": {
			world: func(_ *testing.T, w *world.World) { w.Clusters[0].Endpoint.Insecure = true },
			want:  []string{"api-server/ca east: context kind-east skips TLS verification: there is no CA to hand to the other clusters | put the CA of the API server into the kubeconfig"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			d := WantedMesh(t, twoClusters, TestBase)
			w := appliedWorld(t, d)
			if tt.world != nil {
				tt.world(t, w)
			}
			p := NewPlan(d, w, plan.Options{})
			probes := healthyProbes(p)
			if tt.probe != nil {
				tt.probe(probes)
			}
			s := status.New(p, probes)
			var got []string
			for _, f := range s.Findings {
				got = append(got, fmt.Sprintf("%s %s: %s | %s", f.ID, f.Cluster, f.Message, f.Hint))
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
			if s.Healthy() {
				t.Error("it calls itself healthy")
			}
		})
	}
}

// Drift alone is told, and makes no mesh unhealthy.
func TestStatusDrift(t *testing.T) {
	d := WantedMesh(t, OneNetwork, TestBase)
	w := appliedWorld(t, d)
	drift(w.Clusters[0], object.IstiodRef("istio-system"), "kubectl", func(spec map[string]any) { spec["replicas"] = int64(0) })
	p := NewPlan(d, w, plan.Options{})
	s := status.New(p, healthyProbes(p))
	if !s.Clusters[0].Drift || s.Clusters[1].Drift || !s.Healthy() {
		t.Errorf("drift %v and %v, findings %v", s.Clusters[0].Drift, s.Clusters[1].Drift, s.Findings)
	}
	// A cluster that takes no part in discovery has nobody to discover.
	if len(s.Clusters[2].Discovers) != 0 {
		t.Errorf("c discovers %v", s.Clusters[2].Discovers)
	}
}
