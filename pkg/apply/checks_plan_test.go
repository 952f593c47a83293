package apply

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/setup-mesh/setup-mesh/pkg/apply/check"
	"github.com/setup-mesh/setup-mesh/pkg/apply/desired"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
	"github.com/setup-mesh/setup-mesh/pkg/apply/status"
	"github.com/setup-mesh/setup-mesh/pkg/apply/world"
)

// said are the findings of a plan by these checks, in words.
func said(p *plan.Plan, ids ...string) []string {
	var out []string
	for _, f := range slices.Concat(p.Refusals, p.Warnings) {
		if slices.ContainsFunc(ids, func(id string) bool { return strings.HasPrefix(f.ID, id) }) {
			out = append(out, fmt.Sprintf("%s %s: %s | %s", f.ID, f.Cluster, f.Message, f.Hint))
		}
	}
	return out
}

// A change that cuts running workloads off is said before it is made.
func TestPlanWarnsOfWhatIsCutOff(t *testing.T) {
	const renamed = "mesh_id: m\ncontexts: {kind-east: {network: n1, name: prod-a}, kind-west: {network: n2, name: west}}\n"
	tests := map[string]struct {
		mesh string
		want []string
	}{
		"nothing changes": {twoClusters, nil},
		"another name": {renamed, []string{"cluster/same-name prod-a: the cluster's name changes from east to prod-a: running proxies use east until they restart, and istiod refuses them | " +
			"keep the name with contexts.kind-east.name: east, or restart all workloads after the apply: kubectl rollout restart"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := appliedWorld(t, WantedMesh(t, twoClusters, TestBase))
			d := WantedMesh(t, tt.mesh, TestBase)
			for i, c := range d.Clusters {
				uid := w.Clusters[i].UID
				w.Clusters[i].Member = c.Member
				w.Clusters[i].UID = uid
			}
			if diff := cmp.Diff(tt.want, said(NewPlan(d, w, plan.Options{}), "cluster/", "trust/")); diff != "" {
				t.Errorf("said (-want +got):\n%s", diff)
			}
		})
	}
}

// A token that has to be made again because its holder has another name was not
// revoked by anybody.
func TestReasonOfRenamedConsumer(t *testing.T) {
	w := appliedWorld(t, WantedMesh(t, twoClusters, TestBase))
	d := WantedMesh(t, "mesh_id: m\ncontexts: {kind-east: {network: n1, name: prod-a}, kind-west: {network: n2, name: west}}\n", TestBase)
	uid := w.Clusters[0].UID
	w.Clusters[0].Member = d.Clusters[0].Member
	w.Clusters[0].UID = uid
	ch := NewPlan(d, w, plan.Options{}).Cluster("prod-a").Planned(object.SecretRef("istio-system", object.RemoteSecretPrefix+"west"))
	if want := "west granted its token to this cluster under another name"; ch == nil || ch.Reason != want {
		t.Errorf("change %+v, want reason %q", ch, want)
	}
}

// A proxy of this machine is no use to the istiods of other clusters. Its URL,
// which may hold a password, is not quoted.
func TestPlanWarnsOfProxies(t *testing.T) {
	d := WantedMesh(t, twoClusters, TestBase)
	w := EmptyWorld(d)
	w.Clusters[0].Endpoint.ProxyURL = "http://me:secret@proxy:3128"
	want := []string{"api-server/proxy east: context kind-east reaches the API server through a proxy, but the credentials for the other clusters do not use it: " +
		"their istiods call https://east.example.com:6443 directly | if that does not work, set contexts.kind-east.apiServer.server to an address that does"}
	if diff := cmp.Diff(want, said(NewPlan(d, w, plan.Options{}), "api-server/")); diff != "" {
		t.Errorf("first apply (-want +got):\n%s", diff)
	}
	w = appliedWorld(t, d)
	w.Clusters[0].Endpoint.ProxyURL = "http://proxy:3128"
	if got := said(NewPlan(d, w, plan.Options{}), "api-server/"); got != nil {
		t.Errorf("nothing to change, and it is said again: %s", got)
	}
}

