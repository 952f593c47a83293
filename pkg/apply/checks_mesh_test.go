package apply

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/setup-mesh/setup-mesh/pkg/apply/check"
	"github.com/setup-mesh/setup-mesh/pkg/apply/desired"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/observe"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
	"github.com/setup-mesh/setup-mesh/pkg/apply/status"
	"github.com/setup-mesh/setup-mesh/pkg/apply/world"
	"github.com/setup-mesh/setup-mesh/pkg/certs"
)

// A probed world is what a status judges, for a test to break one thing of.
type probed struct {
	t      *testing.T
	world  *world.World
	probes map[string]check.Probe
}

func (m *probed) probe(name string, change func(*check.Probe)) {
	p := m.probes[name]
	change(&p)
	m.probes[name] = p
}

// waiting is a pod that waits for an image.
func waiting(name, image, reason, message string) *unstructured.Unstructured {
	return object.New("v1", "Pod", "istio-system", name, nil, map[string]any{"status": map[string]any{"containerStatuses": []any{
		map[string]any{"image": image, "state": map[string]any{"waiting": map[string]any{"reason": reason, "message": message}}},
	}}})
}

// restore changes the kubeconfig in a remote secret, as one that kubectl edited.
func (m *probed) restore(source string, edit func(data map[string][]byte)) {
	l := m.world.Clusters[0]
	ref := object.SecretRef("istio-system", object.RemoteSecretPrefix+source)
	data := desired.SecretData(l.Object(ref))
	edit(data)
	for k, v := range desired.SecretContent(data, nil).Fields {
		l.Objects[ref].Object.Object[k] = v
	}
}

var forbidden = &object.Error{Class: object.Forbidden, Op: "list", Message: "no"}

