package check

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
	"github.com/setup-mesh/setup-mesh/pkg/apply/record"
)

// meets asks for the ranges of the clusters that pairs would ask for.
func TestMeets(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		n := &network{index: map[*plan.Cluster]int{}}
		for i := range 1 + r.IntN(5) {
			one := neighbor{&plan.Cluster{Member: record.Member{Name: fmt.Sprint(i)}}, r.IntN(2) == 0, r.IntN(2) == 0}
			n.index[one.Cluster] = len(n.clusters)
			n.clusters = append(n.clusters, one)
			n.fresh, n.pending, n.both = n.fresh+count(one.fresh), n.pending+count(one.pending), n.both+count(one.fresh && one.pending)
		}
		for _, c := range n.clusters {
			want := slices.ContainsFunc(n.clusters, func(o neighbor) bool { return o.Cluster != c.Cluster && joinedBy(c, o) })
			if got := n.meets(c.Cluster); got != want {
				t.Fatalf("%s of %+v: %v, want %v", c.Name, n.clusters, got, want)
			}
		}
	}
}
