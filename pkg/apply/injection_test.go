package apply

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/setup-mesh/setup-mesh/pkg/apply/applytest"
	"github.com/setup-mesh/setup-mesh/pkg/apply/check"
	"github.com/setup-mesh/setup-mesh/pkg/apply/desired"
	"github.com/setup-mesh/setup-mesh/pkg/apply/internal/fixture"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/observe"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
	"github.com/setup-mesh/setup-mesh/pkg/apply/world"
	"github.com/setup-mesh/setup-mesh/pkg/topology"
)

// injected is a mesh in which the pods of namespace shop are injected.
func injected(mesh string) string {
	return strings.Replace(mesh, "contexts:", "injection: {namespaces: [shop]}\ncontexts:", 1)
}

// A namespace is labelled once a pod is seen to be injected. Where it stays, its label
// goes before the webhook, and where it goes, the copies in it have gone.
func TestInjectionOrder(t *testing.T) {
	const labels, webhook = "remove injection labels", "remove injection webhook"
	files := injected(sharedControlPlane)
	d := WantedMesh(t, files, TestBase)
	graphOf(t, NewPlan(d, EmptyWorld(d), plan.Options{})).wantBefore(t,
		[2]string{"east: put injection webhook", "east: prove injection"}, [2]string{"east: prove istiod", "east: prove injection"},
		[2]string{"east: prove injection", "east: put injected namespaces"}, [2]string{"west: prove injection", "west: put injected namespaces"})

	m, err := topology.ParseMesh("topology.yaml", []byte(files), nil)
	if err != nil {
		t.Fatal(err)
	}
	w := appliedWorld(t, d)
	for _, l := range w.Clusters {
		l.Leaving = true
	}
	theirs := map[string][]object.Ref{fixture.Shop: {{Kind: "ConfigMap", Namespace: fixture.Shop, Name: "theirs"}}}
	w.Clusters[0].Remains.Foreign, w.Clusters[1].Remains.Foreign = theirs, theirs
	g := graphOf(t, NewPlan(desired.Departing(m), w, plan.Options{}))
	g.wantBefore(t, [2]string{"east: " + labels, "east: " + webhook}, [2]string{"west: " + labels, "west: " + webhook},
		[2]string{"north: remove control plane", "north: remove injected namespaces"}, [2]string{"north: remove injected namespaces", "north: remove record"})
}

// Nobody injects the pods of a new remote cluster while its primary is not reached: its
// namespaces wait.
func TestInjectionWaitsForPrimaries(t *testing.T) {
	d := WantedMesh(t, injected(sharedControlPlane), TestBase)
	w := EmptyWorld(d)
	takeDown(w, "east")
	var got []string
	for _, c := range NewPlan(d, w, plan.Options{}).Clusters {
		if ch := c.Planned(object.NamespaceRef(fixture.Shop)); ch != nil {
			got = append(got, c.Name+" "+changeLine(*ch))
		}
	}
	want := []string{"west create Namespace shop blocked: east is not reached", "north create Namespace shop"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
}

// Copies go from a namespace before it does, and come once it is there.
func TestInjectionAndCopies(t *testing.T) {
	d, w := wantedSharing(t)
	giveService(w.Clusters[0], fixture.Service("cart", nil))
	list(t, d, fixture.Shop)
	p := planShared(t, d, w)
	if diff := cmp.Diff("b create Service shop/cart\nb create Namespace shop\nc create Namespace shop\n", sharedLines(p)); diff != "" {
		t.Errorf("plan (-want +got):\n%s", diff)
	}
	graphOf(t, p).wantBefore(t, [2]string{"b: prove injection", "b: put injected namespaces"}, [2]string{"b: put injected namespaces", "b: put shared services"})

	applyShared(t, d, w, p)
	d.SharedServices = nil
	list(t, d)
	graphOf(t, planShared(t, d, w)).wantBefore(t, [2]string{"b: remove shared services", "b: remove injected namespaces"})
}

// list has namespaces of all clusters injected, and no others.
func list(t *testing.T, d *desired.Desired, namespaces ...string) {
	t.Helper()
	for _, c := range d.Clusters {
		c.Items = nil
		for _, name := range namespaces {
			it, err := desired.NewItem(order.Subject{Component: order.Injection, Part: order.InjectedSpaces}, d.MeshID, desired.InjectedNamespace(name), nil)
			if err != nil {
				t.Fatal(err)
			}
			c.Items = append(c.Items, it)
		}
	}
}

// What an apply of a listed namespace needs beside that: to see that pods are injected.
func TestInjectionNeeds(t *testing.T) {
	w := appliedWorld(t, WantedMesh(t, OneNetwork, TestBase))
	d := WantedMesh(t, injected(OneNetwork), TestBase)
	p := NewPlan(d, w, plan.Options{})
	want := []string{
		"namespaces: create get patch", "mutatingwebhookconfigurations: list watch",
		"istio-system configmaps: get list patch watch", "istio-system pods: create list", "istio-system pods/portforward: create",
		"istio-system leases: create delete get update",
	}
	got := needLines(check.NewEvidence(p, nil, nil).Needs(p.Clusters[0]))
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("needs (-want +got):\n%s", diff)
	}
}