// What istiods say, and what is true: a status names what does not go together, and
// no more than that.
func TestStatusMesh(t *testing.T) {
	elsewhere, err := desired.EncodeRemoteKubeconfig("west", object.Endpoint{Server: "https://192.0.2.99:6443"}, certs.NewSecret([]byte("x")))
	if err != nil {
		t.Fatal(err)
	}
	gateways := func(more ...observe.NetworkGateway) func(*check.Probe) {
		return func(p *check.Probe) { p.Istiods[0].Gateways = more }
	}
	east := observe.NetworkGateway{Network: "n1", Cluster: "east", Addr: "192.0.2.7", Port: 15443}
	west := observe.NetworkGateway{Network: "n2", Cluster: "west", Addr: "192.0.2.7", Port: 15443}
	knocks := func(ks ...observe.Knock) func(*check.Probe) { return func(p *check.Probe) { p.Knocks = ks } }
	shapes := func(s string, ports string) map[string]observe.Shape {
		return map[string]observe.Shape{"shop/cart": {Type: s, Ports: ports}, "shop/same": {Type: "headless"}}
	}
	proxy := func(name, cluster, version string) observe.Proxy {
		return observe.Proxy{Name: name, Cluster: cluster, Version: version}
	}
	mine := func() string { return string(testRoot().PEM()) }
	tests := map[string]struct {
		breaks func(m *probed)
		want   []string
	}{
		"a credential leads to another server": {
			breaks: func(m *probed) {
				m.restore("west", func(data map[string][]byte) { data["west"] = elsewhere })
				m.probes["east"].Credentials["west"] = &object.Error{Class: object.Timeout, Message: "i/o timeout"}
				m.probes["east"].Istiods[0].Clusters["west"] = "timeout"
			},
			want: []string{"discovery/credential-server east/west: the credential for west does not lead to its API server: API server of west: https://192.0.2.99:6443 -> https://west.example.com:6443"},
		},
		"a credential that is another cluster's": {
			breaks: func(m *probed) {
				m.probe("east", func(p *check.Probe) { p.LeadsTo = map[string]string{"west": "uid-east"} })
			},
			want: []string{"discovery/credential-cluster east/west: the credential for west leads to east"},
		},
		"a credential of a cluster that nobody knows": {
			breaks: func(m *probed) {
				m.probe("east", func(p *check.Probe) { p.LeadsTo = map[string]string{"west": "other"} })
			},
			want: []string{"discovery/credential-cluster east/west: the credential for west leads to another cluster (kube-system UID other)"},
		},
		"a credential that does not say whose it is": {
			breaks: func(m *probed) { m.probe("east", func(p *check.Probe) { p.LeadsTo = map[string]string{"west": ""} }) },
		},
		"a credential under another name": {
			breaks: func(m *probed) {
				m.restore("west", func(data map[string][]byte) { data["wset"] = data["west"]; delete(data, "west") })
				m.probes["east"].Credentials["west"] = errors.New("it is not a kubeconfig")
				delete(m.probes["east"].Istiods[0].Clusters, "west")
				m.probes["east"].Istiods[0].Clusters["wset"] = observe.Synced
			},
			want: []string{"discovery/credential-cluster east/west: Secret istio-system/istio-remote-secret-west is the credential for west, but names wset"},
		},
		"an istiod with another name of its cluster": {
			breaks: func(m *probed) {
				m.probe("east", func(p *check.Probe) {
					p.Istiods[0].Self, p.Istiods[0].Clusters["Kubernetes"] = "Kubernetes", observe.Synced
					delete(p.Istiods[0].Clusters, "east")
				})
			},
			want: []string{"istiod/cluster-name east: istiod-1 calls its cluster Kubernetes, but it is east"},
		},
		"one replica that does not read a cluster": {
			breaks: func(m *probed) {
				m.probe("east", func(p *check.Probe) {
					p.Istiods = append(p.Istiods, observe.IstiodView{Pod: "istiod-2", Clusters: map[string]string{"east": observe.Synced, "west": "timeout"}})
				})
			},
			want: []string{"discovery/synced east/west: does not discover west: timeout in istiod-2"},
		},
		"the gateways are known": {
			breaks: func(m *probed) { m.probe("east", gateways(east, west)) },
		},
		"a gateway that an istiod does not know": {
			breaks: func(m *probed) { m.probe("east", gateways(east)) },
			want:   []string{"gateway/known east/west: istiod-1 does not send to the gateway of west: it is at 192.0.2.7:15443, and it knows of none"},
		},
		"a gateway that an istiod knows elsewhere": {
			breaks: func(m *probed) {
				m.probe("east", gateways(east, observe.NetworkGateway{Network: "n2", Cluster: "west", Addr: "192.0.2.8", Port: 15443}))
			},
			want: []string{"gateway/known east/west: istiod-1 does not send to the gateway of west: it is at 192.0.2.7:15443, and it sends to 192.0.2.8:15443"},
		},
		"one gateway more that somebody has": {
			breaks: func(m *probed) {
				m.probe("east", gateways(east, west, observe.NetworkGateway{Network: "n2", Cluster: "west", Addr: "192.0.2.8", Port: 15443}))
			},
		},
		"a gateway of a cluster that is not read": {
			breaks: func(m *probed) {
				m.probe("east", gateways(east))
				m.probes["east"].Istiods[0].Clusters["west"] = "timeout"
			},
			want: []string{"discovery/synced east/west: does not discover west: timeout in istiod-1"},
		},
		"an istiod that does not say which gateways it knows": {
			breaks: func(m *probed) {
				m.probe("east", func(p *check.Probe) { p.Istiods[0].GatewaysErr = errors.New("404") })
			},
			want: []string{"gateway/known east: unknown: could not ask istiod-1 where it sends what is for other networks: 404"},
		},
		"a gateway at which nobody listens": {
			breaks: func(m *probed) {
				m.probe("west", knocks(observe.Knock{Address: "192.0.2.7:15443", Routable: true, TCP: errors.New("connection refused")}))
			},
			want: []string{"gateway/answers west: nobody listens at the gateway's address 192.0.2.7:15443: connection refused"},
		},
		"a gateway that passes nothing on": {
			breaks: func(m *probed) {
				m.probe("west", knocks(observe.Knock{Address: "192.0.2.7:15443", Routable: true, TLS: errors.New("EOF")}))
			},
			want: []string{"gateway/answers west: the gateway at 192.0.2.7:15443 does not pass on to istiod: EOF"},
		},
		"gateways that are not reached from here": {
			breaks: func(m *probed) {
				m.probe("east", knocks(observe.Knock{Address: "192.0.2.7:15443", TCP: errors.New("i/o timeout")}))
				m.probe("west", knocks(observe.Knock{Address: "192.0.2.7:15443", TCP: errors.New("i/o timeout")}))
			},
			want: []string{noted + "gateway/not-routable east: the gateways of east, west were not tried: 192.0.2.7:15443 cannot be reached from here"},
		},
		"one of the addresses of a gateway is not reached from here": {
			breaks: func(m *probed) {
				m.probe("west", knocks(observe.Knock{Address: "192.0.2.7:15443", Routable: true}, observe.Knock{Address: "192.0.2.8:15443", TCP: errors.New("i/o timeout")}))
			},
			want: []string{noted + "gateway/not-routable west: the gateways of west were not tried: 192.0.2.8:15443 cannot be reached from here"},
		},
		"proxies of a cluster that there is not": {
			breaks: func(m *probed) {
				m.probe("east", func(p *check.Probe) {
					p.Istiods[0].Proxies = []observe.Proxy{proxy("a.shop", "old", "1.31.0"), proxy("b.shop", "west", "1.31.0"), proxy("c.shop", "old", "1.31.0")}
				})
			},
			want: []string{"proxies/cluster east: proxies say that they are in cluster old, which the mesh does not have: a.shop, c.shop"},
		},
		"proxies of an earlier version": {
			breaks: func(m *probed) {
				m.probe("east", func(p *check.Probe) {
					p.Istiods[0].Proxies = []observe.Proxy{proxy("a.shop", "east", "1.30.2"), proxy("b.shop", "west", "1.31.0"), proxy("c.shop", "west", "unknown")}
				})
			},
			want: []string{noted + "proxies/version east: proxies run Istio 1.30.2, but istiod runs 1.31.0: a.shop"},
		},
		"an istiod that does not say which proxies it has": {
			breaks: func(m *probed) {
				m.probe("east", func(p *check.Probe) { p.Istiods[0].ProxiesErr = errors.New("longer than 8 MiB") })
			},
			want: []string{"proxies/cluster east: unknown: could not ask istiod-1 which proxies it has: longer than 8 MiB"},
		},
		"an image that cannot be pulled": {
			breaks: func(m *probed) {
				m.probe("west", func(p *check.Probe) {
					p.Pods = []*unstructured.Unstructured{
						waiting("istiod-2", "example.com/pilot:nope", "ImagePullBackOff", "not found"), waiting("istiod-3", "example.com/pilot:nope", "ErrImagePull", ""),
						waiting("istio-eastwestgateway-1", "example.com/proxyv2:1", "ContainerCreating", ""),
					}
				})
			},
			want: []string{`control-plane/images west: pod istiod-2 waits for image example.com/pilot:nope: ImagePullBackOff: "not found"`},
		},
		"an invalid Gateway is accepted": {
			breaks: func(m *probed) { m.probe("west", func(p *check.Probe) { p.Validation = observe.ErrAccepted }) },
			want:   []string{"control-plane/validation west: an invalid Gateway is accepted: no webhook refuses it"},
		},
		"nobody validates": {
			breaks: func(m *probed) {
				m.probe("west", func(p *check.Probe) {
					p.Validation = &object.Error{Class: object.Webhook, Op: "create", Message: "no endpoints"}
				})
			},
			want: []string{"control-plane/validation west: Istio's resources cannot be changed, because nothing validates them: create: no endpoints"},
		},
		"who may not try a Gateway": {
			breaks: func(m *probed) {
				m.probe("west", func(p *check.Probe) { p.Validation = fmt.Errorf("%w: %w", observe.ErrNotValidated, forbidden) })
			},
			want: []string{"control-plane/validation west: unknown: could not try whether an invalid Gateway is refused: list: no"},
		},
		"the root in a namespace": {
			breaks: func(m *probed) {
				m.probe("east", func(p *check.Probe) {
					p.Roots.PEM = map[string]string{"a": mine(), "b": string(otherRoot().PEM()), "c": "", "d": string(otherRoot().PEM()) + mine()}
				})
			},
			want: []string{
				"trust/root-in-namespaces east: proxies get no root certificate in namespace c",
				"trust/root-in-namespaces east: proxies get another root certificate than that of the mesh in namespace b",
			},
		},
		"the root in all namespaces is another": {
			breaks: func(m *probed) {
				giveRoot(m.t, m.world.Clusters[0], "east")
				m.probe("east", func(p *check.Probe) { p.Roots.PEM = map[string]string{"a": string(otherRoot().PEM())} })
			},
			want: []string{fmt.Sprintf("trust/same-root east: the cluster trusts root %s, but the work directory holds root %s", otherRoot().Short(), testRoot().Short())},
		},
		"who may not look at roots": {
			breaks: func(m *probed) { m.probe("east", func(p *check.Probe) { p.Roots.Err = forbidden }) },
			want:   []string{"trust/root-in-namespaces east: unknown: could not compare the root certificates that proxies get: list: no"},
		},
		"a clock that is a little late": {
			breaks: func(m *probed) { m.probe("west", func(p *check.Probe) { p.Skew = -7 * time.Second }) },
			want:   []string{noted + "api-server/clock-skew west: the clock of its API server is 7s behind that of this machine"},
		},
		"a clock that is as good as right": {
			breaks: func(m *probed) { m.probe("west", func(p *check.Probe) { p.Skew = 5 * time.Second }) },
		},
		"a clock that is wrong": {
			breaks: func(m *probed) { m.probe("west", func(p *check.Probe) { p.Skew = 301 * time.Second }) },
			want:   []string{"api-server/clock west: the clock of its API server is 5m1s ahead of that of this machine, which is more than the 5 min by which certificates are made valid earlier: new ones are refused"},
		},
		"a Service with other ports": {
			breaks: func(m *probed) {
				m.probe("east", func(p *check.Probe) { p.Services = shapes("with a cluster IP", "80/TCP http") })
				m.probe("west", func(p *check.Probe) { p.Services = shapes("with a cluster IP", "8080/TCP http") })
			},
			want: []string{noted + "services/same-shape west/east: Service shop/cart has ports 8080/TCP http, but 80/TCP http in east: it is one Service for the mesh"},
		},
		"a Service of another type": {
			breaks: func(m *probed) {
				m.probe("east", func(p *check.Probe) { p.Services = shapes("headless", "80/TCP") })
				m.probe("west", func(p *check.Probe) { p.Services = shapes("with a cluster IP", "80/TCP") })
			},
			want: []string{noted + "services/same-shape west/east: Service shop/cart is with a cluster IP, but headless in east: it is one Service for the mesh"},
		},
		"who may not list Services": {
			breaks: func(m *probed) { m.probe("west", func(p *check.Probe) { p.ServicesErr = forbidden }) },
			want:   []string{"services/same-shape west: unknown: could not compare its Services with those of other clusters: list: no"},
		},
		"a gateway that is pending, and why": {
			breaks: func(m *probed) {
				m.world.Clusters[0].Reach = world.Reach{}
				m.probe("east", func(p *check.Probe) { p.Event = "no load balancer class" })
			},
			want: []string{`gateway/address east: Service istio-system/istio-eastwestgateway has no address; last event: "no load balancer class"`},
		},
		"istiods of different versions": {
			breaks: func(m *probed) { setIstio(m.world.Clusters[1], "1.30.2") },
			want: []string{
				noted + "versions/same-istio west/east: its istiod runs Istio 1.30.2, and the one of east runs 1.31.0",
				noted + "istiod/workload west: Deployment istio-system/istiod was changed by kubectl",
			},
		},
		"istiods of versions that do not go together": {
			breaks: func(m *probed) { setIstio(m.world.Clusters[1], "1.29.0") },
			want: []string{
				"versions/skew west/east: its istiod runs Istio 1.29.0, and the one of east runs 1.31.0: they are more than one minor version apart",
				noted + "istiod/workload west: Deployment istio-system/istiod was changed by kubectl",
			},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) { wantSaid(t, tt.breaks, tt.want) })
	}
}

