package apply

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/setup-mesh/setup-mesh/pkg/apply/check"
	"github.com/setup-mesh/setup-mesh/pkg/apply/desired"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
)

// A trust domain changes in steps: no istiod signs for one that another does not accept
// yet, and none that somebody still has is dropped.
func TestTrustDomainChangesInSteps(t *testing.T) {
	const (
		three   = "contexts: {kind-a: {network: n, name: a}, kind-b: {network: n, name: b}, kind-r: {network: n, name: r, primaries: [kind-a]}}\n"
		refused = "trust/same-domain %s: the trust domain changes from cluster.local to %s"
		reached = "apply when all clusters are reached, or take those that are gone out of topology.yaml"
	)
	mesh := func(domain string) string { return "mesh_id: m\ntrust_domain: " + domain + "\n" + three }
	base := func(aliases string) string {
		return "apiVersion: install.istio.io/v1alpha1\nkind: IstioOperator\nspec: {meshConfig: {trustDomainAliases: [" + aliases + "]}}\n"
	}
	ways := "go there in three applies: trust_domain: cluster.local in topology.yaml with meshConfig.trustDomainAliases: [new] in base.yaml; then trust_domain: new with trustDomainAliases: [cluster.local]; then, once all workloads were restarted, without the alias"
	dropped := "trust domain cluster.local is dropped: apply waits until no proxy of any cluster has a certificate of it | restart all workloads of all clusters before: kubectl rollout restart; and change policies that name it"
	type state struct{ domain, aliases string }
	old := state{"cluster.local", ""}
	tests := map[string]struct {
		a, b, want state // of each cluster at the last apply, and what is wanted now
		down       bool  // b is not reached
		says       []string
	}{
		"nothing changes":          {a: old, b: old, want: old},
		"first, both know the new": {a: old, b: old, want: state{"cluster.local", "new"}},
		"then it is the domain":    {a: state{"cluster.local", "new"}, b: state{"cluster.local", "new"}, want: state{"new", "cluster.local"}},
		"which was cut off":        {a: state{"new", "cluster.local"}, b: state{"cluster.local", "new"}, want: state{"new", "cluster.local"}},
		"then the old one goes": {a: state{"new", "cluster.local"}, b: state{"new", "cluster.local"}, want: state{"new", ""},
			says: []string{"trust/domain-dropped a: " + dropped, "trust/domain-dropped b: " + dropped}},
		"all at once": {a: old, b: old, want: state{"new", ""}, says: []string{
			fmt.Sprintf(refused, "a", "new, which workloads of a, b do not accept yet: they would refuse those with new certificates | "+ways),
			fmt.Sprintf(refused, "b", "new, which workloads of a, b do not accept yet: they would refuse those with new certificates | "+ways)}},
		"one does not know the new": {a: state{"cluster.local", "new"}, b: old, want: state{"new", "cluster.local"}, says: []string{
			fmt.Sprintf(refused, "a", "new, which workloads of b do not accept yet: they would refuse those with new certificates | "+ways),
			fmt.Sprintf(refused, "b", "new, which workloads of b do not accept yet: they would refuse those with new certificates | "+ways)}},
		"the old one is forgotten": {a: state{"cluster.local", "new"}, b: state{"cluster.local", "new"}, want: state{"new", ""}, says: []string{
			fmt.Sprintf(refused, "a", "new, and workloads with old certificates would be refused | put meshConfig.trustDomainAliases: [cluster.local] into base.yaml, and keep it until all workloads of all clusters were restarted"),
			fmt.Sprintf(refused, "b", "new, and workloads with old certificates would be refused | put meshConfig.trustDomainAliases: [cluster.local] into base.yaml, and keep it until all workloads of all clusters were restarted")}},
		"one still signs with the old": {a: state{"new", "cluster.local"}, b: state{"cluster.local", "new"}, want: state{"new", ""}, says: []string{
			"trust/same-domain a: trust domain cluster.local is dropped, but b still signs with it | keep it in meshConfig.trustDomainAliases of base.yaml for this apply",
			fmt.Sprintf(refused, "b", "new, and workloads with old certificates would be refused | put meshConfig.trustDomainAliases: [cluster.local] into base.yaml, and keep it until all workloads of all clusters were restarted")}},
		"one that is down may not know it": {a: state{"cluster.local", "new"}, b: old, down: true, want: state{"new", "cluster.local"}, says: []string{
			fmt.Sprintf(refused, "a", "new, but b is not reached: whether its workloads accept that is not known | "+reached)}},
		"one that is down may sign with it": {a: state{"new", "cluster.local"}, b: old, down: true, want: state{"new", ""}, says: []string{
			"trust/same-domain a: trust domain cluster.local is dropped, but b is not reached, and may sign with it | " + reached}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			d := WantedMesh(t, mesh(tt.want.domain), base(tt.want.aliases))
			w := appliedWorld(t, d)
			for i, was := range []state{tt.a, tt.b} {
				w.Clusters[i].Record.Manifest = WantedMesh(t, mesh(was.domain), base(was.aliases)).Clusters[i].Manifest.Spec
			}
			if tt.down {
				w.Clusters[1].Unreached, w.Clusters[1].Record = errors.New("i/o timeout"), nil
			}
			if diff := cmp.Diff(tt.says, said(NewPlan(d, w, plan.Options{}), "trust/same-domain", "trust/domain-")); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// An alias goes from no istiod before all proxies of all clusters are seen to need it no
// longer, those of remote clusters too.
func TestOrderOfDomainDropped(t *testing.T) {
	wanted := func(aliases string) *desired.Desired {
		d := WantedMesh(t, "mesh_id: m\ntrust_domain: new\ncontexts: {kind-a: {network: n, name: a}, kind-b: {network: n, name: b}, kind-r: {network: n, name: r, primaries: [kind-a]}}\n",
			"apiVersion: install.istio.io/v1alpha1\nkind: IstioOperator\nspec: {meshConfig: {trustDomainAliases: ["+aliases+"]}}\n")
		for _, c := range d.Clusters[:2] {
			config := object.New("v1", "ConfigMap", c.Member.Namespace, "istio", nil, map[string]any{"data": map[string]any{"mesh": aliases}})
			c.Items = append(c.Items, newItem(t, d, order.Subject{Component: order.ControlPlane, Part: order.Config}, config))
		}
		return d
	}
	tests := map[string]struct {
		was, is string
		proved  bool
	}{
		"one goes":      {"old", "", true},
		"one of two":    {"old, older", "old", true},
		"one comes":     {"", "old", false},
		"nothing moves": {"old", "old", false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			d := wanted(tt.is)
			p := NewPlan(d, seenFor(d, appliedWorld(t, wanted(tt.was))), plan.Options{})
			g, asks := graphOf(t, p), check.NewEvidence(p, check.Inspection{}, nil)
			for _, c := range []string{"a", "b", "r"} {
				if g.has(c+": prove identities") != tt.proved {
					t.Errorf("%s: steps %v", c, g.names())
				}
				if everywhere := object.AccessTo("list", object.Ref{Kind: "Pod"}); slices.Contains(asks.Needs(p.Cluster(c)), everywhere) != tt.proved {
					t.Errorf("%s: asks to list pods of all namespaces: %t", c, !tt.proved)
				}
				if tt.proved {
					g.wantBefore(t, [2]string{c + ": prove identities", "a: put configuration"}, [2]string{c + ": prove identities", "b: put configuration"})
				}
			}
		})
	}
	d := wanted("")
	w := seenFor(d, appliedWorld(t, wanted("old")))
	w.Cluster("r").Unreached = errors.New("i/o timeout")
	for _, s := range NewPlan(d, w, plan.Options{}).Steps {
		if s.Cluster == "a" && s.Part == order.Config && s.Kind == plan.Put && s.Blocked != "r is not reached" {
			t.Errorf("blocked: %q", s.Blocked)
		}
	}
}
