package simulate

import (
	"crypto/rand"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/setup-mesh/setup-mesh/pkg/apply"
	"github.com/setup-mesh/setup-mesh/pkg/apply/applytest"
	"github.com/setup-mesh/setup-mesh/pkg/apply/execute"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/observe"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
	"github.com/setup-mesh/setup-mesh/pkg/apply/record"
	"github.com/setup-mesh/setup-mesh/pkg/apply/world"
)

const shop = "shop"

// A stage is what somebody does by hand, and then an apply of what a user lists: i
// to be injected, s to be shared, a to be adopted.
type stage struct {
	by    func(primary, remote *applytest.Cluster)
	lists string
	want  string // namespace shop of the primary and of the remote cluster
}

// TestInjectedNamespaces has namespace shop listed, and no longer listed, in a primary
// and a remote cluster of it.
func TestInjectedNamespaces(t *testing.T) {
	tests := map[string][]stage{
		"one that nobody has is created, and goes": {
			{nil, "i", "created injected | created injected"},
			{nil, "", "absent | absent"},
		},
		"one that is somebody's gets a label, and loses that": {
			{labelledShop("team", "x"), "i", "injected team=x | created injected"},
			{nil, "", "team=x | absent"},
		},
		"one that somebody has labelled alike keeps the label": {
			{labelledShop("istio-injection", "enabled"), "i", "injected | created injected"},
			{nil, "", "istio-injection=enabled | absent"},
		},
		"one that was created, and in which there is something, stays": {
			{nil, "i", "created injected | created injected"},
			{func(primary, _ *applytest.Cluster) { put(primary, "ConfigMap", "theirs", nil) }, "", "with theirs | absent"},
			{nil, "i", "injected with theirs | created injected"},
		},
		"one that somebody has excluded is refused, or adopted": {
			{labelledShop("istio-injection", "disabled"), "i", "refused: namespace shop is listed in injection, but somebody has labelled it istio-injection=disabled"},
			{nil, "ia", "injected | created injected"},
			{nil, "", " | absent"},
		},
		"one of another Istio is refused, or adopted": {
			{labelledShop("istio.io/rev", "canary"), "i", "refused: namespace shop is listed in injection, but somebody has labelled it istio.io/rev=canary"},
			{nil, "ia", "injected istio.io/rev=canary | created injected"},
			{nil, "", "istio.io/rev=canary | absent"},
		},
		"one of our own revision is no claim": {
			{labelledShop("istio.io/rev", "default"), "i", "injected istio.io/rev=default | created injected"},
		},
		"what somebody changes is set back": {
			{nil, "i", "created injected | created injected"},
			{func(primary, remote *applytest.Cluster) { relabel(primary, "disabled"); relabel(remote, "") }, "i", "created injected | created injected"},
		},
		"one with copies is excluded by somebody": {
			{original, "s", "with cart | created with cart"},
			{func(_, remote *applytest.Cluster) { relabel(remote, "disabled") }, "is", "refused: namespace shop is listed in injection, but somebody has labelled it istio-injection=disabled"},
		},
		"one is there for copies and to be injected": {
			{original, "is", "injected with cart | created injected with cart"},
			{nil, "s", "with cart | created with cart"},
			{nil, "is", "injected with cart | created injected with cart"},
			{nil, "i", "injected with cart | created injected"},
			{nil, "", "with cart | absent"},
		},
		"one for both goes at once": {
			{original, "is", "injected with cart | created injected with cart"},
			{nil, "", "with cart | absent"},
		},
		"the record is lost": {
			{labelledShop("team", "x"), "i", "injected team=x | created injected"},
			{func(primary, remote *applytest.Cluster) {
				for _, c := range []*applytest.Cluster{primary, remote} {
					must(c.As("kubectl").Delete(record.Ref("istio-system")))
				}
			}, "", "team=x | absent"},
		},
		"one that is being deleted is made again": {
			{nil, "i", "created injected | created injected"},
			{func(primary, _ *applytest.Cluster) {
				primary.Set(func(set *applytest.Settings) { set.Delays.Ending = 20 * time.Second })
				must(primary.As("kubectl").Delete(object.NamespaceRef(shop)))
			}, "i", "created injected | created injected"},
		},
	}
	for name, stages := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { playStages(t, stages) })
		})
	}
}

// primaryAndRemote is a history of a primary a and its remote cluster b.
func primaryAndRemote() history {
	return history{Seed: 1, Size: 2, Slow: make([]time.Duration, 2), Start: []mesh{{ID: meshIDs[0], Namespace: "istio-system", Trace: 1, Members: []member{
		{Cluster: "a", Context: "a", Name: "a", Network: "net-1"}, {Cluster: "b", Context: "b", Name: "b", Network: "net-1", Primaries: []string{"a"}},
	}}}}
}