// noted is before what a status says and does not find wrong.
const noted = "note: "

// wantSaid breaks something in a healthy mesh, and wants exactly these findings with a
// remedy each, which it returns.
func wantSaid(t *testing.T, breaks func(m *probed), want []string) []string {
	t.Helper()
	d := WantedMesh(t, twoClusters, TestBase)
	w := appliedWorld(t, d)
	m := &probed{t: t, world: w, probes: healthyProbes(NewPlan(d, w, plan.Options{}))}
	breaks(m)
	s := status.New(NewPlan(d, w, plan.Options{}), m.probes)
	var got, hints []string
	say := func(kind string, findings []plan.Finding) {
		for _, f := range findings {
			about := f.Cluster
			if f.Peer != "" {
				about += "/" + f.Peer
			}
			unknown := ""
			if f.Unknown {
				unknown = "unknown: "
			}
			got = append(got, fmt.Sprintf("%s%s %s: %s%s", kind, f.ID, about, unknown, f.Message))
			hints = append(hints, f.Hint)
			if f.Hint == "" && kind == "" && !f.Unknown {
				t.Errorf("%s has no remedy", f.ID)
			}
		}
	}
	say("", s.Findings)
	say(noted, s.Notes)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("findings (-want +got):\n%s", diff)
	}
	return hints
}

