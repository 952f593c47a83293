package plan

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/setup-mesh/setup-mesh/pkg/apply/record"
	"github.com/setup-mesh/setup-mesh/pkg/apply/world"
)

func TestMembers(t *testing.T) {
	a, b := record.Member{Name: "a", Context: "kind-a", UID: "1"}, record.Member{Name: "b", Context: "kind-b", UID: "2"}
	unknown := record.Member{Name: "b", Context: "kind-b"}
	recorded := &world.World{Clusters: []*world.Live{{Record: &record.Record{Members: []record.Member{a, b}}}, {}}}
	all := (*Cluster).WillGo
	tests := map[string]struct {
		clusters []*Cluster
		gone     func(*Cluster) bool
		want     []record.Member
	}{
		"those of the topology":                {[]*Cluster{{Member: a}, {Member: b}}, all, []record.Member{a, b}},
		"one that leaves, before it is gone":   {[]*Cluster{{Member: a}, {Member: b, Leaving: true}}, func(*Cluster) bool { return false }, []record.Member{a, b}},
		"one that leaves, once it is gone":     {[]*Cluster{{Member: a}, {Member: b, Leaving: true}}, all, []record.Member{a}},
		"one that leaves and may not do so":    {[]*Cluster{{Member: a}, {Member: b, Leaving: true, Changes: []Change{{Blocked: "x"}}}}, all, []record.Member{a, b}},
		"one that leaves and is not reached":   {[]*Cluster{{Member: a}, {Member: b, Leaving: true, Unreached: "x"}}, all, []record.Member{a, b}},
		"one that is not reached is as it was": {[]*Cluster{{Member: a}, {Member: unknown, Unreached: "x"}}, all, []record.Member{a, b}},
		"those that nobody accounts for":       {nil, all, []record.Member{a, b}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			p := &Plan{Clusters: tt.clusters, World: recorded}
			if diff := cmp.Diff(tt.want, p.Members(tt.gone)); diff != "" {
				t.Errorf("members (-want +got):\n%s", diff)
			}
		})
	}
}
