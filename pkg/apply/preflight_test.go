package apply

import (
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/setup-mesh/setup-mesh/pkg/apply/check"
	"github.com/setup-mesh/setup-mesh/pkg/apply/desired"
	"github.com/setup-mesh/setup-mesh/pkg/apply/internal/fixture"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
	"github.com/setup-mesh/setup-mesh/pkg/apply/world"
	"github.com/setup-mesh/setup-mesh/pkg/certs"
)

// findings are what a preflight adds to a plan.
type findings struct{ Refusals, Warnings []plan.Finding }

// sayings leaves out of findings what they are about, which their words say too.
var sayings = cmpopts.IgnoreFields(plan.Finding{}, "Peer", "Object", "Manager", "State", "Unknown")

func TestPreflight(t *testing.T) {
	const ns = "istio-system"
	installed := func(name, namespace string) *unstructured.Unstructured {
		return fixture.Istiod(name, namespace, "docker.io/istio/pilot:1.30.2", map[string]any{
			"annotations": map[string]any{"meta.helm.sh/release-name": "istiod"}}, "helm")
	}
	// occupied puts into cluster a what helm, and somebody else, installed there.
	occupied := func(_ *testing.T, d *desired.Desired, w *world.World) {
		for _, it := range d.Clusters[0].Items {
			switch it.Ref.Kind {
			case "ServiceAccount", "Deployment", "CustomResourceDefinition":
				w.Clusters[0].Objects[it.Ref] = world.Observed{Object: fixture.ManagedBy(it.Object, "u", "helm", "pilot-discovery")}
			case "Service":
				w.Clusters[0].Objects[it.Ref] = world.Observed{Object: fixture.ManagedBy(it.Object, "u", "kubectl")}
			}
		}
	}
	conflict := plan.Finding{ID: "objects/managed-by-others", Cluster: "a", Message: "Service istio-system/istiod: managed by kubectl, not by setup-mesh", Hint: "find out what installed it; apply --adopt takes it over"}
	const (
		older     = "upgrade the cluster first: https://istio.io/latest/docs/releases/supported-releases/"
		exclusive = "stop using helm on them: it would revert or remove them"
		selectors = "its injection webhook and the one of setup-mesh may both inject a pod: compare the selectors in kubectl get mutatingwebhookconfigurations -o yaml"
		ipam      = "give one of them another range or another network; if pod IPs are unique although the nodes' podCIDRs overlap (Calico, Cilium, VPC CNI), say so with --allow-overlap"
		clusterIP = "this only affects clients without a proxy that call a cluster IP of the other cluster"
	)
	tests := map[string]struct {
		applied    bool // before; otherwise the clusters are empty
		teardown   bool
		world      func(t *testing.T, d *desired.Desired, w *world.World)
		options    plan.Options
		inspection check.Inspection
		want       findings
	}{
		"nothing speaks against it": {},
		"a Kubernetes that is too old": {
			world: func(_ *testing.T, _ *desired.Desired, w *world.World) { w.Clusters[1].Kubernetes = "v1.31.9-gke.1000" },
			want: findings{Refusals: []plan.Finding{{ID: "versions/kubernetes", Cluster: "b", Hint: older,
				Message: "Kubernetes 1.31.9-gke.1000 is older than 1.32, the oldest that Istio 1.31.0 supports"}}},
		},
		"a Kubernetes that is too old, and gets nothing of Istio's": {
			applied: true,
			world: func(_ *testing.T, _ *desired.Desired, w *world.World) {
				w.Clusters[1].Kubernetes = "v1.31.9"
				w.Clusters[1].Objects[object.SecretRef(ns, object.RemoteSecretPrefix+"a")] = world.Observed{}
			},
		},
		"a Kubernetes that is too old, and is left": {
			applied: true, teardown: true,
			world: func(_ *testing.T, _ *desired.Desired, w *world.World) { w.Clusters[1].Kubernetes = "v1.31.9" },
		},
		"an address of a node for one that is loopback": {
			world: func(_ *testing.T, _ *desired.Desired, w *world.World) {
				w.Clusters[0].Endpoint.Server = "https://127.0.0.1:41003"
			},
			inspection: check.Inspection{"a": {Nodes: []string{"172.18.0.2"}}},
			want: findings{Refusals: []plan.Finding{{ID: "api-server/address", Cluster: "a", Message: "the API server address of context kind-a is https://127.0.0.1:41003: no other cluster can reach it",
				Hint: "in topology.yaml, contexts.kind-a.apiServer.server: https://172.18.0.2:6443 (the address of its node, with kubeadm's port); or pass --allow-loopback if this one works for them"}}},
		},
		"addresses of several nodes": {
			applied: true,
			world: func(_ *testing.T, _ *desired.Desired, w *world.World) {
				w.Clusters[0].Endpoint.Server = "https://[::1]:41003"
			},
			inspection: check.Inspection{"a": {Nodes: []string{"fd00::2", "fd00::3"}}},
			want: findings{Refusals: []plan.Finding{{ID: "api-server/address", Cluster: "a", Message: "the API server address of context kind-a is https://[::1]:41003: no other cluster can reach it",
				Hint: "in topology.yaml, contexts.kind-a.apiServer.server: https://[fd00::2]:6443 (a guess: one of 2 nodes, with kubeadm's port); or pass --allow-loopback if this one works for them"}}},
		},
		"a loopback address, and no node is known": {
			world: func(_ *testing.T, _ *desired.Desired, w *world.World) {
				w.Clusters[0].Endpoint.Server = "https://localhost:41003"
			},
			inspection: check.Inspection{"a": {}},
			want: findings{Refusals: []plan.Finding{{ID: "api-server/address", Cluster: "a", Message: "the API server address of context kind-a is https://localhost:41003: no other cluster can reach it",
				Hint: "give the context an address that the other clusters reach (kind: kind get kubeconfig --internal); or pass --allow-loopback if this one works for them"}}},
		},
		"an Istio in the place of ours": {
			world:      occupied,
			inspection: check.Inspection{"a": {Istiods: []*unstructured.Unstructured{installed("istiod", ns)}}},
			want: findings{Refusals: []plan.Finding{conflict, {ID: "istio/replaced", Cluster: "a",
				Message: "found an Istio 1.30.2: Deployment istio-system/istiod and 3 more objects, installed by helm (release istiod)",
				Hint:    "apply --adopt takes these objects over and changes them to match topology.yaml and base.yaml; " + exclusive}}},
		},
		"an Istio in the place of ours, to be adopted": {
			options:    plan.Options{Adopt: true},
			world:      occupied,
			inspection: check.Inspection{"a": {Istiods: []*unstructured.Unstructured{installed("istiod", ns)}}},
			want: findings{Warnings: []plan.Finding{{ID: "istio/adopted", Cluster: "a", Hint: exclusive,
				Message: "an Istio 1.30.2 is taken over: Deployment istio-system/istiod, installed by helm (release istiod)"}}},
		},
		"an Istio beside ours": {
			inspection: check.Inspection{"b": {Istiods: []*unstructured.Unstructured{installed("istiod", "elsewhere"), installed("istiod-canary", ns)}}},
			want: findings{Warnings: []plan.Finding{
				{ID: "istio/beside", Cluster: "b", Hint: selectors, Message: "found an Istio 1.30.2: Deployment elsewhere/istiod, installed by helm (release istiod)"},
				{ID: "istio/beside", Cluster: "b", Hint: selectors, Message: "found an Istio 1.30.2: Deployment istio-system/istiod-canary, installed by helm (release istiod)"},
			}},
		},
		"an Istio of ours": {
			inspection: check.Inspection{"b": {Istiods: []*unstructured.Unstructured{fixture.Istiod("istiod", "elsewhere", "pilot:1", nil, object.FieldManager)}}},
		},
		"Deployments that may not be listed": {
			inspection: check.Inspection{"b": {IstiodsErr: &object.Error{Op: "list Deployment", Message: "forbidden", Hint: "ask"}}},
			want:       findings{Warnings: []plan.Finding{{ID: "istio/beside", Cluster: "b", Message: "could not check for another Istio installation: list Deployment: forbidden", Hint: "ask"}}},
		},
		"pods with the same addresses": {
			inspection: check.Inspection{
				"a": {Pods: cidrs("10.0.0.0/24", "10.0.1.0/24", "fd00::/64")}, "b": {Pods: cidrs("10.0.1.128/25", "10.9.0.0/24")},
				"c": {Pods: cidrs("10.0.0.0/8")}, // which takes no part in discovery
			},
			want: findings{Refusals: []plan.Finding{{ID: "network/pod-ranges", Cluster: "b", Hint: ipam,
				Message: "b shares network n with a, and the IP ranges of their pods overlap: 10.0.1.128/25 and 10.0.1.0/24"}}},
		},
		"pods with the same addresses, as far as nodes know": {
			options:    plan.Options{AllowOverlap: true},
			inspection: check.Inspection{"a": {Pods: cidrs("10.0.0.0/24")}, "b": {Pods: cidrs("10.0.0.0/24"), PodsErr: errors.New("forbidden")}},
		},
		"pods with the same addresses, for long": {
			applied:    true,
			inspection: check.Inspection{"a": {Pods: cidrs("10.0.0.0/24")}, "b": {Pods: cidrs("10.0.0.0/24")}},
		},
		"pods with the same addresses, on a network that is new to one": {
			applied: true,
			world: func(_ *testing.T, _ *desired.Desired, w *world.World) {
				for _, l := range w.Clusters {
					l.Record.Members[1].Network = "of-before"
				}
			},
			inspection: check.Inspection{"a": {Pods: cidrs("10.0.0.0/24")}, "b": {Pods: cidrs("10.0.0.0/24")}},
			want: findings{
				Refusals: []plan.Finding{{ID: "network/pod-ranges", Cluster: "b", Hint: ipam, Message: "b shares network n with a, and the IP ranges of their pods overlap: 10.0.0.0/24 and 10.0.0.0/24"}},
				Warnings: []plan.Finding{{ID: "cluster/same-network", Cluster: "b", Hint: "restart the workloads of the cluster after the apply: kubectl rollout restart",
					Message: "running pods stay on network of-before until they restart"}},
			},
		},
		"Services with the same addresses": {
			inspection: check.Inspection{"a": {Services: cidrs("10.96.0.0/12")}, "b": {Services: cidrs("10.96.0.0/12", "fd00::/112")}},
			want: findings{Warnings: []plan.Finding{{ID: "network/service-ranges", Cluster: "b", Hint: clusterIP,
				Message: "b shares network n with a, and the IP ranges of their Services overlap: 10.96.0.0/12 and 10.96.0.0/12"}}},
		},
		"nodes that may not be listed": {
			inspection: check.Inspection{"a": {PodsErr: errors.New("list Node: forbidden")}, "b": {Pods: cidrs("10.0.0.0/24")}},
			want:       findings{Warnings: []plan.Finding{{ID: "network/pod-ranges", Cluster: "a", Message: "could not check whether its pod IPs overlap with those of the other clusters on its network: list Node: forbidden"}}},
		},
		"permissions that cannot be asked for": {
			inspection: check.Inspection{"a": {AccessErr: &object.Error{Op: "ask what the user may do", Message: "forbidden", Hint: "ask"}}},
			want: findings{Warnings: []plan.Finding{{ID: "cluster/permissions", Cluster: "a", Hint: "ask",
				Message: "could not check the permissions of the user of context kind-a: ask what the user may do: forbidden"}}},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			d := WantedMesh(t, OneNetwork, TestBase)
			w := EmptyWorld(d)
			if tt.applied {
				w = appliedWorld(t, d)
			}
			if tt.world != nil {
				tt.world(t, d, w)
			}
			for i := range w.Clusters {
				w.Clusters[i].Leaving = tt.teardown
			}
			p := NewPlan(d, w, tt.options)
			p = check.With(p, slices.DeleteFunc(check.Preflight(p, tt.inspection), func(f plan.Finding) bool {
				return strings.HasPrefix(f.ID, "plan/deletes-") // TestEnds has them
			}))
			if diff := cmp.Diff(tt.want, findings{p.Refusals, p.Warnings}, sayings); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
		})
	}
}

