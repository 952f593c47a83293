package apply

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/setup-mesh/setup-mesh/pkg/apply/applytest"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/observe"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
	"github.com/setup-mesh/setup-mesh/pkg/apply/record"
	"github.com/setup-mesh/setup-mesh/pkg/apply/world"
)

const alone = "mesh_id: m\ncontexts: {a: {network: n, name: a}}\n"

// observed plans what is read of a cluster in memory, after setup has put things
// into it: ours by apply, others' by hand.
func observed(t *testing.T, topology string, o observe.Options, setup func(c *applytest.Cluster, apply func(*unstructured.Unstructured))) (p *plan.Plan, lines string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		fleet := applytest.New(1)
		defer fleet.Close()
		c := fleet.Add("a")
		run, ctx := fleet.Run(t.Context())
		client, err := run.Open("a")
		if err != nil {
			t.Fatal(err)
		}
		setup(c, func(o *unstructured.Unstructured) {
			if _, err := client.Apply(ctx, o, object.ApplyOptions{}); err != nil {
				t.Fatal(err)
			}
		})
		d := WantedMesh(t, topology, TestBase)
		d.Clusters[0].Items = nil // nothing is wanted here: what is left is what was found
		o.Now = time.Now()
		w, err := observe.Observe(ctx, &world.Clients{Opener: run}, d, o)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Clusters[0].Unreached; err != nil {
			t.Fatal(err)
		}
		p = NewPlan(d, w, plan.Options{})
		lines = planLines(p)
	})
	return p, lines
}

func labelled(o *unstructured.Unstructured, mesh string) *unstructured.Unstructured {
	labels := o.GetLabels()
	if labels == nil {
		labels = map[string]string{}
	}
	labels[object.LabelMesh] = mesh
	o.SetLabels(labels)
	return o
}

func recordOfMesh(t *testing.T, mesh, namespace string, objects ...record.Recorded) *unstructured.Unstructured {
	t.Helper()
	o, err := (&record.Record{Format: record.RecordFormat, Mesh: mesh, Cluster: "a", Members: []record.Member{}, Objects: objects}).Object(namespace)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// A record that is lost left what nobody wants in the cluster for ever: what has
// our label and our manager is what we put there.
func TestLostRecord(t *testing.T) {
	const ns = "istio-system"
	configMap := func(name string) *unstructured.Unstructured { return object.New("v1", "ConfigMap", ns, name, nil, nil) }
	p, got := observed(t, alone, observe.Options{}, func(c *applytest.Cluster, apply func(*unstructured.Unstructured)) {
		apply(labelled(object.New("v1", "Namespace", "", ns, nil, nil), "m"))
		apply(labelled(configMap("ours"), "m"))
		apply(labelled(configMap("another-mesh"), "x"))
		apply(configMap("without-label"))
		apply(labelled(object.New("v1", "Secret", ns, object.GrantPrefix+"b", nil, nil), "m"))
		if _, err := c.As("kubectl").Create(labelled(configMap("theirs"), "m")); err != nil {
			t.Fatal(err)
		}
	})
	want := "a delete ConfigMap istio-system/ours\na delete Secret istio-system/setup-mesh-grant-b\na create ConfigMap istio-system/setup-mesh\n"
	var lines string
	for _, c := range p.Clusters {
		for _, ch := range c.Changes {
			if ch.Action != plan.Keep {
				lines += fmt.Sprintf("%s %s %s\n", c.Name, ch.Action, ch.Object)
			}
		}
	}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Errorf("plan (-want +got):\n%s\n%s", diff, got)
	}
}

// A namespace that is somebody's, and holds nothing of ours, is no lost record.
func TestNoRecordYet(t *testing.T) {
	p, got := observed(t, alone, observe.Options{}, func(c *applytest.Cluster, _ func(*unstructured.Unstructured)) {
		if _, err := c.As("kubectl").Create(object.New("v1", "Namespace", "", "istio-system", nil, nil)); err != nil {
			t.Fatal(err)
		}
	})
	if p.Count(plan.Delete) > 0 || p.Clusters[0].Live.Record != nil {
		t.Errorf("plan:\n%s", got)
	}
}

