package apply

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/setup-mesh/setup-mesh/pkg/apply/check"
	"github.com/setup-mesh/setup-mesh/pkg/apply/compare"
	"github.com/setup-mesh/setup-mesh/pkg/apply/desired"
	"github.com/setup-mesh/setup-mesh/pkg/apply/internal/fixture"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/observe"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
	"github.com/setup-mesh/setup-mesh/pkg/apply/status"
	"github.com/setup-mesh/setup-mesh/pkg/apply/world"
)

// twoPrimaries have a remote cluster each, on three networks, and one of both.
const twoPrimaries = `mesh_id: m
contexts:
  kind-p1: {network: n1, name: p1}
  kind-r1: {network: n1, name: r1, primaries: [kind-p1]}
  kind-p2: {network: n2, name: p2}
  kind-r2: {network: n3, name: r2, primaries: [kind-p2]}
  kind-rb: {network: n3, name: rb, primaries: [kind-p1, kind-p2]}
`

func TestReads(t *testing.T) {
	tests := map[string]struct {
		mesh string
		want map[string][]string
	}{
		"primaries read all others, remote clusters nobody": {twoPrimaries, map[string][]string{
			"p1": {"r1", "p2", "r2", "rb"}, "p2": {"p1", "r1", "r2", "rb"},
		}},
		"a remote cluster that does not join is read by its primary only": {
			strings.Replace(twoPrimaries, "name: r1,", "name: r1, disableRegistryJoin: true,", 1), map[string][]string{
				"p1": {"r1", "p2", "r2", "rb"}, "p2": {"p1", "r2", "rb"},
			},
		},
		"a primary that does not join reads whom it serves": {
			strings.Replace(twoPrimaries, "name: p2}", "name: p2, disableRegistryJoin: true}", 1), map[string][]string{
				"p1": {"r1", "r2", "rb"}, "p2": {"r2", "rb"},
			},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, readBy, want := map[string][]string{}, map[string][]string{}, map[string][]string{}
			for _, c := range WantedMesh(t, tt.mesh, TestBase).Clusters {
				if len(c.Reads) > 0 {
					got[c.Member.Name] = c.Reads
				}
				for _, consumer := range c.ReadBy {
					readBy[consumer] = append(readBy[consumer], c.Member.Name)
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("reads (-want +got):\n%s", diff)
			}
			for consumer, sources := range readBy {
				want[consumer] = got[consumer]
				if !slices.Equal(sources, want[consumer]) {
					t.Errorf("%s reads %v, and is on record as reader of %v", consumer, want[consumer], sources)
				}
			}
		})
	}
}

// TestRemoteItems lists what no chart renders, in a remote cluster and its
// primary.
func TestRemoteItems(t *testing.T) {
	d := WantedMesh(t, sharedControlPlane, TestBase)
	want := map[string][]string{
		"east": {
			"certificate: Secret istio-system/cacerts", "IstioControlPlane: Namespace istio-system",
			"gateway: Gateway istio-system/cross-network-gateway", "gateway: Gateway istio-system/istiod-gateway", "gateway: VirtualService istio-system/istiod-vs",
			"remote access: Secret istio-system/setup-mesh-grant-north",
			"remote access: Secret istio-system/istio-remote-secret-west", "remote access: Secret istio-system/istio-remote-secret-north",
		},
		"west": {
			"IstioControlPlane: Namespace istio-system",
			"primaries: Service istio-system/istiod", "primaries: EndpointSlice istio-system/istiod-east",
			"remote access: ServiceAccount istio-system/istio-reader-service-account",
			"remote access: Secret istio-system/setup-mesh-grant-east", "remote access: Secret istio-system/setup-mesh-grant-north",
		},
		"north": {
			"certificate: Secret istio-system/cacerts", "IstioControlPlane: Namespace istio-system",
			"gateway: Gateway istio-system/cross-network-gateway",
			"remote access: Secret istio-system/setup-mesh-grant-east", "remote access: Secret istio-system/istio-remote-secret-east",
			"remote access: Secret istio-system/istio-remote-secret-west",
		},
	}
	for _, c := range d.Clusters {
		var got []string
		for _, it := range c.Items[len(chartItems(t, d.MeshID, c)):] {
			got = append(got, fmt.Sprintf("%s: %s", it.Component, it.Ref))
		}
		if diff := cmp.Diff(want[c.Member.Name], got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.Member.Name, diff)
		}
	}
	notes := d.Clusters[1].Items[len(chartItems(t, d.MeshID, d.Clusters[1]))].Object.GetAnnotations()
	if notes[object.AnnotationControlPlanes] != "east" {
		t.Errorf("the namespace of west says %v", notes)
	}
}

