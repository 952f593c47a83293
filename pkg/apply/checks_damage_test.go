package apply

import (
	"errors"
	"fmt"
	"maps"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/setup-mesh/setup-mesh/pkg/apply/check"
	"github.com/setup-mesh/setup-mesh/pkg/apply/component"
	"github.com/setup-mesh/setup-mesh/pkg/apply/desired"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/observe"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
	"github.com/setup-mesh/setup-mesh/pkg/apply/status"
	"github.com/setup-mesh/setup-mesh/pkg/apply/world"
	"github.com/setup-mesh/setup-mesh/pkg/topology"
)

// stateOf words what a status finds.
func stateOf(p *plan.Plan, probes map[string]check.Probe) []string {
	var out []string
	for _, f := range status.New(p, probes).Findings {
		out = append(out, fmt.Sprintf("%s %s%s: %s", f.ID, f.Cluster, f.Peer, f.Message))
	}
	return out
}

// What somebody deletes or changes, and traffic or injection depends on, is a
// finding of the status.
func TestStatusDamage(t *testing.T) {
	const ns = "istio-system"
	const strict = TestBase + "  values: {global: {mtls: {enabled: true}}}\n"
	injector, validator := object.InjectorRef(ns), object.ValidatorRef(ns)
	custom := func(group, kind, name string) object.Ref {
		return object.Ref{Group: group, Kind: kind, Namespace: ns, Name: name}
	}
	gone := func(at int, refs ...object.Ref) func(*world.World) {
		return func(w *world.World) {
			for _, ref := range refs {
				w.Clusters[at].Objects[ref] = world.Observed{}
			}
		}
	}
	// relabelled is an object of which kubectl changed a label that we set.
	relabelled := func(ref object.Ref, key string) func(*world.World) {
		return func(w *world.World) {
			l := w.Clusters[0]
			was := l.Objects[ref].Object
			edit(l, ref, func(o map[string]any) {
				o["metadata"].(map[string]any)["labels"].(map[string]any)[key] = "other"
			})
			seen := l.Objects[ref]
			seen.Object.SetManagedFields(append(seen.Object.GetManagedFields(), metav1.ManagedFieldsEntry{
				Manager: "kubectl", FieldsV1: metav1.NewFieldsV1(`{"f:metadata":{"f:labels":{"f:` + key + `":{}}}}`),
			}))
			seen.Dry = was
			l.Objects[ref] = seen
		}
	}
	tests := map[string]struct {
		mesh   string // twoClusters
		change func(w *world.World)
		want   []string
	}{
		"the injector of a primary": {
			change: gone(0, injector),
			want:   []string{"control-plane/webhooks east: MutatingWebhookConfiguration istio-sidecar-injector is missing"},
		},
		"all webhooks": {
			change: gone(0, injector, validator),
			want:   []string{"control-plane/webhooks east: ValidatingWebhookConfiguration istio-validator-istio-system and 1 more object are missing"},
		},
		"a webhook that somebody changed": {
			change: func(w *world.World) {
				was := w.Clusters[0].Object(injector)
				edit(w.Clusters[0], injector, func(o map[string]any) { o["webhooks"] = nil })
				seen := w.Clusters[0].Objects[injector]
				seen.Object.SetManagedFields(append(seen.Object.GetManagedFields(), metav1.ManagedFieldsEntry{
					Manager: "kubectl", FieldsV1: metav1.NewFieldsV1(`{"f:webhooks":{}}`),
				}))
				seen.Dry = was
				w.Clusters[0].Objects[injector] = seen
			},
			want: []string{"control-plane/webhooks east: MutatingWebhookConfiguration istio-sidecar-injector was changed by kubectl"},
		},
		"a label of a webhook": {change: relabelled(injector, object.LabelMesh)},
		"CRDs": {
			change: gone(0, object.Ref{Group: "apiextensions.k8s.io", Kind: "CustomResourceDefinition", Name: "gateways.networking.istio.io"}),
			want:   []string{"control-plane/crds east: CustomResourceDefinition gateways.networking.istio.io is missing"},
		},
		"the Service of istiod": {
			change: func(w *world.World) {
				drift(w.Clusters[0], object.IstiodServiceRef(ns), "kubectl", func(spec map[string]any) { spec["selector"] = nil })
			},
			want: []string{"control-plane/service east: Service istio-system/istiod was changed by kubectl"},
		},
		"the service account of istiod": {
			change: gone(0, desired.AccountRef(ns, "istiod")),
			want:   []string{"control-plane/configuration east: ServiceAccount istio-system/istiod is missing"},
		},
		"the account that others read it by": {
			change: gone(0, desired.AccountRef(ns, topology.DefaultServiceAccountReader)),
			want:   []string{"access/reader east: ServiceAccount istio-system/istio-reader-service-account is missing"},
		},
		"the network of the namespace": {
			change: relabelled(object.NamespaceRef(ns), object.LabelNetwork),
			want:   []string{"control-plane/namespace east: Namespace istio-system was changed by kubectl"},
		},
		"mutual TLS": {
			change: gone(0, custom("security.istio.io", "PeerAuthentication", "default")),
			want:   []string{"control-plane/resources east: PeerAuthentication istio-system/default is missing"},
		},
		"what the gateway exposes": {
			change: gone(0, custom("networking.istio.io", "Gateway", object.CrossNetworkGateway)),
			want:   []string{"gateway/exposed east: Gateway istio-system/cross-network-gateway is missing"},
		},
		"what exposes istiod": {
			mesh:   sharedControlPlane,
			change: gone(0, custom("networking.istio.io", "VirtualService", object.IstiodRoutes), custom("networking.istio.io", "Gateway", object.IstiodGateway)),
			want:   []string{"gateway/exposed east: Gateway istio-system/istiod-gateway and 1 more object are missing"},
		},
		"the gateway": {
			change: func(w *world.World) {
				gone(0, object.GatewayRef(ns), object.GatewayServiceRef(ns))(w)
				w.Clusters[0].Reach = world.Reach{}
			},
			want: []string{
				"gateway/running east: there is no east-west gateway",
				"gateway/service east: Service istio-system/istio-eastwestgateway is missing",
			},
		},
		"a gateway whose pods are refused": {
			change: func(w *world.World) {
				edit(w.Clusters[0], object.GatewayRef(ns), func(o map[string]any) {
					o["status"] = map[string]any{"conditions": []any{map[string]any{"type": "ReplicaFailure", "status": "True", "message": "exceeded quota: x"}}}
				})
			},
			want: []string{"gateway/running east: east-west gateway has no available replica: exceeded quota: x"},
		},
		"a credential": {
			change: gone(0, object.SecretRef(ns, object.RemoteSecretPrefix+"west")),
			want:   []string{"access/remote-secret eastwest: Secret istio-system/istio-remote-secret-west is missing"},
		},
		"a grant": {
			change: gone(0, object.SecretRef(ns, object.GrantPrefix+"west")),
			want:   []string{"access/granted eastwest: Secret istio-system/setup-mesh-grant-west is missing"},
		},
		"something that was never applied": {
			change: func(w *world.World) {
				gone(0, injector)(w)
				r := w.Clusters[0].Record
				for i, o := range r.Objects {
					if o.Ref == injector {
						r.Objects = append(r.Objects[:i], r.Objects[i+1:]...)
						break
					}
				}
			},
		},
		"a cluster that was never applied": {
			change: func(w *world.World) {
				w.Clusters[1] = emptyLive(w.Clusters[1].Member)
			},
			want: []string{"cluster/joined west: in topology.yaml, but not a member yet"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			d := WantedMesh(t, or(tt.mesh, twoClusters), strict)
			w := appliedWorld(t, d)
			tt.change(w)
			p := NewPlan(d, w, plan.Options{})
			probes := healthyProbes(p)
			for name, probe := range probes {
				if p.Cluster(name).Remote() {
					probe.Root.Object = object.New("v1", "ConfigMap", ns, object.RootConfigMap, nil, map[string]any{
						"data": map[string]any{"root-cert.pem": string(testRoot().PEM())},
					})
					probes[name] = probe
				}
			}
			if diff := cmp.Diff(tt.want, stateOf(p, probes)); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
		})
	}
}