// A cluster that is a member already is told of by its record, in whatever
// namespace that is.
func TestRecordElsewhere(t *testing.T) {
	there := func(mesh, namespace string) func(c *applytest.Cluster, apply func(*unstructured.Unstructured)) {
		return func(_ *applytest.Cluster, apply func(*unstructured.Unstructured)) {
			apply(labelled(object.New("v1", "Namespace", "", namespace, nil, nil), mesh))
			apply(labelled(object.New("v1", "ConfigMap", namespace, "ours", nil, nil), mesh))
			apply(recordOfMesh(t, mesh, namespace, record.Recorded{Ref: object.Ref{Kind: "ConfigMap", Namespace: namespace, Name: "ours"}}))
		}
	}
	lost := func(namespace string) func(c *applytest.Cluster, apply func(*unstructured.Unstructured)) {
		return func(_ *applytest.Cluster, apply func(*unstructured.Unstructured)) {
			apply(labelled(object.New("v1", "Namespace", "", namespace, map[string]any{"labels": map[string]any{object.LabelNetwork: "n"}}, nil), "m"))
			apply(labelled(object.New("v1", "ConfigMap", namespace, "ours", nil, nil), "m"))
		}
	}
	tests := map[string]struct {
		mesh, namespace string
		lost, teardown  bool
		want            string // refusals
		deletes         bool   // what is there
	}{
		"another mesh, in our namespace":    {mesh: "x", namespace: "istio-system", want: "the cluster is a member of mesh x (namespace istio-system), not of m"},
		"another mesh, in another one":      {mesh: "x", namespace: "mesh-x", want: "the cluster is a member of mesh x (namespace mesh-x), not of m"},
		"our mesh, in another namespace":    {mesh: "m", namespace: "istio-old", want: "the control plane is in namespace istio-old, but topology.yaml says istio-system"},
		"our mesh, where it should be":      {mesh: "m", namespace: "istio-system", deletes: true},
		"our mesh leaves another namespace": {mesh: "m", namespace: "istio-old", teardown: true, deletes: true},

		"our mesh, in another namespace, and its record is gone": {mesh: "m", namespace: "istio-old", lost: true, want: "the control plane is in namespace istio-old, but topology.yaml says istio-system"},
		"our mesh leaves another namespace without a record":     {mesh: "m", namespace: "istio-old", lost: true, teardown: true, deletes: true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			setup := there(tt.mesh, tt.namespace)
			if tt.lost {
				setup = lost(tt.namespace)
			}
			p, lines := observed(t, alone, observe.Options{Teardown: tt.teardown}, setup)
			var got string
			for _, f := range p.Refusals {
				got += f.Message
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("refused (-want +got):\n%s", diff)
			}
			deletes := false
			for _, ch := range p.Clusters[0].Changes {
				deletes = deletes || ch.Action == plan.Delete && ch.Object.Name == "ours" && ch.Object.Namespace == tt.namespace
			}
			if deletes != tt.deletes || !tt.deletes && p.Pending() {
				t.Errorf("plan:\n%s", lines)
			}
		})
	}
}

