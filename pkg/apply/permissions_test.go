package apply

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/setup-mesh/setup-mesh/pkg/apply/check"
	"github.com/setup-mesh/setup-mesh/pkg/apply/desired"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
	"github.com/setup-mesh/setup-mesh/pkg/apply/rbac"
	"github.com/setup-mesh/setup-mesh/pkg/apply/world"
)

// needLines is a line for each rule that an apply needs.
func needLines(accesses []object.Access) []string {
	var out []string
	byNamespace := map[string][]object.Access{}
	for _, a := range accesses {
		byNamespace[a.Namespace] = append(byNamespace[a.Namespace], a)
	}
	for _, ns := range object.SortedKeys(byNamespace) {
		for _, r := range rbac.Rules(byNamespace[ns]) {
			out = append(out, strings.TrimSpace(ns+" "+strings.Join(r.Resources, ",")+": "+strings.Join(r.Verbs, " ")))
		}
	}
	return out
}

func TestNeeds(t *testing.T) {
	const ns = "istio-system"
	one := "mesh_id: m\ncontexts: {kind-a: {network: n, name: a}}\n"
	const served = "mesh_id: m\ncontexts: {kind-r: {network: n1, name: r, primaries: [kind-p]}, kind-p: {network: n2, name: p}}\n"
	const serves = "mesh_id: m\ncontexts: {kind-p: {network: n2, name: p}, kind-r: {network: n1, name: r, primaries: [kind-p]}}\n"
	// roles adds what the charts render for istiod, and who is to have it.
	roles := func(t *testing.T, d *desired.Desired) {
		const group = object.RBACGroup + "/v1"
		for _, o := range []struct{ kind, namespace, refers string }{{"ClusterRole", "", ""}, {"Role", ns, ""}, {"ClusterRoleBinding", "", "ClusterRole"}, {"RoleBinding", ns, "Role"}} {
			rest := map[string]any{}
			if o.refers != "" {
				rest["roleRef"] = map[string]any{"kind": o.refers, "name": "istiod"}
			}
			it, err := desired.NewItem(order.Subject{Component: order.ControlPlane, Part: order.Config}, d.MeshID, object.New(group, o.kind, o.namespace, "istiod", nil, rest), nil)
			if err != nil {
				t.Fatal(err)
			}
			d.Clusters[0].Items = append(d.Clusters[0].Items, it)
		}
	}
	tests := map[string]struct {
		topology string
		desired  func(t *testing.T, d *desired.Desired)
		applied  bool
		world    func(t *testing.T, w *world.World)
		leave    bool
		want     []string // of the first cluster
	}{
		"nothing to change": {topology: OneNetwork, applied: true},
		"a first apply, with others on another network": {
			topology: twoClusters, desired: roles,
			want: []string{
				"namespaces: create get patch",
				"mutatingwebhookconfigurations: create get patch",
				"validatingwebhookconfigurations: create get list patch watch",
				"customresourcedefinitions: create get patch",
				"clusterrolebindings: create get patch",
				"clusterroles: bind create escalate get patch",
				"istio-system configmaps,secrets,serviceaccounts: create get patch",
				"istio-system events,pods: list",
				"istio-system pods/portforward,serviceaccounts/token: create",
				"istio-system services: create get list patch watch",
				"istio-system deployments: create get list patch watch",
				"istio-system leases: create delete get update",
				"istio-system gateways: create get patch",
				"istio-system rolebindings: create get patch",
				"istio-system roles: bind create escalate get patch",
			},
		},
		"a first apply alone": {
			topology: one,
			want: []string{
				"namespaces: create get patch",
				"mutatingwebhookconfigurations: create get patch",
				"validatingwebhookconfigurations: create get list patch watch",
				"customresourcedefinitions: create get patch",
				"istio-system configmaps,secrets,serviceaccounts,services: create get patch",
				"istio-system pods: list",
				"istio-system deployments: create get list patch watch",
				"istio-system leases: create delete get update",
				"istio-system gateways: create",
			},
		},
		"an update of one object": {
			topology: one, applied: true,
			world: func(_ *testing.T, w *world.World) {
				drift(w.Clusters[0], object.Ref{Kind: "Service", Namespace: ns, Name: "istiod"}, "kubectl", func(spec map[string]any) { spec["type"] = "NodePort" })
			},
			want: []string{
				"validatingwebhookconfigurations: list watch",
				"istio-system configmaps: get patch",
				"istio-system pods: list",
				"istio-system services: patch",
				"istio-system deployments: list watch",
				"istio-system leases: create delete get update",
				"istio-system gateways: create",
			},
		},
		"a namespace that is about to go": {
			topology: one, applied: true,
			world: func(_ *testing.T, w *world.World) {
				l := w.Clusters[0]
				seen := l.Objects[object.NamespaceRef(ns)]
				edit(l, object.NamespaceRef(ns), func(o map[string]any) {
					o["metadata"].(map[string]any)["deletionTimestamp"] = "2026-11-21T12:00:00Z"
				})
				seen.Object = l.Object(object.NamespaceRef(ns))
				l.SeeNamespace(seen)
				l.Objects[object.SecretRef(ns, object.Cacerts)] = world.Observed{}
			},
			want: []string{
				"namespaces: create get list patch watch",
				"validatingwebhookconfigurations: list watch",
				"istio-system configmaps,secrets: create get patch",
				"istio-system deployments: list watch",
				"istio-system gateways: create",
				"istio-system leases: create delete get update",
				"istio-system pods: list",
			},
		},
		"a token for another cluster": {
			topology: OneNetwork, applied: true,
			world: func(_ *testing.T, w *world.World) {
				edit(w.Clusters[1], object.SecretRef(ns, object.RemoteSecretPrefix+"a"), func(o map[string]any) { o["data"] = nil })
			},
			want: []string{"istio-system serviceaccounts/token: create"},
		},
		"what the user may not even try": {
			topology: one, applied: true, desired: roles,
			world: func(_ *testing.T, w *world.World) {
				for _, ref := range []object.Ref{object.IstiodRef(ns), {Group: object.RBACGroup, Kind: "Role", Namespace: ns, Name: "istiod"}} {
					seen := w.Clusters[0].Objects[ref]
					seen.DryErr = &object.Error{Class: object.Forbidden, Op: "apply", Message: "forbidden"}
					w.Clusters[0].Objects[ref] = seen
				}
			},
			want: []string{
				"istio-system configmaps: get patch",
				"istio-system deployments: patch",
				"istio-system leases: create delete get update",
				"istio-system roles: escalate patch",
			},
		},
		"a remote cluster's first apply": {
			topology: served,
			want: []string{
				"mutatingwebhookconfigurations: create get list patch watch",
				"namespaces: create get patch",
				"istio-system configmaps,services: create get list patch watch",
				"istio-system endpointslices: create get patch",
				"istio-system events: list",
				"istio-system leases: create delete get update",
				"istio-system pods: create list",
				"istio-system secrets,serviceaccounts: create get patch",
				"istio-system deployments: create get list patch watch",
				"istio-system serviceaccounts/token: create",
			},
		},
		"a first apply, with a gateway at node ports": {
			topology: serves,
			desired: func(_ *testing.T, d *desired.Desired) {
				for _, it := range d.Clusters[0].Items {
					if it.Ref == object.GatewayServiceRef(ns) {
						it.Object.SetAnnotations(map[string]string{"traffic.istio.io/nodeSelector": "{}"})
					}
				}
			},
			want: []string{
				"customresourcedefinitions: create get patch",
				"namespaces: create get patch",
				"nodes: list",
				"mutatingwebhookconfigurations: create get patch",
				"validatingwebhookconfigurations: create get list patch watch",
				"istio-system configmaps,secrets,serviceaccounts: create get patch",
				"istio-system deployments: create get list patch watch",
				"istio-system events,pods: list",
				"istio-system gateways,virtualservices: create get patch",
				"istio-system leases: create delete get update",
				"istio-system pods/portforward: create",
				"istio-system services: create get list patch watch",
			},
		},
		"the address of a gateway for a remote cluster": {
			topology: serves, applied: true,
			world: func(_ *testing.T, w *world.World) {
				w.Clusters[1].Objects[object.EndpointsRef(ns, "p")] = world.Observed{}
			},
			want: []string{"istio-system services: get"},
		},
		"a teardown": {
			topology: one, applied: true, leave: true,
			world: func(_ *testing.T, w *world.World) {
				w.Clusters[0].Remains.ByProducts = []object.Ref{{Kind: "ConfigMap", Namespace: "shop", Name: "istio-ca-root-cert"}}
			},
			want: []string{
				"namespaces: delete list watch",
				"mutatingwebhookconfigurations,validatingwebhookconfigurations: delete",
				"customresourcedefinitions: delete list watch",
				"istio-system configmaps: delete get",
				"istio-system secrets,serviceaccounts,services: delete",
				"istio-system deployments: delete list watch",
				"istio-system leases: create delete get update",
				"shop configmaps: delete",
			},
		},
		"a teardown that gives up a namespace": {
			topology: one, applied: true, leave: true,
			world: func(_ *testing.T, w *world.World) {
				l := w.Clusters[0]
				l.Record, l.RecordVersion = nil, ""
				l.Objects = map[object.Ref]world.Observed{object.NamespaceRef(ns): l.Objects[object.NamespaceRef(ns)]}
				l.Remains.Foreign = map[string][]object.Ref{ns: {object.SecretRef(ns, "theirs")}}
			},
			want: []string{
				"namespaces: patch",
				"istio-system configmaps: get",
				"istio-system leases: create delete get update",
			},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			d := WantedMesh(t, tt.topology, TestBase)
			if tt.desired != nil {
				tt.desired(t, d)
			}
			w := EmptyWorld(d)
			if tt.applied {
				w = appliedWorld(t, d)
			}
			if tt.world != nil {
				tt.world(t, w)
			}
			for _, l := range w.Clusters {
				l.Leaving = tt.leave
			}
			p := NewPlan(d, w, plan.Options{})
			got := needLines(check.NewEvidence(p, nil, nil).Needs(p.Clusters[0]))
			want := slices.Clone(tt.want)
			slices.Sort(want)
			slices.Sort(got)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("needs (-want +got):\n%s", diff)
			}
		})
	}
}