// TestStatusDiscovers sees the table say no less than the findings: a credential that leads
// elsewhere is not ok.
func TestStatusDiscovers(t *testing.T) {
	elsewhere, err := desired.EncodeRemoteKubeconfig("west", object.Endpoint{Server: "https://192.0.2.99:6443"}, certs.NewSecret([]byte("x")))
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		breaks func(m *probed)
		want   string
	}{
		"to another server": {func(m *probed) { m.restore("west", func(data map[string][]byte) { data["west"] = elsewhere }) }, "other server"},
		"to another cluster": {func(m *probed) {
			m.probe("east", func(p *check.Probe) { p.LeadsTo = map[string]string{"west": "uid-east"} })
		}, "other cluster"},
		"by the name of another": {func(m *probed) {
			m.restore("west", func(data map[string][]byte) { data["wset"] = data["west"]; delete(data, "west") })
		}, "other cluster"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			m := askedMesh(t, twoClusters)
			tt.breaks(m)
			s := status.New(NewPlan(WantedMesh(t, twoClusters, TestBase), m.world, plan.Options{}), m.probes)
			if got := s.Clusters[0].Discovers["west"]; got != tt.want {
				t.Errorf("east discovers west: %q, want %q", got, tt.want)
			}
		})
	}
}

// setIstio is what kubectl set image leaves behind.
func setIstio(l *world.Live, version string) {
	drift(l, object.IstiodRef("istio-system"), "kubectl", func(spec map[string]any) {
		containers, _, _ := unstructured.NestedSlice(spec, "template", "spec", "containers")
		for _, c := range containers {
			c.(map[string]any)["image"] = "docker.io/istio/pilot:" + version
		}
		_ = unstructured.SetNestedSlice(spec, containers, "template", "spec", "containers")
	})
}