// A namespace of somebody's that they delete after the plan was made is not made again
// by what takes our labels off it.
func TestNamespaceThatIsGoneMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSim(primaryAndRemote(), nil)
		defer s.fleet.Close()
		c, m := s.fleet.Cluster("a"), &s.meshes[0]
		labelledShop("team", "x")(c, nil)
		m.Injected = []string{shop}
		if o := s.apply(s.process(t.Context(), "first", m.clone(), false), options{timeout: 5 * time.Minute}); o.err != nil || !o.report.Complete() {
			t.Fatalf("apply: %s", o)
		}
		m.Injected = nil
		d, err := s.wanted(*m, false)
		must(err)
		second := s.process(t.Context(), "second", m.clone(), false)
		clients := &world.Clients{Opener: second.run, Resolver: noNames{}}
		w, err := observe.Observe(second.ctx, clients, d, observe.Options{Now: time.Now()})
		must(err)
		p := apply.NewPlan(d, w, plan.Options{})
		must(c.As("kubectl").Delete(object.NamespaceRef(shop)))
		time.Sleep(time.Minute)
		execute.Apply(second.ctx, p, clients, execute.Options{Now: time.Now(), Random: rand.Reader, Holder: second.holder, Parallelism: 8})
		if got := shopOf(c); got != "absent" {
			t.Errorf("namespace shop: %s", got)
		}
	})
}

// playStages has stages follow one another. After each, nothing is left to do; and in
// the end a teardown leaves what others have.
func playStages(t *testing.T, stages []stage) {
	s := newSim(primaryAndRemote(), nil)
	defer s.fleet.Close()
	primary, remote := s.fleet.Cluster("a"), s.fleet.Cluster("b")
	apply := func(ends, adopt bool) outcome {
		m := s.meshes[0].clone()
		s.arm([]intent{{m, ends}})
		return s.apply(s.process(t.Context(), "first", m, ends), options{timeout: 5 * time.Minute, adopt: adopt})
	}
	for i, st := range stages {
		if st.by != nil {
			st.by(primary, remote)
			time.Sleep(time.Second)
		}
		m := &s.meshes[0]
		m.Injected, m.Shared = nil, nil
		if strings.Contains(st.lists, "i") {
			m.Injected = []string{shop}
		}
		if strings.Contains(st.lists, "s") {
			m.Shared = []string{shop}
		}
		o := apply(false, strings.Contains(st.lists, "a"))
		time.Sleep(time.Minute) // for what an apply does not wait for
		got := becameOf(o, primary, remote)
		if diff := cmp.Diff(st.want, got); diff != "" {
			t.Fatalf("stage %d (-want +got):\n%s%s", i, diff, o)
		}
		if o.err == nil {
			if again := apply(false, false); again.err != nil || again.plan.Pending() {
				t.Fatalf("stage %d: after it, something is to be done: %s", i, again)
			}
		}
	}
	if o := apply(true, false); o.err != nil || !o.report.Complete() {
		t.Fatalf("teardown: %s", o)
	}
	time.Sleep(time.Minute)
	s.fleet.Look(s.empty)
	if s.failed != nil {
		t.Error(s.failed)
	}
}

// becameOf is why an apply was refused or, after it, what namespace shop is in each of some
// clusters.
func becameOf(o outcome, clusters ...*applytest.Cluster) string {
	if o.plan != nil && len(o.plan.Refusals) > 0 {
		return "refused: " + o.plan.Refusals[0].Message
	}
	var out []string
	for _, c := range clusters {
		out = append(out, shopOf(c))
	}
	return strings.Join(out, " | ")
}

func shopOf(c *applytest.Cluster) string {
	ns := c.Get(object.NamespaceRef(shop))
	if ns == nil {
		return "absent"
	}
	var out []string
	if object.IsOurNamespace(ns) {
		out = append(out, "created")
	}
	if object.IsLabelled(ns) && ns.GetLabels()[object.LabelInjection] == "enabled" {
		out = append(out, "injected")
	}
	for _, k := range object.SortedKeys(ns.GetLabels()) {
		if k != "kubernetes.io/metadata.name" && k != object.LabelMesh && (k != object.LabelInjection || !slices.Contains(out, "injected")) {
			out = append(out, k+"="+ns.GetLabels()[k])
		}
	}
	for _, kind := range []object.Ref{{Kind: "ConfigMap"}, {Kind: "Service"}} {
		for _, o := range c.List(kind.GroupKind(), shop) {
			if o.GetName() == "theirs" || o.GetName() == "cart" {
				out = append(out, "with "+o.GetName())
			}
		}
	}
	return strings.Join(out, " ")
}

// labelledShop makes the namespace of the primary somebody's, with a label.
func labelledShop(key, value string) func(primary, remote *applytest.Cluster) {
	return func(primary, _ *applytest.Cluster) {
		_, err := primary.As("kubectl-create").Create(object.New("v1", "Namespace", "", shop, map[string]any{"labels": map[string]any{key: value}}, nil))
		must(err)
	}
}

// original is a Service of somebody's in the primary.
func original(primary, _ *applytest.Cluster) {
	_, err := primary.As("kubectl-create").Create(object.New("v1", "Namespace", "", shop, nil, nil))
	must(err)
	put(primary, "Service", "cart", map[string]any{"spec": map[string]any{"ports": []any{map[string]any{"name": "http", "port": int64(80)}}}})
}

func put(c *applytest.Cluster, kind, name string, content map[string]any) {
	_, err := c.As("kubectl-create").Create(object.New("v1", kind, shop, name, nil, content))
	must(err)
}

// relabel sets the label by which pods are injected, or takes it off.
func relabel(c *applytest.Cluster, value string) {
	_, err := c.As("kubectl-label").Edit(object.NamespaceRef(shop), func(o applytest.Object) {
		labels := o.GetLabels()
		labels[object.LabelInjection] = value
		if value == "" {
			delete(labels, object.LabelInjection)
		}
		o.SetLabels(labels)
	})
	must(err)
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
