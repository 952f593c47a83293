package topology_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/setup-mesh/setup-mesh/pkg/topology"
)

func TestNetworks(t *testing.T) {
	mesh := func(networks ...string) *topology.Mesh {
		m := &topology.Mesh{}
		for _, n := range networks {
			m.Clusters = append(m.Clusters, topology.Cluster{Network: n})
		}
		return m
	}
	tests := map[string]struct {
		mesh  *topology.Mesh
		want  []string
		multi bool
	}{
		"no cluster":                    {mesh(), nil, false},
		"one network":                   {mesh("a", "a"), []string{"a"}, false},
		"two, in the order of the file": {mesh("b", "a", "b"), []string{"b", "a"}, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := tt.mesh.Networks(); !slices.Equal(got, tt.want) || tt.mesh.MultiNetwork() != tt.multi {
				t.Errorf("Networks() = %v, MultiNetwork() = %v, want %v, %v", got, tt.mesh.MultiNetwork(), tt.want, tt.multi)
			}
		})
	}
}

func TestHasGateway(t *testing.T) {
	tests := map[string]struct {
		contexts string
		gateways []string          // the clusters that have one
		remotes  map[string]string // of each primary
	}{
		"one network":           {"a: {network: n}, b: {network: n}", nil, map[string]string{}},
		"two networks":          {"a: {network: n}, b: {network: o}", []string{"a", "b"}, map[string]string{}},
		"a remote on one":       {"a: {network: n}, kind-b: {network: n}, c: {network: n, primaries: [kind-b]}", []string{"b"}, map[string]string{"b": "c"}},
		"a remote on another":   {"a: {network: n}, b: {network: n}, c: {network: o, primaries: [b]}", []string{"a", "b", "c"}, map[string]string{"b": "c"}},
		"remotes of both":       {"d: {network: n, primaries: [a, b]}, a: {network: n}, b: {network: n}, c: {network: n, primaries: [b]}", []string{"a", "b"}, map[string]string{"a": "d", "b": "d c"}},
		"an empty list is none": {"a: {network: n}, b: {network: n, primaries: []}", nil, map[string]string{}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			m, err := topology.ParseMesh("topology.yaml", []byte("mesh_id: m\ncontexts: {"+tt.contexts+"}\n"), nil)
			if err != nil {
				t.Fatal(err)
			}
			var gateways []string
			remotes := map[string]string{}
			for _, c := range m.Clusters {
				if m.HasGateway(c) {
					gateways = append(gateways, c.Name)
				}
				if r := m.Remotes(c.Name); len(r) > 0 {
					remotes[c.Name] = strings.Join(r, " ")
				}
			}
			if diff := cmp.Diff(tt.gateways, gateways); diff != "" {
				t.Errorf("gateways (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.remotes, remotes); diff != "" {
				t.Errorf("remotes (-want +got):\n%s", diff)
			}
		})
	}
}
