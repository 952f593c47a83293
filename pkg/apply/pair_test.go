package apply

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/setup-mesh/setup-mesh/pkg/apply/check"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/observe"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
	"github.com/setup-mesh/setup-mesh/pkg/apply/status"
	"github.com/setup-mesh/setup-mesh/pkg/apply/world"
)

// askedMesh is a mesh of which everything was asked, and all is well.
func askedMesh(t *testing.T, mesh string) *probed {
	t.Helper()
	d := WantedMesh(t, mesh, TestBase)
	m := &probed{t: t, world: appliedWorld(t, d)}
	p := NewPlan(d, m.world, plan.Options{})
	m.probes = healthyProbes(p)
	var gateways []observe.NetworkGateway
	for _, c := range p.Clusters {
		gateways = append(gateways, observe.NetworkGateway{Network: c.Network, Cluster: c.Name, Addr: "192.0.2.7", Port: 15443})
	}
	for _, c := range p.Clusters {
		m.probe(c.Name, func(probe *check.Probe) {
			probe.Istiods[0].Gateways = gateways
			probe.Knocks = []observe.Knock{{Address: "192.0.2.7:15443", Routable: true}}
			if c.Remote() {
				probe.Root.Object = object.New("v1", "ConfigMap", c.Namespace, object.RootConfigMap, nil, map[string]any{"data": map[string]any{"root-cert.pem": string(testRoot().PEM())}})
			}
		})
	}
	return m
}

func (m *probed) pair(mesh, from, to string) *status.Pair {
	return status.NewPair(NewPlan(WantedMesh(m.t, mesh, TestBase), m.world, plan.Options{}), m.probes, from, to)
}

// stepLines are every step in a line.
func stepLines(p *status.Pair) []string {
	var out []string
	for _, path := range p.Paths {
		if path.Reader != p.From {
			out = append(out, "by "+path.Reader)
		}
		for _, s := range path.Steps {
			line := fmt.Sprintf("%s %s: %s", s.ID, s.State, s.Message)
			for _, f := range s.Findings {
				line += fmt.Sprintf("%s %s: %s | %s", f.ID, f.Cluster, f.Message, f.Hint)
			}
			out = append(out, line)
		}
	}
	return out
}

func TestPairHealthy(t *testing.T) {
	tests := map[string]struct {
		mesh, from, to string
		want           []string
	}{
		"two primaries on two networks": {twoClusters, "east", "west", []string{
			"members ok: all answer, and are members of mesh m",
			"secret ok: Secret istio-system/istio-remote-secret-west is there",
			"name ok: the credential is for west",
			"server ok: https://west.example.com:6443 answers from here",
			"token ok: accepted, and valid until 2027-11-21",
			"synced ok: so says istiod-1",
			"network ok: east on n1, west on n2",
			"gateway ok: it is at 192.0.2.7:15443, and istiod knows that",
			"listener ok: the gateway answers at 192.0.2.7:15443",
			"trust ok: both trust root " + testRoot().Short(),
		}},
		"one network": {OneNetwork, "a", "b", []string{
			"members ok: all answer, and are members of mesh m",
			"secret ok: Secret istio-system/istio-remote-secret-b is there",
			"name ok: the credential is for b",
			"server ok: https://b.example.com:6443 answers from here",
			"token ok: accepted, and valid until 2027-11-21",
			"synced ok: so says istiod-1",
			"network ok: both are on network n",
			"gateway ok: not needed: both are on network n",
			"listener ok: not needed: both are on network n",
			"trust ok: both trust root " + testRoot().Short(),
		}},
		"apart by topology.yaml": {OneNetwork, "a", "c", []string{"apart ok: topology.yaml does not have a discover c"}},
		"from a remote cluster": {sharedControlPlane, "west", "north", []string{
			"by east",
			"members ok: all answer, and are members of mesh m",
			"served ok: east injects pods of west",
			"secret ok: Secret istio-system/istio-remote-secret-north is there",
			"name ok: the credential is for north",
			"server ok: https://north.example.com:6443 answers from here",
			"token ok: accepted, and valid until 2027-11-21",
			"synced ok: so says istiod-1",
			"network ok: west on n2, north on n1",
			"gateway ok: it is at 192.0.2.7:15443, and istiod knows that",
			"listener ok: the gateway answers at 192.0.2.7:15443",
			"trust ok: both trust root " + testRoot().Short(),
		}},
		"from a remote cluster to its primary": {sharedControlPlane, "west", "east", []string{
			"by east",
			"members ok: all answer, and are members of mesh m",
			"served ok: east injects pods of west",
			"secret ok: not needed: it is in east itself",
			"name ok: its istiods call it east",
			"server ok: not needed: it is in east itself",
			"token ok: not needed: it is in east itself",
			"synced ok: so says istiod-1",
			"network ok: west on n2, east on n1",
			"gateway ok: it is at 192.0.2.7:15443, and istiod knows that",
			"listener ok: the gateway answers at 192.0.2.7:15443",
			"trust ok: both trust root " + testRoot().Short(),
		}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			p := askedMesh(t, tt.mesh).pair(tt.mesh, tt.from, tt.to)
			if diff := cmp.Diff(tt.want, stepLines(p)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if !p.Healthy() {
				t.Error("it calls itself unhealthy")
			}
		})
	}
}