// Injection is judged in primaries too; whether it works is not known of a user
// who may not try.
func TestStatusInjection(t *testing.T) {
	d := WantedMesh(t, twoClusters, TestBase)
	p := NewPlan(d, appliedWorld(t, d), plan.Options{})
	if asks := check.NewEvidence(p, nil, nil).Asks(component.StatusChecks(), p.Clusters[0]); !asks[check.AskInjection] {
		t.Error("a primary is not asked")
	}
	probes := healthyProbes(p)
	east, west := probes["east"], probes["west"]
	east.Injection = &object.Error{Class: object.Webhook, Op: "create", Message: "no answer"}
	west.Injection = fmt.Errorf("%w: %w", observe.ErrNotTried, errors.New("forbidden"))
	probes["east"], probes["west"] = east, west
	s := status.New(p, probes)
	want := []plan.Finding{
		{ID: component.IDInjection, Cluster: "east", State: "webhook", Message: "new pods are not injected: create: no answer", Hint: "setup-mesh apply; then see the log of istiod"},
		{ID: component.IDInjection, Cluster: "west", State: "unknown", Unknown: true, Message: "could not try whether pods are injected: forbidden",
			Hint: "the user of context kind-west needs to create pods in namespace istio-system"},
	}
	if diff := cmp.Diff(want, s.Findings); diff != "" {
		t.Errorf("findings (-want +got):\n%s", diff)
	}
}