// What is adopted is tried by a dry run, so that the plan shows its fields, and what
// another tool owns of it does not outlast the apply.
func TestAdoptedIsTried(t *testing.T) {
	const topology = "mesh_id: m\ncontexts:\n  a: {network: n, name: a}\n  b: {network: n, name: b, primaries: [a]}\n"
	synctest.Test(t, func(t *testing.T) {
		fleet := applytest.New(1)
		defer fleet.Close()
		helm := object.New("v1", "Service", "istio-system", object.IstiodService, nil, map[string]any{"spec": map[string]any{
			"selector": map[string]any{"app": "istiod", "by": "helm"}, "ports": []any{map[string]any{"name": "https-dns", "port": int64(15012)}},
		}})
		for _, name := range []string{"a", "b"} {
			hand := fleet.Add(name).As("helm")
			for _, o := range []*unstructured.Unstructured{object.New("v1", "Namespace", "", "istio-system", nil, nil), helm} {
				if _, err := hand.Create(o); err != nil {
					t.Fatal(err)
				}
			}
		}
		run, ctx := fleet.Run(t.Context())
		d := WantedMesh(t, topology, TestBase)
		w, err := observe.Observe(ctx, &world.Clients{Opener: run}, d, observe.Options{Now: time.Now(), Adopt: true})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, c := range NewPlan(d, w, plan.Options{Adopt: true}).Clusters {
			ch := c.Planned(object.IstiodServiceRef("istio-system"))
			fields := ""
			for _, f := range ch.Fields {
				if f.Path == "spec.selector.by" || f.Path == "spec.selector[by]" {
					fields = fmt.Sprintf(" %s: %v -> %v", f.Path, f.Old, f.New)
				}
			}
			got = append(got, fmt.Sprintf("%s %s, recreated %v: %s%s", c.Name, ch.Action, ch.Replace, ch.Reason, fields))
		}
		want := []string{
			"a update, recreated false: adopted from helm spec.selector.by: helm -> <nil>",
			"b update, recreated true: adopted from helm; recreated: another tool owns its selector",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("plan (-want +got):\n%s", diff)
		}
	})
}

// Istio's namespace is as good as gone while it is being deleted, also where its
// record has gone first and what has our label is listed.
func TestNamespaceThatEnds(t *testing.T) {
	const ns = "istio-system"
	p, _ := observed(t, alone, observe.Options{}, func(c *applytest.Cluster, apply func(*unstructured.Unstructured)) {
		namespace := labelled(object.New("v1", "Namespace", "", ns, nil, nil), "m")
		apply(namespace)
		hands := c.As("kubectl")
		if _, err := hands.Edit(object.RefOf(namespace), func(o *unstructured.Unstructured) { o.SetFinalizers([]string{"example.com/held"}) }); err != nil {
			t.Fatal(err)
		}
		if err := hands.Delete(object.RefOf(namespace)); err != nil {
			t.Fatal(err)
		}
	})
	l := p.Clusters[0].Live
	if l.Object(object.NamespaceRef(ns)) != nil || !l.Ending[object.NamespaceRef(ns)] {
		t.Errorf("the namespace is %v, and ending %v", l.Objects[object.NamespaceRef(ns)], l.Ending)
	}
}

// A cluster is searched for what no record lists wherever something of ours is seen,
// in a role and under names that it does not have now.
func TestLeftoversWithoutNamespace(t *testing.T) {
	const remote = "mesh_id: m\ncontexts: {a: {network: n, name: a, primaries: [b]}, b: {network: n, name: b}}\n"
	old := []*unstructured.Unstructured{
		object.New("rbac.authorization.k8s.io/v1", "ClusterRole", "", "istio-reader-clusterrole-before", nil, nil),
		object.New("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration", "", "istio-sidecar-injector-before", nil, nil),
	}
	crd := applytest.CRD(schema.GroupKind{Group: "networking.istio.io", Kind: "Gateway"}, "v1")
	tests := map[string]struct {
		topology string
		left     []*unstructured.Unstructured
		want     []string
	}{
		"of a primary":                        {alone, old, []string{"delete ClusterRole istio-reader-clusterrole-before", "delete MutatingWebhookConfiguration istio-sidecar-injector-before"}},
		"of a remote cluster":                 {remote, old, []string{"delete ClusterRole istio-reader-clusterrole-before", "delete MutatingWebhookConfiguration istio-sidecar-injector-before"}},
		"CRDs of a primary, now a remote one": {remote, []*unstructured.Unstructured{crd}, []string{"delete CustomResourceDefinition gateways.networking.istio.io"}},
		"nothing":                             {alone, nil, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			p, _ := observed(t, tt.topology, observe.Options{}, func(_ *applytest.Cluster, apply func(*unstructured.Unstructured)) {
				for _, o := range tt.left {
					apply(labelled(o.DeepCopy(), "m"))
				}
			})
			var got []string
			for _, ch := range p.Clusters[0].Changes {
				if ch.Action == plan.Delete {
					got = append(got, fmt.Sprintf("%s %s", ch.Action, ch.Object))
				}
			}
			slices.Sort(got)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("deletions (-want +got):\n%s", diff)
			}
		})
	}
}