func TestOneNetworkNeedsAGatewayForRemotes(t *testing.T) {
	d := WantedMesh(t, "mesh_id: m\ncontexts: {p: {network: n}, q: {network: n}, r: {network: n, primaries: [p]}}\n", TestBase)
	var got []string
	for _, c := range d.Clusters {
		got = append(got, fmt.Sprintf("%s gateway %v, exposed %v", c.Member.Name, c.Gateway, c.Exposed))
	}
	want := []string{"p gateway true, exposed false", "q gateway false, exposed false", "r gateway false, exposed false"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestPlanOfSharedControlPlane(t *testing.T) {
	d := WantedMesh(t, sharedControlPlane, TestBase)
	if got := planLines(NewPlan(d, appliedWorld(t, d), plan.Options{})); got != "" {
		t.Errorf("after an apply:\n%s", got)
	}

	w := appliedWorld(t, d)
	w.Clusters[0].Reach = reachedAt("192.0.2.8", "192.0.2.9")
	want := "west update EndpointSlice istio-system/istiod-east (gateway of east: 192.0.2.7 -> 192.0.2.8, 192.0.2.9)\n"
	if diff := cmp.Diff(want, planLines(NewPlan(d, w, plan.Options{}))); diff != "" {
		t.Errorf("the primary's gateway has other addresses (-want +got):\n%s", diff)
	}

	shown, err := NewPlan(d, w, plan.Options{}).Save()
	if err != nil {
		t.Fatal(err)
	}
	saved, err := plan.ParseSaved(shown)
	if err != nil {
		t.Fatal(err)
	}
	w.Clusters[0].Reach = reachedAt("192.0.2.66")
	stale := []string{"west: EndpointSlice istio-system/istiod-east would lead elsewhere: 192.0.2.8, 192.0.2.9 -> 192.0.2.66"}
	if diff := cmp.Diff(stale, saved.Stale(NewPlan(d, w, plan.Options{}))); diff != "" {
		t.Errorf("a saved plan that shows an address, and now it is another (-want +got):\n%s", diff)
	}

	w = appliedWorld(t, d)
	drift(w.Clusters[0], object.GatewayServiceRef("istio-system"), "kubectl-edit", func(spec map[string]any) { spec["type"] = "NodePort" })
	p := NewPlan(d, w, plan.Options{})
	if got := planLines(p); !strings.Contains(got, "west update EndpointSlice istio-system/istiod-east (gateway of east: address known after apply)") {
		t.Errorf("the gateway is to get another Service:\n%s", got)
	}
	if g := graphOf(t, p); !g.before(t, "east: put gateway service", "east: prove gateway") || !g.before(t, "east: prove gateway", "west: put address east") {
		t.Errorf("steps: %v", g.names())
	}

	for name, state := range map[string]func(l *world.Live){
		"unreached":  func(l *world.Live) { l.Unreached = errors.New("down") },
		"pending":    func(l *world.Live) { l.Reach = world.Reach{} },
		"unresolved": func(l *world.Live) { l.Reach.Err = errors.New("no such host") },
	} {
		w := appliedWorld(t, d)
		state(w.Clusters[0])
		if p := NewPlan(d, w, plan.Options{}); p.Pending() {
			t.Errorf("%s:\n%s", name, planLines(p))
		}
	}
}

// change finds a change of c; it must be there.
func changeOf(c *plan.Cluster, ref fmt.Stringer) plan.Change {
	i := slices.IndexFunc(c.Changes, func(ch plan.Change) bool { return ch.Object.String() == ref.String() })
	return c.Changes[i]
}

// TestOrphan: what would refuse the pods of a cluster, or wait for them to be
// injected, is not done while nobody could inject them.
func TestOrphan(t *testing.T) {
	d := WantedMesh(t, twoPrimaries, TestBase)
	w := EmptyWorld(d)
	w.Clusters[0].Unreached = errors.New("down") // p1
	p := NewPlan(d, w, plan.Options{})
	webhooks := func(cluster string) plan.Change {
		return changeOf(p.Cluster(cluster), object.InjectorRef("istio-system"))
	}
	if got := webhooks("r1").Blocked; got != "p1 is not reached" {
		t.Errorf("the webhooks of a cluster without primary are blocked by %q", got)
	}
	if ch := webhooks("rb"); !ch.Pending() {
		t.Errorf("the webhooks of a cluster with another primary: %+v", ch)
	}
	g := graphOf(t, p)
	if g.has("r1: prove injection") || g.has("r1: put injection webhook") || g.has("r1: put gateways") || !g.has("r1: put control plane service") {
		t.Errorf("steps: %v", g.names())
	}
	if !g.has("rb: prove injection") {
		t.Errorf("steps: %v", g.names())
	}
}

// seenFor is w as Observe reads it for another topology of the same clusters:
// what is wanted otherwise than it was applied has a dry run.
func seenFor(d *desired.Desired, w *world.World) *world.World {
	for i, c := range d.Clusters {
		l := w.Clusters[i]
		uid := l.UID
		l.Member = c.Member
		l.UID = uid
		for _, it := range c.Items {
			seen := l.Objects[it.Ref]
			if seen.Object == nil || l.Record.Hash(it.Ref) == it.Hash {
				continue
			}
			// Nobody else manages a field here: all that is not sent goes.
			seen.Dry = fixture.ManagedBy(desired.WantedObject(it, seen.Object), string(seen.Object.GetUID()), object.FieldManager)
			l.Objects[it.Ref] = seen
		}
	}
	return w
}

// TestRoleChanges plans a primary that becomes a remote cluster, and back.
func TestRoleChanges(t *testing.T) {
	alone := strings.Replace(sharedControlPlane, ", primaries: [kind-east]", "", 1)
	primary, remote := WantedMesh(t, alone, TestBase), WantedMesh(t, sharedControlPlane, TestBase)

	p := NewPlan(remote, seenFor(remote, appliedWorld(t, primary)), plan.Options{})
	west := p.Cluster("west")
	service := changeOf(west, object.IstiodServiceRef("istio-system"))
	if service.Action != plan.Update || service.Replace || !slices.ContainsFunc(service.Fields, func(f compare.Field) bool { return f.Path == "spec.selector" && f.New == nil }) {
		t.Errorf("the Service that had a selector: %+v", service)
	}
	for _, gone := range []fmt.Stringer{object.IstiodRef("istio-system"), object.SecretRef("istio-system", object.Cacerts), object.SecretRef("istio-system", object.RemoteSecretPrefix+"north")} {
		if ch := changeOf(west, gone); ch.Action != plan.Delete {
			t.Errorf("%s: %s", gone, ch.Action)
		}
	}
	crd := kindRef("CustomResourceDefinition", "gateways.networking.istio.io")
	if ch := changeOf(west, crd); ch.Action != plan.Delete {
		t.Errorf("a CRD of which there is no object: %s", ch.Action)
	}
	used := seenFor(remote, appliedWorld(t, primary))
	used.Clusters[1].Remains.InUse = []object.Ref{{Group: "networking.istio.io", Kind: "Gateway", Namespace: "shop", Name: "mine"}}
	kept := NewPlan(remote, used, plan.Options{})
	if ch := changeOf(kept.Cluster("west"), crd); ch.Action != plan.Keep || !strings.Contains(planLines(kept), "Istio's resources have no effect in a remote cluster: Gateway shop/mine exists") {
		t.Errorf("a CRD of which there is an object: %s\n%s", ch.Action, planLines(kept))
	}
	secret := object.SecretRef("istio-system", object.RemoteSecretPrefix+"west")
	if got := changeOf(p.Cluster("east"), secret).Reason; got != "this cluster is now a primary of west" {
		t.Errorf("east reads west anew because %q", got)
	}
	if ch := changeOf(p.Cluster("north"), secret); ch.Action != plan.Keep {
		t.Errorf("north, which has nothing to do with it: %+v", ch)
	}
	p = NewPlan(primary, seenFor(primary, appliedWorld(t, remote)), plan.Options{})
	west = p.Cluster("west")
	if ch := changeOf(west, object.EndpointsRef("istio-system", "east")); ch.Action != plan.Delete {
		t.Errorf("the endpoints of a primary that is none any more: %s", ch.Action)
	}
	if got := changeOf(p.Cluster("east"), secret).Reason; got != "this cluster is no longer a primary of west" {
		t.Errorf("east reads west anew because %q", got)
	}
}

type kindName struct{ kind, name string }

func kindRef(kind, name string) kindName { return kindName{kind, name} }

func (k kindName) String() string { return k.kind + " " + k.name }

func TestStatusOfRemote(t *testing.T) {
	d := WantedMesh(t, sharedControlPlane, TestBase)
	root := world.Observed{Object: object.New("v1", "ConfigMap", "istio-system", object.RootConfigMap, nil, map[string]any{
		"data": map[string]any{"root-cert.pem": string(testRoot().PEM())},
	})}
	foreign := world.Observed{Object: object.New("v1", "ConfigMap", "istio-system", object.RootConfigMap, nil, map[string]any{
		"data": map[string]any{"root-cert.pem": string(otherRoot().PEM())},
	})}
	broken := world.Observed{Object: object.New("v1", "ConfigMap", "istio-system", object.RootConfigMap, nil, nil)}
	tests := map[string]struct {
		world  func(w *world.World)
		probe  check.Probe
		want   []string // IDs of findings
		trust  string
		served string
	}{
		"as it should be":       {probe: check.Probe{Root: root}, trust: status.Ok, served: status.Ok},
		"no root yet":           {probe: check.Probe{Root: world.Observed{Err: object.ErrNotFound}}, want: []string{"trust/root-distributed"}, trust: "missing", served: status.Ok},
		"a root that is none":   {probe: check.Probe{Root: broken}, want: []string{"trust/root-distributed"}, trust: "unusable", served: status.Ok},
		"another's root":        {probe: check.Probe{Root: foreign}, want: []string{"trust/same-root"}, trust: "other root", served: status.Ok},
		"nobody knows the root": {probe: check.Probe{Root: world.Observed{Err: errors.New("down")}}, want: []string{"trust/root-distributed"}, trust: "unknown", served: status.Ok},
		"pods are not injected": {
			probe: check.Probe{Root: root, Injection: &object.Error{Class: object.Webhook, Op: "create", Message: "no answer"}},
			want:  []string{"control-plane/injection"}, trust: status.Ok, served: "webhook",
		},
		"the primary is elsewhere": {
			world: func(w *world.World) { w.Clusters[0].Reach = reachedAt("192.0.2.8") },
			probe: check.Probe{Root: root}, want: []string{"control-plane/address"}, trust: status.Ok, served: "moved",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := appliedWorld(t, d)
			if tt.world != nil {
				tt.world(w)
			}
			p := NewPlan(d, w, plan.Options{})
			views := []observe.IstiodView{{Pod: "istiod-1", Clusters: map[string]string{"east": observe.Synced, "west": observe.Synced, "north": observe.Synced}}}
			s := status.New(p, map[string]check.Probe{"east": {Istiods: views}, "north": {Istiods: views}, "west": tt.probe})
			var got []string
			for _, f := range s.Findings {
				got = append(got, f.ID)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("findings (-want +got):\n%s\n%+v", diff, s.Findings)
			}
			west := s.Clusters[1]
			if west.Trust.State != tt.trust || west.Served != tt.served || west.Istio != "1.31.0" || len(west.Discovers) > 0 {
				t.Errorf("west: %+v", west)
			}
		})
	}
}