// Where a control plane takes the place of another one, the proof of serving makes
// objects and removes them, and so go the endpoints that Kubernetes made for a
// Service which loses its selector.
func TestNeedsOfRoleChange(t *testing.T) {
	const ns = "istio-system"
	slice := object.Ref{Group: "discovery.k8s.io", Kind: "EndpointSlice", Namespace: ns}
	p, _ := rolesOf(t, threePrimaries, served("kind-p1"))
	got := check.NewEvidence(p, nil, nil).Needs(p.Cluster("r"))
	want := map[object.Ref][]string{
		object.IstiodServiceRef(ns):        {"create", "get", "patch", "delete"},
		slice:                              {"create", "get", "list", "patch", "delete"},
		desired.ProbeWebhookRef(ns):        {"create", "get", "patch", "delete"},
		{Kind: "Endpoints", Namespace: ns}: {"delete"},
		{Kind: "Pod", Namespace: ns}:       {"create"},
	}
	for ref, verbs := range want {
		for _, verb := range verbs {
			if !slices.Contains(got, object.AccessTo(verb, ref)) {
				t.Errorf("%s on %s is missing", verb, ref.Kind)
			}
		}
	}
	p, _ = rolesOf(t, served("kind-p1"), threePrimaries)
	if got := check.NewEvidence(p, nil, nil).Needs(p.Cluster("r")); !slices.Contains(got, object.AccessTo("list", slice)) {
		t.Error("list on EndpointSlice is missing: the wait for endpoints of its own")
	}
}