// Where addresses are those of topology.yaml, a label that somebody else set on the
// gateway's Service has istiod take that of the Service in their place.
func TestStatusHiddenAddresses(t *testing.T) {
	const mesh = "mesh_id: m\ncontexts: {kind-east: {network: n1, name: east}, kind-west: {network: n2, name: west, gateway: {addresses: [198.51.100.4]}}}\n"
	west := func(address string) observe.NetworkGateway {
		return observe.NetworkGateway{Network: "n2", Cluster: "west", Addr: address, Port: 15443}
	}
	tests := map[string]struct {
		known []observe.NetworkGateway
		want  string
		kept  bool // though the label is gone
	}{
		"told":           {[]observe.NetworkGateway{{Network: "n2", Addr: "198.51.100.4", Port: 15443}}, "", false},
		"hidden":         {[]observe.NetworkGateway{west("192.0.2.7")}, "istiod-1 does not send to the gateway of west: it is at 198.51.100.4:15443, and it sends to 192.0.2.7:15443", false},
		"told, and not":  {[]observe.NetworkGateway{west("192.0.2.7"), {Network: "n2", Addr: "198.51.100.4", Port: 15443}}, "istiod-1 does not send to the gateway of west: topology.yaml says that it is at 198.51.100.4:15443, and istiod sends to 192.0.2.7, the address of its Service, too", false},
		"kept by istiod": {[]observe.NetworkGateway{west("192.0.2.7"), {Network: "n2", Addr: "198.51.100.4", Port: 15443}}, "istiod-1 does not send to the gateway of west: topology.yaml says that it is at 198.51.100.4:15443, and istiod sends to 192.0.2.7, the address of its Service, too", true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			d := WantedMesh(t, mesh, TestBase)
			w := appliedWorld(t, d)
			w.Clusters[1].Reach = reachedAt("198.51.100.4")
			if !tt.kept {
				edit(w.Clusters[1], object.GatewayServiceRef("istio-system"), func(o map[string]any) {
					_ = unstructured.SetNestedField(o, "n2", "metadata", "labels", object.LabelNetwork)
				})
			}
			w.Clusters[1].Reach.Ports = map[int]int{15443: 15443}
			p := NewPlan(d, w, plan.Options{})
			probes := healthyProbes(p)
			probes["east"].Istiods[0].Gateways = append(tt.known, observe.NetworkGateway{Network: "n1", Cluster: "east", Addr: "192.0.2.7", Port: 15443})
			got, hint := "", ""
			for _, f := range status.New(p, probes).Findings {
				got, hint = got+f.Message, f.Hint
			}
			if got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
			want := "kubectl --context kind-west -n istio-system label service istio-eastwestgateway topology.istio.io/network- takes away what hides contexts.kind-west.gateway.addresses; then setup-mesh apply"
			if tt.kept {
				want = "setup-mesh apply; if it goes on: kubectl --context kind-east -n istio-system rollout restart deployment istiod"
			}
			if got != "" && hint != want {
				t.Errorf("remedy %q, want %q", hint, want)
			}
		})
	}
}
