package apply

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

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
	dropped := "trust domain cluster.local is dropped: workloads that still have certificates of it are refused | restart all workloads of all clusters before: kubectl rollout restart; and change policies that name it"
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