// TestPairBroken breaks one thing between east and west, and sees the step that says so.
// What can be judged after it, is.
func TestPairBroken(t *testing.T) {
	const ns = "istio-system"
	secret := object.SecretRef(ns, object.RemoteSecretPrefix+"west")
	tests := map[string]struct {
		breaks  func(m *probed)
		healthy bool
		want    []string // the steps that are not ok
	}{
		"the secret is gone": {
			breaks: func(m *probed) {
				m.world.Clusters[0].Objects[secret] = world.Observed{}
				m.probe("east", func(p *check.Probe) { p.Credentials = nil; delete(p.Istiods[0].Clusters, "west") })
			},
			want: []string{
				"secret wrong: access/remote-secret east: Secret istio-system/istio-remote-secret-west is missing | setup-mesh apply",
				"name unknown: there is no credential",
				"server unknown: there is no credential of west to try",
				"token unknown: it was not tried",
				"synced wrong: not known to istiod-1",
				"gateway unknown: it is at 192.0.2.7:15443; whether istiod-1 sends there is not known",
			},
		},
		"it names another cluster": {
			breaks: func(m *probed) {
				m.restore("west", func(data map[string][]byte) { data["wset"] = data["west"]; delete(data, "west") })
				m.probe("east", func(p *check.Probe) {
					p.Credentials["west"] = errors.New("it is not a kubeconfig")
					delete(p.Istiods[0].Clusters, "west")
				})
			},
			want: []string{
				"name wrong: discovery/credential-cluster east: Secret istio-system/istio-remote-secret-west is the credential for west, but names wset | kubectl --context kind-east -n istio-system delete secret istio-remote-secret-west, then setup-mesh apply",
				"server unknown: there is no credential of west to try",
				"token unknown: it was not tried",
				"synced wrong: not known to istiod-1",
				"gateway unknown: it is at 192.0.2.7:15443; whether istiod-1 sends there is not known",
			},
		},
		"the API server does not answer": {
			breaks: func(m *probed) {
				m.probe("east", func(p *check.Probe) {
					p.Credentials["west"] = &object.Error{Class: object.Timeout, Op: "try", Message: "i/o timeout"}
					p.Istiods[0].Clusters["west"] = "timeout"
				})
			},
			want: []string{
				"server unknown: discovery/credential-valid east: cannot read west: try: i/o timeout | setup-mesh status, once it answers",
				"token unknown: no API server of west answered to it",
				"synced wrong: timeout in istiod-1",
				"gateway unknown: it is at 192.0.2.7:15443; whether istiod-1 sends there is not known",
			},
		},
		"the token was revoked, and istiod has not noticed": {
			breaks: func(m *probed) {
				m.probe("east", func(p *check.Probe) {
					p.Credentials["west"] = &object.Error{Class: object.Unauthorized, Op: "try", Message: "its token was refused"}
				})
			},
			want: []string{"token wrong: discovery/credential-valid east: cannot read west: try: its token was refused | setup-mesh apply"},
		},
		"istiod does not get there, though we do": {
			breaks: func(m *probed) { m.probes["east"].Istiods[0].Clusters["west"] = "timeout" },
			want: []string{
				"synced wrong: discovery/synced east: does not discover west: timeout in istiod-1 | do pods of east reach https://west.example.com:6443? contexts.kind-west.apiServer.server sets the address that other clusters use; istiod's log says more",
				"gateway unknown: it is at 192.0.2.7:15443; whether istiod-1 sends there is not known",
			},
		},
		"the pods of the reader cannot be listed": {
			breaks: func(m *probed) {
				m.probe("east", func(p *check.Probe) { p.Istiods, p.Err = nil, forbidden })
			},
			want: []string{
				"synced unknown: discovery/synced east: does not discover west: list: no | the user of context kind-east needs to list pods in namespace istio-system",
				"gateway unknown: it is at 192.0.2.7:15443; no istiod of east was asked whether it sends there",
			},
		},
		"the gateway has no address": {
			breaks: func(m *probed) {
				m.world.Clusters[1].Reach = world.Reach{}
				m.probe("west", func(p *check.Probe) { p.Knocks = nil })
			},
			want: []string{
				"gateway wrong: gateway/address west: Service istio-system/istio-eastwestgateway has no address | kubectl --context kind-west -n istio-system describe service istio-eastwestgateway",
				"listener unknown: there is no address to try",
			},
		},
		"nobody listens": {
			breaks: func(m *probed) {
				m.probe("west", func(p *check.Probe) {
					p.Knocks = []observe.Knock{{Address: "192.0.2.7:15443", Routable: true, TCP: errors.New("connection refused")}}
				})
			},
			want: []string{"listener wrong: gateway/answers west: nobody listens at the gateway's address 192.0.2.7:15443: connection refused | does what is in front of the gateway, a load balancer or a firewall, lead there? kubectl --context kind-west -n istio-system describe service istio-eastwestgateway"},
		},
		"the gateway cannot be tried from here": {
			breaks: func(m *probed) {
				m.probe("west", func(p *check.Probe) {
					p.Knocks = []observe.Knock{{Address: "192.0.2.7:15443", TCP: errors.New("i/o timeout")}}
				})
			},
			healthy: true,
			want:    []string{"listener unknown: 192.0.2.7:15443 cannot be reached from here"},
		},
		"another root": {
			breaks: func(m *probed) { giveRoot(m.t, m.world.Clusters[1], "west") },
			want: []string{fmt.Sprintf("trust wrong: trust/same-root west: the cluster trusts root %s, but the work directory holds root %s | restore this mesh's certs/root-cert.pem; a running istiod ignores a different root. To change it: setup-mesh certs rotate-root",
				otherRoot().Short(), testRoot().Short())},
		},
		"something else is wrong in another pair": {
			breaks: func(m *probed) { m.probes["west"].Istiods[0].Clusters["east"] = "timeout" }, healthy: true,
		},
		"the cluster is not reached from here": {
			breaks: func(m *probed) { m.world.Clusters[1].Unreached = errors.New("i/o timeout"); delete(m.probes, "west") },
			want: []string{
				"members unknown: cluster/reached west: not reached: i/o timeout | setup-mesh status, once it answers",
				"network unknown: west is not reached",
				"gateway unknown: west is not reached",
				"listener unknown: west is not reached",
				"trust unknown: west is not reached",
			},
		},
		"the reader is not reached from here": {
			breaks: func(m *probed) { m.world.Clusters[0].Unreached = errors.New("i/o timeout"); delete(m.probes, "east") },
			want: []string{
				"members unknown: cluster/reached east: not reached: i/o timeout | setup-mesh status, once it answers",
				"secret unknown: east is not reached",
				"name unknown: east is not reached",
				"server unknown: there is no credential of west to try",
				"token unknown: it was not tried",
				"synced unknown: east is not reached",
				"network unknown: east is not reached",
				"gateway unknown: east is not reached",
				"trust unknown: east is not reached",
			},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			m := askedMesh(t, twoClusters)
			tt.breaks(m)
			p := m.pair(twoClusters, "east", "west")
			var got []string
			for _, line := range stepLines(p) {
				if step, _, _ := strings.Cut(line, ":"); !strings.HasSuffix(step, " ok") {
					got = append(got, line)
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if p.Healthy() != tt.healthy {
				t.Errorf("healthy is %v", p.Healthy())
			}
		})
	}
}