// Namespaces that objects are to be created in are looked for before the first
// write, and only where objects are created.
func TestPlanNeedsNamespaces(t *testing.T) {
	d := WantedMesh(t, twoClusters, TestBase)
	it, err := desired.NewItem(order.Subject{Component: order.ControlPlane, Part: order.Config}, "m", object.New("v1", "Service", "istio-ingress", "ingress", nil, nil), nil)
	if err != nil {
		t.Fatal(err)
	}
	d.Clusters[0].Items = append(d.Clusters[0].Items, it)
	ending := object.New("v1", "Namespace", "", "istio-ingress", nil, nil)
	ending.SetDeletionTimestamp(&metav1.Time{Time: testNow})
	p := NewPlan(d, EmptyWorld(d), plan.Options{})
	if asks := check.NewEvidence(p, nil, nil).Asks(check.PlanChecks(), p.Clusters[0]); !asks[check.AskNamespaces] {
		t.Error("nobody asks for the namespace")
	}
	tests := map[string]struct {
		seen world.Observed
		want []string
	}{
		"there":   {world.Observed{Object: object.New("v1", "Namespace", "", "istio-ingress", nil, nil)}, nil},
		"absent":  {world.Observed{}, []string{"namespaces/there east: namespace istio-ingress does not exist, but objects have to be created in it | kubectl --context kind-east create namespace istio-ingress"}},
		"ending":  {world.Observed{Object: ending}, []string{"namespaces/there east: namespace istio-ingress is being deleted, but objects have to be created in it | wait until it is gone, then create it again"}},
		"unknown": {world.Observed{Err: fmt.Errorf("forbidden")}, []string{"namespaces/there east: could not read namespace istio-ingress, in which objects have to be created: forbidden | "}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			with := check.With(p, check.Preflight(p, check.Inspection{"east": {Namespaces: map[string]world.Observed{"istio-ingress": tt.seen}}}))
			if diff := cmp.Diff(tt.want, said(with, "namespaces/")); diff != "" {
				t.Errorf("said (-want +got):\n%s", diff)
			}
			if refused := len(with.Refusals) > 0; refused != (tt.want != nil && name != "unknown") {
				t.Errorf("refusals: %v", with.Refusals)
			}
		})
	}
	applied := NewPlan(d, appliedWorld(t, d), plan.Options{})
	if asks := check.NewEvidence(applied, nil, nil).Asks(check.PlanChecks(), applied.Clusters[0]); len(asks) > 0 {
		t.Errorf("nothing is created, and asked for: %v", asks)
	}
}

// What a plan takes away for good is said one by one.
func TestEnds(t *testing.T) {
	d := WantedMesh(t, twoClusters, TestBase)
	w := appliedWorld(t, d)
	for _, l := range w.Clusters {
		l.Leaving = true
	}
	mine := object.Ref{Group: "networking.istio.io", Kind: "Gateway", Namespace: "shop", Name: "mine"}
	w.Clusters[1].Remains.InUse = []object.Ref{mine}
	for name, tt := range map[string]struct {
		options plan.Options
		want    []string
	}{
		"what nobody uses": {plan.Options{}, []string{
			"plan/deletes-address east: Service istio-system/istio-eastwestgateway is deleted, and its address 192.0.2.7 with it | to keep the address, reserve it with the cloud provider first",
			"plan/deletes-crds east: CustomResourceDefinition gateways.networking.istio.io is deleted; no custom resources of yours use them | ",
			"plan/deletes-address west: Service istio-system/istio-eastwestgateway is deleted, and its address 192.0.2.7 with it | to keep the address, reserve it with the cloud provider first",
			"plan/keeps-crds west: Istio's CRDs stay: Gateway shop/mine exists | --crds deletes the CRDs, and with them every custom resource of Istio",
		}},
		"what somebody uses": {plan.Options{CRDs: true}, []string{
			"plan/deletes-address east: Service istio-system/istio-eastwestgateway is deleted, and its address 192.0.2.7 with it | to keep the address, reserve it with the cloud provider first",
			"plan/deletes-crds east: CustomResourceDefinition gateways.networking.istio.io is deleted; no custom resources of yours use them | ",
			"plan/deletes-address west: Service istio-system/istio-eastwestgateway is deleted, and its address 192.0.2.7 with it | to keep the address, reserve it with the cloud provider first",
			"plan/deletes-crds west: CustomResourceDefinition gateways.networking.istio.io is deleted, and every custom resource with them: Gateway shop/mine exists | ",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			got := slices.DeleteFunc(said(NewPlan(d, w, tt.options), "plan/"), func(s string) bool { return strings.Contains(s, "-namespace ") })
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("said (-want +got):\n%s", diff)
			}
		})
	}
}