// What istiod makes of the ambient gateway is read, though setup-mesh never writes it.
func TestNeedsOfAnAmbientGateway(t *testing.T) {
	const ns = "istio-system"
	d := wantedAmbient(t, ambientMesh, ambientBase)
	w := appliedWorld(t, d)
	w.Clusters[0].Objects[object.SecretRef(ns, object.RemoteSecretPrefix+"west")] = world.Observed{} // something to do
	p := NewPlan(d, w, plan.Options{})
	got := check.NewEvidence(p, nil, nil).Needs(p.Cluster("east"))
	for _, ref := range []object.Ref{object.AmbientGatewayServiceRef(ns), object.AmbientWorkloadRef(ns)} {
		if !slices.Contains(got, object.AccessTo("get", ref)) {
			t.Errorf("get on %s is missing", ref.Kind)
		}
	}
}

// What is missing is one refusal for each cluster, also where dry runs have
// been refused for it one by one.
func TestPermissions(t *testing.T) {
	const ns = "istio-system"
	d := WantedMesh(t, OneNetwork, TestBase)
	w := appliedWorld(t, d)
	service := object.Ref{Kind: "Service", Namespace: ns, Name: "istiod"}
	for ref, err := range map[object.Ref]error{
		service:              &object.Error{Class: object.Forbidden, Op: "apply Service", Message: "forbidden"},
		object.IstiodRef(ns): &object.Error{Class: object.Invalid, Op: "apply Deployment", Message: "immutable"},
		{Kind: "ServiceAccount", Namespace: ns, Name: "istiod"}: &object.Error{Class: object.Forbidden, Op: "apply ServiceAccount", Message: "exceeded quota"},
	} {
		seen := w.Clusters[0].Objects[ref]
		seen.DryErr = err
		w.Clusters[0].Objects[ref] = seen
	}
	w.Clusters[1].Objects[object.SecretRef(ns, object.RemoteSecretPrefix+"a")] = world.Observed{} // something to do
	p := NewPlan(d, w, plan.Options{})
	missing := []object.Access{object.AccessTo("patch", service)}
	p = check.With(p, check.Preflight(p, check.Inspection{
		"a": {Missing: missing, User: "mia"},
		"b": {Missing: []object.Access{object.AccessTo("escalate", object.Ref{Group: object.RBACGroup, Kind: "ClusterRole"})}},
	}))
	var got []plan.Finding
	for _, f := range p.Refusals {
		if f.Cluster == "a" || f.Cluster == "b" {
			got = append(got, f)
		}
	}
	want := []plan.Finding{
		{ID: "objects/accepted", Cluster: "a", Message: "apply ServiceAccount: exceeded quota"}, // of which permissions know nothing
		{ID: "objects/accepted", Cluster: "a", Message: "apply Deployment: immutable"},
		{ID: "cluster/permissions", Cluster: "a", Message: "the user of context kind-a lacks permissions for these changes", Hint: rbac.GrantIt, Detail: rbac.Grant("mia", ns, missing)},
		{ID: "cluster/permissions", Cluster: "b", Message: "the user of context kind-b lacks permissions for these changes",
			Hint:   rbac.GrantIt + ", and bind the roles to that user; who may escalate roles, as it takes to grant Istio's, can become cluster-admin",
			Detail: rbac.Grant("", ns, []object.Access{{Verb: "escalate", Group: object.RBACGroup, Resource: "clusterroles"}})},
	}
	if diff := cmp.Diff(want, got, sayings); diff != "" {
		t.Errorf("refusals (-want +got):\n%s", diff)
	}
}
