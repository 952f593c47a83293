package topology_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/setup-mesh/setup-mesh/pkg/topology"
)

func TestReads(t *testing.T) {
	tests := map[string]struct {
		contexts string
		want     []string // consumer and source
	}{
		"one cluster reads nobody, itself included": {
			"a: {network: n}", nil,
		},
		"joined clusters read each other": {
			"a: {network: n}, b: {network: o}, c: {network: n}",
			[]string{"a b", "a c", "b a", "b c", "c a", "c b"},
		},
		"a cluster that does not join reads nobody and is read by nobody": {
			"a: {network: n}, b: {network: n}, c: {network: n, disableRegistryJoin: true}",
			[]string{"a b", "b a"},
		},
		"a remote cluster reads nobody, and every joined istiod reads it": {
			"a: {network: n}, b: {network: n}, r: {network: n, primaries: [a]}",
			[]string{"a b", "a r", "b a", "b r"},
		},
		"a remote cluster that does not join is read by those that serve it": {
			"kind-a: {network: n}, b: {network: n}, r: {network: n, primaries: [kind-a], disableRegistryJoin: true}",
			[]string{"a b", "a r", "b a"},
		},
		"a primary that does not join reads those that it serves": {
			"a: {network: n, disableRegistryJoin: true}, b: {network: n}, r: {network: n, primaries: [a]}",
			[]string{"a r", "b r"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			m, err := topology.ParseMesh("topology.yaml", []byte("mesh_id: m\ncontexts: {"+tt.contexts+"}\n"), nil)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, consumer := range m.Clusters {
				for _, source := range m.Clusters {
					if m.Reads(consumer, source) {
						got = append(got, consumer.Name+" "+source.Name)
					}
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