// Images of another minor version than the charts are named.
func TestPlanWarnsOfVersions(t *testing.T) {
	for tag, want := range map[string]int{"1.31.0": 0, "1.31.4-distroless": 0, "latest": 0, "1.4.3": 2} {
		d := WantedMesh(t, twoClusters, TestBase)
		for _, c := range d.Clusters {
			for i, it := range c.Items {
				if it.Ref == object.IstiodRef("istio-system") {
					o := it.Object.DeepCopy()
					containers, _, _ := unstructured.NestedSlice(o.Object, "spec", "template", "spec", "containers")
					containers[0].(map[string]any)["image"] = "docker.io/istio/pilot:" + tag
					_ = unstructured.SetNestedSlice(o.Object, containers, "spec", "template", "spec", "containers")
					c.Items[i] = &desired.Item{Subject: it.Subject, Ref: it.Ref, Object: o, Hash: it.Hash}
				}
			}
		}
		if got := said(NewPlan(d, EmptyWorld(d), plan.Options{}), "versions/istio"); len(got) != want {
			t.Errorf("%s: %v", tag, got)
		}
	}
}

// The enforcer of AKS adds to a webhook's selector, again and again: that is not
// drift. What takes of ours away is.
func TestEnforced(t *testing.T) {
	const ns = "istio-system"
	condition := func(key, operator string) any { return map[string]any{"key": key, "operator": operator} }
	mine, theirs := condition("istio-injection", "DoesNotExist"), condition("control-plane", "DoesNotExist")
	tests := map[string]struct {
		manager string
		live    []any
		edited  bool // base.yaml wants something else since
		action  plan.Action
	}{
		"a condition more, of the enforcer":  {plan.AksEnforcer, []any{mine, theirs}, false, plan.Keep},
		"a condition more, of somebody":      {"kubectl-edit", []any{mine, theirs}, false, plan.Update},
		"ours is gone":                       {plan.AksEnforcer, []any{theirs}, false, plan.Update},
		"what is wanted has changed as well": {plan.AksEnforcer, []any{mine, theirs}, true, plan.Update},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			d := WantedMesh(t, twoClusters, TestBase)
			selector := func(conditions []any) []any {
				return []any{map[string]any{"name": "hook", "namespaceSelector": map[string]any{"matchExpressions": conditions}}}
			}
			i := slices.IndexFunc(d.Clusters[0].Items, func(it *desired.Item) bool { return it.Ref == object.InjectorRef(ns) })
			o := d.Clusters[0].Items[i].Object.DeepCopy()
			o.Object["webhooks"] = selector([]any{mine})
			it, err := desired.NewItem(d.Clusters[0].Items[i].Subject, "m", o, nil)
			if err != nil {
				t.Fatal(err)
			}
			d.Clusters[0].Items[i] = it
			w := appliedWorld(t, d)
			l := w.Clusters[0]
			was := l.Object(it.Ref)
			edit(l, it.Ref, func(o map[string]any) { o["webhooks"] = selector(tt.live) })
			seen := l.Objects[it.Ref]
			seen.Object.SetManagedFields(append(seen.Object.GetManagedFields(), metav1.ManagedFieldsEntry{
				Manager: tt.manager, FieldsV1: metav1.NewFieldsV1(`{"f:webhooks":{"k:{\"name\":\"hook\"}":{"f:namespaceSelector":{}}}}`),
			}))
			seen.Dry = was
			l.Objects[it.Ref] = seen
			if tt.edited {
				it.Hash = "another"
			}
			ch := NewPlan(d, w, plan.Options{}).Clusters[0].Planned(it.Ref)
			if ch.Action != tt.action {
				t.Errorf("%s %v, want %s", ch.Action, ch.Fields, tt.action)
			}
		})
	}
}