// A label that somebody has taken off is damage.
func TestInjectionDamage(t *testing.T) {
	d := WantedMesh(t, injected(OneNetwork), TestBase)
	w := appliedWorld(t, d)
	l, ref := w.Clusters[0], object.NamespaceRef(fixture.Shop)
	was := l.Object(ref)
	edit(l, ref, func(o map[string]any) {
		o["metadata"].(map[string]any)["labels"].(map[string]any)[object.LabelInjection] = "disabled"
	})
	seen := l.Objects[ref]
	seen.Object.SetManagedFields(append(seen.Object.GetManagedFields(), metav1.ManagedFieldsEntry{
		Manager: "kubectl", FieldsV1: metav1.NewFieldsV1(`{"f:metadata":{"f:labels":{"f:istio-injection":{}}}}`),
	}))
	seen.Dry = was
	l.Objects[ref] = seen
	w.Clusters[1].Objects[ref] = world.Observed{}
	p := NewPlan(d, w, plan.Options{})
	want := []string{"injection/namespaces a: Namespace shop was changed by kubectl", "injection/namespaces b: Namespace shop is missing"}
	got := slices.DeleteFunc(stateOf(p, healthyProbes(p)), func(s string) bool { return !strings.HasPrefix(s, "injection/") })
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("found (-want +got):\n%s", diff)
	}
}

// The subject of a namespace is told from its label where the record is lost, and a
// namespace of users that has a network is not taken for Istio's.
func TestLostRecordOfInjection(t *testing.T) {
	ref := object.NamespaceRef(fixture.Shop)
	p, lines := observed(t, alone, observe.Options{Teardown: true}, func(c *applytest.Cluster, apply func(*unstructured.Unstructured)) {
		theirs := object.New("v1", "Namespace", "", fixture.Shop, map[string]any{"labels": map[string]any{object.LabelNetwork: "n"}}, nil)
		if _, err := c.As("kubectl").Create(theirs); err != nil {
			t.Fatal(err)
		}
		ours := labelled(desired.InjectedNamespace(fixture.Shop), "m")
		unstructured.RemoveNestedField(ours.Object, "metadata", "annotations")
		apply(ours)
	})
	want := order.Subject{Component: order.Injection, Part: order.InjectionLabels}
	ch := p.Clusters[0].Planned(ref)
	if ch == nil || p.Clusters[0].Namespace != "istio-system" {
		t.Fatalf("plan of %s:\n%s", p.Clusters[0].Namespace, lines)
	}
	if diff := cmp.Diff(want, ch.Subject); diff != "" || !ch.LetGo {
		t.Errorf("let go: %v, subject (-want +got):\n%s", ch.LetGo, diff)
	}
}