// A plan with nothing to change costs no request more; one with something asks
// only the clusters that have to do with it.
func TestQuestions(t *testing.T) {
	d := WantedMesh(t, OneNetwork, TestBase)
	asked := func(p *plan.Plan) map[string][]bool {
		out := map[string][]bool{}
		e := check.NewEvidence(p, nil, nil)
		for _, c := range p.Clusters {
			if q := e.Asks(check.PlanChecks(), c); len(q) > 0 {
				out[c.Name] = []bool{q[check.AskPermissions], q[check.AskRanges], q[check.AskDeployments], q[check.AskNodes]}
			}
		}
		return out
	}
	tests := map[string]struct {
		world   func(t *testing.T) *world.World
		options plan.Options
		want    map[string][]bool // permissions, ranges, istiods, nodes
	}{
		"nothing to change": {
			world: func(t *testing.T) *world.World { return appliedWorld(t, d) },
			want:  map[string][]bool{},
		},
		"nothing yet": {
			world: func(*testing.T) *world.World { return EmptyWorld(d) },
			want:  map[string][]bool{"a": {true, true, true, false}, "b": {true, true, true, false}, "c": {true, false, true, false}},
		},
		"a token is due: its cluster is asked for it": {
			world: func(t *testing.T) *world.World {
				w := appliedWorld(t, d)
				edit(w.Clusters[0], object.SecretRef("istio-system", object.RemoteSecretPrefix+"b"), func(o map[string]any) { o["data"] = nil })
				return w
			},
			want: map[string][]bool{"a": {true, false, false, false}, "b": {true, false, false, false}},
		},
		"a loopback address, and nothing to change": {
			world: func(t *testing.T) *world.World {
				w := appliedWorld(t, d)
				w.Clusters[2].Endpoint.Server = "https://127.0.0.1:6443" // and nobody reads it
				w.Clusters[0].Endpoint.Server = "https://127.0.0.1:6443"
				edit(w.Clusters[1], object.SecretRef("istio-system", object.RemoteSecretPrefix+"a"), func(o map[string]any) {
					setData(o, "a", kubeconfigOf(t, w.Clusters[0]))
				})
				return w
			},
			want: map[string][]bool{"a": {false, false, false, true}},
		},
		"a cluster is down": {
			world: func(*testing.T) *world.World {
				w := EmptyWorld(d)
				w.Clusters[0].Unreached = errors.New("i/o timeout")
				return w
			},
			want: map[string][]bool{"b": {true, false, true, false}, "c": {true, false, true, false}},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, asked(NewPlan(d, tt.world(t), tt.options))); diff != "" {
				t.Errorf("asked (-want +got):\n%s", diff)
			}
		})
	}
}

// kubeconfigOf is what a remote secret holds of l.
func kubeconfigOf(t *testing.T, l *world.Live) []byte {
	t.Helper()
	b, err := desired.EncodeRemoteKubeconfig(l.Name, l.Endpoint, certs.NewSecret([]byte("token")))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func cidrs(all ...string) []netip.Prefix {
	out := make([]netip.Prefix, len(all))
	for i, cidr := range all {
		out[i] = netip.MustParsePrefix(cidr)
	}
	return out
}