// Who changes an object again that was set back is named; what an apply set back
// is remembered as long as the object is wanted as it is.
func TestSetBack(t *testing.T) {
	ref := object.IstiodServiceRef("istio-system")
	d := WantedMesh(t, OneNetwork, TestBase)
	w := appliedWorld(t, d)
	drift(w.Clusters[0], ref, "policy", func(spec map[string]any) { spec["type"] = "NodePort" })
	p := NewPlan(d, w, plan.Options{})
	if got := said(p, "objects/"); got != nil {
		t.Errorf("the first time: %s", got)
	}
	after := p.Clusters[0].RecordAfter("m", nil, func(plan.Change) bool { return true })
	if diff := cmp.Diff([]string{"policy"}, after.Of(ref).SetBack); diff != "" {
		t.Errorf("on record (-want +got):\n%s", diff)
	}
	w.Clusters[0].Record.Objects = after.Objects
	want := []string{"objects/set-back a: Service istio-system/istiod: an earlier apply reset it, and policy has changed it again: spec.type | " +
		"if a policy or a controller does this, exempt the object from it, or set the same values in base.yaml"}
	p = NewPlan(d, w, plan.Options{})
	if diff := cmp.Diff(want, said(p, "objects/")); diff != "" {
		t.Errorf("the second time (-want +got):\n%s", diff)
	}
	if s := status.New(p, healthyProbes(p)); len(s.Notes) != 1 {
		t.Errorf("notes of the status: %v", s.Notes)
	}
	quiet := appliedWorld(t, d)
	quiet.Clusters[0].Record.Objects = slices.Clone(after.Objects)
	if NewPlan(d, quiet, plan.Options{}).Clusters[0].Count(plan.Update) != 0 || NewPlan(d, quiet, plan.Options{}).Clusters[0].Pending() {
		t.Error("what was set back is a change of its own")
	}
}

// Istiods that look away from their own namespace send nothing to the gateways there.
func TestPlanWarnsOfDiscoverySelectors(t *testing.T) {
	tests := map[string]struct {
		mesh, selectors string
		labels          map[string]string // of Istio's namespace
		want            int               // clusters warned of
	}{
		"none":                         {mesh: twoClusters, selectors: "[]"},
		"Istio's namespace by name":    {mesh: twoClusters, selectors: "[{matchLabels: {a: b}}, {matchLabels: {kubernetes.io/metadata.name: istio-system}}]"},
		"by a label of the user's":     {mesh: twoClusters, selectors: "[{matchLabels: {a: b}}]", labels: map[string]string{"a": "b"}},
		"by a label that we put on":    {mesh: twoClusters, selectors: "[{matchExpressions: [{key: topology.istio.io/network, operator: Exists}]}]"},
		"left out":                     {mesh: twoClusters, selectors: "[{matchLabels: {a: b}}]", want: 2},
		"left out, and on one network": {mesh: OneNetwork, selectors: "[{matchLabels: {a: b}}]"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			d := WantedMesh(t, tt.mesh, TestBase+"  meshConfig:\n    discoverySelectors: "+tt.selectors+"\n")
			w := appliedWorld(t, d)
			for _, c := range w.Clusters {
				live := c.Object(object.NamespaceRef("istio-system"))
				labels := live.GetLabels()
				maps.Copy(labels, tt.labels)
				live.SetLabels(labels)
			}
			got := said(NewPlan(d, w, plan.Options{}), "gateway/discovered")
			if len(got) != tt.want || tt.want > 0 && !strings.Contains(got[0], "add {matchLabels: {kubernetes.io/metadata.name: istio-system}} to discoverySelectors") {
				t.Errorf("said %q", got)
			}
		})
	}
}