// TestInjectionTurnedOff names the label that turns injection off, which no apply takes away.
func TestInjectionTurnedOff(t *testing.T) {
	notInjected := fmt.Errorf("%w istio-system", observe.ErrNotInjected)
	const apply = "setup-mesh apply; then see the log of istiod"
	tests := map[string]struct {
		labels        map[string]string
		err           error
		message, hint string
	}{
		"a namespace that is turned off": {
			map[string]string{"istio-injection": "disabled"}, notInjected,
			"no webhook injects the pods of namespace istio-system, which is labelled istio-injection=disabled",
			"kubectl --context kind-west label namespace istio-system istio-injection-",
		},
		"a namespace of another revision": {
			map[string]string{"istio.io/rev": "canary"}, notInjected,
			"no webhook injects the pods of namespace istio-system, which is labelled istio.io/rev=canary",
			"kubectl --context kind-west label namespace istio-system istio.io/rev-",
		},
		"a revision that has no effect":       {map[string]string{"istio.io/rev": "canary", "istio-injection": "enabled"}, notInjected, notInjected.Error(), apply},
		"no label":                            {nil, notInjected, notInjected.Error(), apply},
		"a webhook that refuses all the same": {map[string]string{"istio-injection": "disabled"}, errors.New("no answer"), "no answer", apply},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			d := WantedMesh(t, twoClusters, TestBase)
			w := appliedWorld(t, d)
			o := w.Clusters[1].Object(object.NamespaceRef("istio-system"))
			labels := o.GetLabels()
			maps.Copy(labels, tt.labels)
			o.SetLabels(labels)
			p := NewPlan(d, w, plan.Options{})
			probes := healthyProbes(p)
			west := probes["west"]
			west.Injection = tt.err
			probes["west"] = west
			want := []plan.Finding{{ID: component.IDInjection, Cluster: "west", State: string(object.ClassOf(tt.err)), Message: "new pods are not injected: " + tt.message, Hint: tt.hint}}
			if diff := cmp.Diff(want, status.New(p, probes).Findings); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
		})
	}
}

// TestNotJoined: whom nobody was told of, nobody discovers yet, and that is no finding of its own.
func TestNotJoined(t *testing.T) {
	d := WantedMesh(t, twoClusters, TestBase)
	w := appliedWorld(t, d)
	w.Clusters[1] = emptyLive(w.Clusters[1].Member)
	p := NewPlan(d, w, plan.Options{})
	probes := healthyProbes(p)
	delete(probes["east"].Istiods[0].Clusters, "west")
	s := status.New(p, probes)
	want := []plan.Finding{{ID: "cluster/joined", Cluster: "west", State: "not joined", Message: "in topology.yaml, but not a member yet", Hint: "setup-mesh apply"}}
	if diff := cmp.Diff(want, s.Findings); diff != "" {
		t.Errorf("findings (-want +got):\n%s", diff)
	}
	if got := s.Clusters[0].Discovers["west"]; got != "not joined" {
		t.Errorf("east discovers west: %q", got)
	}
}

// TestNotLeft: whom an apply is to take out, istiods still know, and that is no finding of its
// own; whom they should never have known, is.
func TestNotLeft(t *testing.T) {
	w := appliedWorld(t, WantedMesh(t, twoClusters, TestBase))
	w.Clusters[1].Leaving = true
	p := NewPlan(WantedMesh(t, "mesh_id: m\ncontexts: {kind-east: {network: n1, name: east}}\n", TestBase), w, plan.Options{})
	probes := healthyProbes(p)
	probes["east"].Istiods[0].Clusters["west"] = observe.Synced
	probes["east"].Istiods[0].Clusters["stranger"] = observe.Synced
	want := []string{
		"discovery/synced eaststranger: discovers stranger, and should not: still known to istiod-1",
		"cluster/wanted west: no longer in topology.yaml, but still a member",
	}
	if diff := cmp.Diff(want, stateOf(p, probes)); diff != "" {
		t.Errorf("findings (-want +got):\n%s", diff)
	}
}
