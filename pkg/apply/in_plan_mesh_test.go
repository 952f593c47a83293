package apply

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/setup-mesh/setup-mesh/pkg/apply/record"
)

func TestMembers(t *testing.T) {
	a, b := record.Member{Name: "a", Context: "kind-a", UID: "1"}, record.Member{Name: "b", Context: "kind-b", UID: "2"}
	unknown := record.Member{Name: "b", Context: "kind-b"}
	recorded := &World{Clusters: []*Live{{Record: &record.Record{Members: []record.Member{a, b}}}, {}}}
	all := (*ClusterPlan).willGo
	tests := map[string]struct {
		clusters []*ClusterPlan
		gone     func(*ClusterPlan) bool
		want     []record.Member
	}{
		"those of the topology":                {[]*ClusterPlan{{Member: a}, {Member: b}}, all, []record.Member{a, b}},
		"one that leaves, before it is gone":   {[]*ClusterPlan{{Member: a}, {Member: b, Leaving: true}}, func(*ClusterPlan) bool { return false }, []record.Member{a, b}},
		"one that leaves, once it is gone":     {[]*ClusterPlan{{Member: a}, {Member: b, Leaving: true}}, all, []record.Member{a}},
		"one that leaves and may not do so":    {[]*ClusterPlan{{Member: a}, {Member: b, Leaving: true, Changes: []Change{{Blocked: "x"}}}}, all, []record.Member{a, b}},
		"one that leaves and is not reached":   {[]*ClusterPlan{{Member: a}, {Member: b, Leaving: true, Unreached: "x"}}, all, []record.Member{a, b}},
		"one that is not reached is as it was": {[]*ClusterPlan{{Member: a}, {Member: unknown, Unreached: "x"}}, all, []record.Member{a, b}},
		"those that nobody accounts for":       {nil, all, []record.Member{a, b}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			p := &Plan{Clusters: tt.clusters, world: recorded}
			if diff := cmp.Diff(tt.want, p.members(tt.gone)); diff != "" {
				t.Errorf("members (-want +got):\n%s", diff)
			}
		})
	}
}
